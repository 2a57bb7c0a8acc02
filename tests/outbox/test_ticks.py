"""A tick reaches every active brand, each in its own schema, and one at a time."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from loyalty.celery import app
from loyalty.lib import clock, waiting
from loyalty.outbox import services, tasks
from loyalty.outbox.models import OutboxEvent
from points import tasks as due_work
from points.models import Entry
from tenants import fanout
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.points.support import earn
from tests.support.brands import ANNA, BORIS, CHEN


@pytest.fixture(autouse=True)
def _eager() -> Iterator[None]:
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    cache.clear()
    yield
    app.conf.task_always_eager = app.conf.task_eager_propagates = False


def happened(brand: Brand) -> None:
    with in_brand(brand), transaction.atomic():
        services.publish(
            type="member.updated",
            payload={"member_id": str(ANNA), "changed": []},
            member_id=ANNA,
            occurred_at=NOW,
        )


def positions(brand: Brand) -> list[int | None]:
    with in_brand(brand):
        return list(OutboxEvent.objects.values_list("position", flat=True))


@pytest.mark.django_db
def test_the_tick_runs_in_every_active_brand(acme: Brand, globex: Brand) -> None:
    for brand in (acme, globex):
        happened(brand)
    tasks.tick_handlers()
    assert (positions(acme), positions(globex)) == ([1], [1])
    assert connection.schema_name == "public"


def test_a_tick_that_waited_for_the_next_one_is_dropped() -> None:
    waits = {
        name: (tick["schedule"], tick["options"]["expires"]) for name, tick in app.conf.beat_schedule.items()
    }
    assert waits["outbox-handlers"] == (2.0, 10.0)
    assert waits["points-seal"] == (15.0, 15.0)
    assert all(max(every, 10.0) == wait for every, wait in waits.values())


@pytest.mark.django_db
def test_a_suspended_brand_is_left_alone(acme: Brand, globex: Brand) -> None:
    happened(acme)
    happened(globex)
    Brand.objects.filter(pk=acme.pk).update(status=Brand.Status.SUSPENDED)
    assert fanout.for_each_brand(tasks.run_handlers) == 1
    assert (positions(acme), positions(globex)) == ([None], [1])


@pytest.mark.django_db
def test_a_tick_that_another_beat_asked_does_nothing(acme: Brand, globex: Brand) -> None:
    sent = {"headers": {waiting.PERIOD: 60.0}}
    happened(acme)
    tasks.tick_handlers.apply_async(**sent)
    happened(acme)
    tasks.tick_handlers.apply_async(**sent)
    assert positions(acme) == [1, None]
    tasks.tick_handlers.apply_async()  # one that says no period is always asked
    assert positions(acme) == [1, 2]


@pytest.mark.django_db
def test_a_tick_that_failed_is_not_taken_for_done() -> None:
    sent, runs = {"headers": {waiting.PERIOD: 60.0}}, []

    @app.task(name="tests.tick")
    def tick() -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise LookupError

    with pytest.raises(LookupError):
        tick.apply_async(**sent)
    tick.apply_async(**sent)
    tick.apply_async(**sent)
    assert runs == [0, 1]
    app.tasks.unregister("tests.tick")


@pytest.mark.django_db
def test_what_a_turn_leaves_is_done_in_the_next_one(
    in_acme: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "TURN_S", 0.0)
    monkeypatch.setattr(due_work, "BATCH", 1)
    for member in (ANNA, BORIS, CHEN):
        earn(member, 1, f"o-{member}", now=now, expires_at=now + timedelta(days=1))
    with clock.frozen(now + timedelta(days=1)):
        due_work.settle_due.apply_async()
    assert Entry.objects.filter(kind="expiry").count() == 3


@pytest.mark.django_db
def test_without_the_cache_ticks_and_tasks_run_all_the_same(
    acme: Brand, globex: Brand, settings: Any
) -> None:
    nobody = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/1"}
    settings.CACHES = {"default": nobody}
    for brand in (acme, globex):
        happened(brand)
    tasks.tick_handlers.apply_async(headers={waiting.PERIOD: 60.0})
    assert (positions(acme), positions(globex)) == ([1], [1])


def test_what_is_alone_is_alone_for_its_brand(committed_db: None) -> None:
    acme, globex = Brand.objects.order_by("slug")
    held: dict[str, bool] = {}

    def other() -> None:
        try:
            for name, brand, job in (
                ("same", acme, "sweep"),
                ("job", acme, "count"),
                ("brand", globex, "sweep"),
            ):
                with in_brand(brand), fanout.alone(job) as got:
                    held[name] = got
        finally:
            connection.close()

    with in_brand(acme):
        with fanout.alone("sweep") as mine:
            assert mine is True
            thread = threading.Thread(target=other)
            thread.start()
            thread.join(10)
        assert held == {"same": False, "job": True, "brand": True}
        with fanout.alone("sweep") as again:
            assert again is True
