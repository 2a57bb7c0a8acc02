"""The sealer beside transactions that end out of order, and beside other sealers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event, Thread

import pytest
from django.db import connections, transaction

from points.models import Checkpoint, LogLeaf
from points.services import sealing
from tenants.context import in_brand
from tenants.models import Brand
from tests.points import sealed
from tests.points.support import earn
from tests.support.brands import ANNA, BORIS


@pytest.fixture
def brand(committed_db: None) -> Iterator[Brand]:
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        yield acme


def references() -> list[str]:
    return list(LogLeaf.objects.order_by("index").values_list("entry__reference", flat=True))


def test_what_was_begun_earlier_and_committed_later_is_not_passed_by(brand: Brand, now: datetime) -> None:
    written, may_commit = Event(), Event()

    def slow() -> None:
        try:
            with in_brand(brand), transaction.atomic():
                earn(ANNA, 1, "begun first", now=now)
                written.set()
                assert may_commit.wait(30)
        finally:
            connections.close_all()

    thread = Thread(target=slow)
    thread.start()
    assert written.wait(30)
    earn(BORIS, 1, "committed first", now=now)
    assert sealing.seal(now=now) == 0
    assert not Checkpoint.objects.exists()
    may_commit.set()
    thread.join()
    sealed.let_others_end()
    assert sealing.seal(now=now) == 2
    assert references() == ["begun first", "committed first"]
    assert sealed.violated() == {}


def test_what_was_rolled_back_leaves_no_trace(brand: Brand, now: datetime) -> None:
    earn(ANNA, 1, "kept", now=now)
    with transaction.atomic():
        earn(ANNA, 1, "undone", now=now)
        transaction.set_rollback(True)
    sealed.let_others_end()
    assert sealing.seal(now=now) == 1
    assert references() == ["kept"]


def test_sealers_at_the_same_time_seal_everything_once(
    brand: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "PORTION", 3)
    for number in range(40):
        earn(ANNA, 1, f"o-{number}", now=now)
    sealed.let_others_end()
    gate = Barrier(5)

    def run(thorough: bool) -> int:
        try:
            with in_brand(brand):
                gate.wait(30)
                if thorough:
                    return sealing.seal_missed(now=now, since=sealing.ALWAYS)
                return sealing.seal(now=now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(run, [False, False, False, True, True])) == 40
    assert sorted(references()) == sorted(f"o-{number}" for number in range(40))
    assert Checkpoint.objects.order_by("-size")[0].size == 40
    assert sealed.violated() == {}
