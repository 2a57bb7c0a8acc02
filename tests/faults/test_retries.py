"""What the database asks to be repeated is repeated, a few times; then 503, and nothing was written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction

from loyalty.lib import transactions
from loyalty.outbox.models import IdempotencyRecord
from points import services as points
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.faults import injection as faults
from tests.points.support import assert_sound, earn, numbers
from tests.support import brands
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

KEY = "a-key-that-is-used-again"
BURN = {"member": {"member_id": str(ANNA)}, "points": 30, "reference": "till-1"}


@pytest.fixture
def api(committed_db: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A partner, and a member with a hundred points; the pauses between attempts are short."""
    monkeypatch.setattr(transactions, "FIRST_PAUSE_S", 0.0001)
    with in_brand(Brand.objects.get(slug="acme")):
        earn(ANNA, 100, "o-1", now=now)
    return Api("acme.localhost", brands.key("acme"))


@pytest.fixture
def book(api: Api) -> Callable[[], tuple[int, int, int]]:
    """Available points, entries and stored answers."""

    def read() -> tuple[int, int, int]:
        with in_brand(Brand.objects.get(slug="acme")):
            assert_sound()
            return numbers(ANNA)[0], Entry.objects.count(), IdempotencyRecord.objects.count()

    return read


@pytest.mark.parametrize("state", [faults.DEADLOCK, faults.SERIALIZATION, faults.LOCK_TIMEOUT])
def test_a_fault_that_passes_is_not_seen_by_the_caller(state: str, api: Api, book: Any) -> None:
    with faults.raising(state, table="points_entry", last=transactions.ATTEMPTS - 1) as tried:
        answer = api.post("/burns", BURN, key=KEY)
        assert (answer.status_code, answer.json()["account"]["available"]) == (201, 70)
        assert tried() == transactions.ATTEMPTS
    assert book() == (70, 2, 1)


def test_a_fault_at_the_commit_is_repeated_too(api: Api, book: Any) -> None:
    with faults.raising(faults.SERIALIZATION, table="points_entry", last=2, at="COMMIT") as tried:
        assert api.post("/burns", BURN).status_code == 201
        assert tried() == 3
    assert book() == (70, 2, 0)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("state", [faults.DEADLOCK, faults.SERIALIZATION, faults.LOCK_TIMEOUT])
def test_a_fault_that_stays_is_503_and_writes_nothing(
    state: str, key: str | None, api: Api, book: Any
) -> None:
    with faults.raising(state, table="points_entry", last=1000) as tried:
        answer = api.post("/burns", BURN, key=key)
        assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["Retry-After"] == "1"
        assert tried() == transactions.ATTEMPTS
        assert book() == (100, 1, 0)
    answer = api.post("/burns", BURN, key=key)  # the same key works once the fault has passed
    assert (answer.status_code, "Idempotent-Replayed" in answer) == (201, False)
    assert book()[:2] == (70, 2)


def test_other_faults_are_not_repeated(api: Api, book: Any) -> None:
    with faults.raising("53200", table="points_entry", last=1000) as tried:  # out of memory
        answer = api.post("/burns", BURN, key=KEY)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer["Retry-After"] == "2"
        assert tried() == 1
    assert book() == (100, 1, 0)


def test_inside_a_transaction_only_its_owner_repeats(api: Api, now: datetime) -> None:
    attempts: list[int] = []

    def work() -> None:
        attempts.append(1)
        earn(ANNA, 1, "o-2", now=now)

    with (
        faults.raising(faults.DEADLOCK, table="points_entry", last=1000),
        pytest.raises(OperationalError),
        in_brand(Brand.objects.get(slug="acme")),
        transaction.atomic(),
    ):
        transactions.retried(work)
    assert attempts == [1]


def test_a_row_that_stays_locked_is_503_after_the_lock_timeouts(api: Api, book: Any) -> None:
    with closing(faults.database()) as other, faults.setting("lock_timeout", "30ms"):
        other.autocommit = False
        other.execute("SELECT 1 FROM acme.points_account WHERE member_id = %s FOR UPDATE", [ANNA])
        answer = api.post("/burns", BURN, key=KEY)
        assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
        other.rollback()
        assert book() == (100, 1, 0)
        assert api.post("/burns", BURN, key=KEY).status_code == 201
    assert book() == (70, 2, 1)


def test_the_victim_of_a_real_deadlock_is_repeated(api: Api, book: Any, now: datetime) -> None:
    """Another connection locks the two accounts of a transfer in the opposite order."""
    with in_brand(Brand.objects.get(slug="acme")):
        points.open_account(member_id=BORIS, now=now)
    body = {"from": {"member_id": str(ANNA)}, "to": {"member_id": str(BORIS)}, "points": 30, "reference": "t"}
    answers: list[Any] = []

    def call() -> None:
        try:
            answers.append(api.post("/transfers", body, key=KEY))
        finally:
            connection.close()

    with (
        closing(faults.database()) as other,
        closing(faults.database()) as watcher,
        faults.setting("deadlock_timeout", "200ms"),
    ):
        low, high = _accounts(other)
        other.autocommit = False
        other.execute("SET deadlock_timeout = '30s'")  # so that the other side is the victim
        other.execute("SELECT 1 FROM acme.points_account WHERE id = %s FOR UPDATE", [high])
        thread = threading.Thread(target=call)
        thread.start()
        faults.waiting_for_a_lock(watcher)
        other.execute("SELECT 1 FROM acme.points_account WHERE id = %s FOR UPDATE", [low])
        other.commit()
        thread.join(30)
    assert [answer.status_code for answer in answers] == [201]
    assert book() == (70, 3, 1)


def _accounts(server: Any) -> tuple[UUID, UUID]:
    rows = server.execute("SELECT id FROM acme.points_account ORDER BY id").fetchall()
    return rows[0][0], rows[1][0]


def test_the_sweep_repeats_what_the_database_asks_for(api: Api, now: datetime) -> None:
    brand = Brand.objects.get(slug="acme")
    with in_brand(brand):
        earn(BORIS, 10, "o-2", now=now, expires_at=now.replace(day=25))
    with faults.raising(faults.DEADLOCK, table="points_entry", last=2) as tried:
        with in_brand(brand):
            assert points.expire_due(now=now.replace(day=26)) == 1
        assert tried() == 3
    with in_brand(brand):
        assert numbers(BORIS) == (0, 0, 0, 0)
        assert_sound()
