"""Due work: the sweep in batches, notices once per stage, sliding inactivity, tasks."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.cache import cache

from loyalty.lib import clock, waiting
from loyalty.outbox.models import OutboxEvent
from points import services as points
from points import tasks
from points.models import Account, Entry, ExpiryNotice, Hold, NoticeLook
from tenants import fanout
from tenants.context import in_brand
from tenants.models import Brand
from tests.points.support import assert_sound, book, earn, lots, numbers
from tests.support.brands import ANNA, BORIS, CHEN

pytestmark = pytest.mark.django_db


def local(text: str) -> datetime:
    return datetime.fromisoformat(text + "+08:00")


def test_the_sweep_settles_what_is_due_and_nothing_else(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a-1", now=now, expires_at=now + timedelta(days=1))
    earn(ANNA, 5, "a-2", now=now, expires_at=now + timedelta(days=1))
    earn(ANNA, 7, "a-3", now=now, expires_at=now + timedelta(days=9))
    earn(BORIS, 3, "b-1", now=now, available_at=now + timedelta(days=1))
    earn(CHEN, 4, "c-1", now=now)
    assert points.expire_due(now=now + timedelta(hours=23)) == 0
    due = now + timedelta(days=2)
    assert points.expire_due(now=due) == 2
    assert points.expire_due(now=due) == 0
    assert book(ANNA)[-1] == ("expiry", -15, 7)  # one entry for what ended at one instant
    assert (numbers(BORIS), numbers(CHEN)) == ((3, 0, 0, 0), (4, 0, 0, 0))
    assert Account.objects.get(member_id=ANNA).next_due_at == now + timedelta(days=9)
    assert OutboxEvent.objects.filter(type="points.expired").count() == 1
    assert_sound()


def test_the_sweep_works_in_batches(in_acme: Brand, now: datetime) -> None:
    for member in (ANNA, BORIS, CHEN):
        earn(member, 10, f"o-{member}", now=now, expires_at=now + timedelta(days=1))
    later = now + timedelta(days=1)
    assert [points.expire_due(now=later, limit=2) for _ in range(3)] == [2, 1, 0]


def test_what_fell_due_at_different_times_is_booked_at_those_times(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + timedelta(days=1))
    earn(ANNA, 6, "b", now=now, expires_at=now + timedelta(days=2))
    points.expire_due(now=now + timedelta(days=5))
    rows = Entry.objects.filter(kind="expiry").order_by("seq")
    assert [(r.points, r.effective_at, r.recorded_at) for r in rows] == [
        (10, now + timedelta(days=1), now + timedelta(days=5)),
        (6, now + timedelta(days=2), now + timedelta(days=5)),
    ]


def test_inactivity_slides_with_every_accrual_and_burn(in_acme: Brand) -> None:
    start = local("2026-01-31T12:00")
    earn(ANNA, 10, "a", now=start, inactivity_months=1)
    points.expire_due(now=local("2026-02-28T23:59"))
    assert numbers(ANNA) == (10, 0, 0, 0)
    points.burn(member_id=ANNA, points=1, reference="b", now=local("2026-02-28T23:59"))
    points.expire_due(now=local("2026-03-28T23:59"))
    assert numbers(ANNA) == (9, 0, 0, 0)
    points.expire_due(now=local("2026-03-29T00:00"))
    assert book(ANNA)[-1] == ("expiry", -9, 0)
    assert lots(ANNA) == [(0, 0, "closed")]
    assert_sound()


def test_adjustments_and_transfers_are_no_activity(in_acme: Brand) -> None:
    start = local("2026-01-10T12:00")
    earn(ANNA, 10, "a", now=start, inactivity_months=1)
    points.adjust(
        member_id=ANNA, points=1, reference="x", reason="r", actor="o", now=local("2026-02-09T12:00")
    )
    points.expire_due(now=local("2026-02-11T00:00"))
    assert numbers(ANNA) == (1, 0, 0, 0)


def test_each_stage_is_announced_once(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=local("2027-01-01T00:00"))  # last valid day: 31 December
    earn(ANNA, 5, "b", now=now, expires_at=local("2027-01-01T00:00"))
    earn(BORIS, 5, "c", now=now)

    def announced(at: str) -> list[tuple[int, int]]:
        before = set(OutboxEvent.objects.values_list("id", flat=True))
        points.announce_expiring(now=local(at))
        fresh = OutboxEvent.objects.filter(type="points.expiring").exclude(id__in=before)
        return [(e.payload["days_before"], e.payload["points"]) for e in fresh]

    assert announced("2026-11-30T23:59") == []
    assert announced("2026-12-01T00:00") == [(30, 15)]
    assert announced("2026-12-01T00:00") == []
    assert announced("2026-12-23T12:00") == []
    assert announced("2026-12-24T00:00") == [(7, 15)]
    points.burn(member_id=ANNA, points=3, reference="x", now=local("2026-12-25T00:00"))
    assert announced("2026-12-30T00:00") == [(1, 12)]
    assert announced("2026-12-31T23:00") == []
    assert ExpiryNotice.objects.count() == 3


def test_a_worker_that_slept_announces_the_stage_that_is_reached(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=local("2027-01-01T00:00"))
    assert points.announce_expiring(now=local("2026-12-28T00:00")) == 1
    assert OutboxEvent.objects.get(type="points.expiring").payload == {
        "member_id": str(ANNA),
        "points_currency": "points",
        "points": 10,
        "expires_at": "2026-12-31T16:00:00+00:00",
        "days_before": 7,
    }


def test_held_points_are_not_announced(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + timedelta(days=3))
    points.hold(member_id=ANNA, points=10, reference="h", expires_at=now + timedelta(days=5), now=now)
    assert points.announce_expiring(now=now) == 0


def test_tasks_do_the_brands_due_work(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + timedelta(days=3))
    for _again in range(2):
        tasks.announce_expiring()
        assert ExpiryNotice.objects.count() == 1
    with clock.frozen(now + timedelta(days=3)):
        for _again in range(2):
            tasks.settle_due()
            assert book(ANNA) == [("accrual", 10, 10), ("expiry", -10, 0)]
    assert numbers(ANNA) == (0, 0, 0, 0)


def test_what_lies_behind_something_earlier_is_announced_too(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + timedelta(days=3))
    earn(ANNA, 5, "b", now=now, expires_at=now + timedelta(days=25))
    earn(ANNA, 2, "c", now=now, available_at=now + timedelta(hours=1), expires_at=now + timedelta(days=26))
    points.hold(member_id=ANNA, points=4, reference="h", expires_at=now + timedelta(minutes=5), now=now)
    assert Account.objects.get(member_id=ANNA).next_due_at == now + timedelta(minutes=5)
    assert points.announce_expiring(now=now) == 3
    told = OutboxEvent.objects.filter(type="points.expiring").order_by("payload__points")
    assert [(e.payload["days_before"], e.payload["points"]) for e in told] == [(30, 2), (30, 5), (7, 6)]


def test_until_midnight_only_who_changed_is_looked_at(in_acme: Brand, now: datetime) -> None:
    for member in (ANNA, BORIS, CHEN):
        earn(member, 10, f"a-{member}", now=now, expires_at=now + timedelta(days=3))
    assert points.announce_expiring(now=now + timedelta(hours=1), limit=2) == 3
    assert NoticeLook.objects.get().after is None
    # Untold again as far as the notices go: the account did not change, and nobody asks before midnight.
    ExpiryNotice.objects.filter(account__member_id=ANNA).delete()
    later = now + timedelta(hours=2)
    points.hold(member_id=BORIS, points=10, reference="h", expires_at=later + timedelta(hours=1), now=later)
    earn(BORIS, 5, "b", now=later, expires_at=now + timedelta(days=4))
    assert points.announce_expiring(now=later) == 1
    points.void(hold_id=Hold.objects.get().pk, now=later)
    assert points.announce_expiring(now=later) == 0  # told of those ten before
    earn(CHEN, 5, "c", now=later, expires_at=now + timedelta(days=4))
    assert points.announce_expiring(now=later + timedelta(hours=1)) == 1
    assert points.announce_expiring(now=local("2026-11-23T00:00")) == 1
    told = OutboxEvent.objects.filter(type="points.expiring").order_by("id").last()
    assert told is not None
    assert told.member_id == ANNA


def test_held_points_are_announced_once_they_are_free(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + timedelta(days=3))
    hold = points.hold(member_id=ANNA, points=10, reference="h", expires_at=now + timedelta(days=5), now=now)
    assert points.announce_expiring(now=now) == 0
    later = now + timedelta(hours=1)
    points.void(hold_id=hold.hold_id, now=later)
    assert points.announce_expiring(now=later) == 1


def test_a_look_that_was_cut_off_goes_on(in_acme: Brand, now: datetime) -> None:
    for member in (ANNA, BORIS, CHEN):
        earn(member, 10, f"a-{member}", now=now, expires_at=now + timedelta(days=3))
    portions = [points.announce_portion(now=now, limit=1) for _time in range(4)]
    assert [(portion.written, portion.more) for portion in portions] == [
        (1, True), (1, True), (1, True), (0, False)
    ]  # fmt: skip
    stages = (1, 7, 45)
    assert points.announce_portion(now=now, stages=stages, limit=1).more
    earn(ANNA, 1, "b", now=now, expires_at=now + timedelta(days=40))
    assert points.announce_expiring(now=now, stages=stages) == 0  # it is past her
    assert points.announce_expiring(now=now, stages=stages) == 1


def test_a_large_brand_leaves_room_for_a_small_one(
    acme: Brand, globex: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that is over at once: one portion each, and what is left waits behind the other brands."""
    monkeypatch.setattr(tasks, "BATCH", 2)
    monkeypatch.setattr(fanout, "TURN_S", 0.0)
    due = now + timedelta(days=1)
    with in_brand(acme):
        for number in range(9):
            member, currency = (ANNA, BORIS, CHEN)[number % 3], f"kind_{number // 3}"
            earn(member, 1, f"o-{number}", now=now, expires_at=due, currency=currency)
    with in_brand(globex):
        earn(ANNA, 1, "o", now=now, expires_at=due)
    cache.clear()
    ended, asked_again = [], []
    with clock.frozen(due):
        for brand in (acme, globex):
            with in_brand(brand):
                tasks.settle_due()
                ended.append(Entry.objects.filter(kind="expiry").count())
                asked_again.append(not waiting.enter(tasks.settle_due.name, for_s=1))
    assert (ended, asked_again) == ([2, 1], [True, False])


def test_a_late_lot_pays_debt_before_it_ends(in_acme: Brand, now: datetime) -> None:
    spent = earn(ANNA, 30, "a", now=now).entries[0].entry_id
    points.burn(member_id=ANNA, points=30, reference="b", now=now)
    points.reverse(entry_id=spent, reference="r", now=now)
    assert numbers(ANNA) == (0, 0, 0, 30)
    late = earn(ANNA, 50, "c", now=now, effective_at=now - timedelta(days=400), expires_at=now)
    assert (late.entries[0].debt_repaid, late.account.available, late.account.debt) == (30, 0, 0)
    assert book(ANNA)[-2:] == [("accrual", 50, 20), ("expiry", -20, 0)]
    assert_sound()
