"""One pending entry by hand: made available before its day or event, or taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from loyalty.lib import clock, ids
from loyalty.outbox.models import OutboxEvent
from points import errors
from points import services as points
from points.postings import ClawbackItem
from tenants.models import Brand
from tests.points.support import accrual, assert_sound, book, earn, lots, numbers
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def test_one_entry_is_freed_and_the_others_go_on_waiting(in_acme: Brand, now: datetime) -> None:
    waits = {"waits_for": "order.completed", "waits_ref": "o-1"}
    posted = points.post(
        member_id=ANNA,
        journal_id=ids.new(),
        entries=[accrual(30, "o-1", "a", **waits), accrual(12, "o-1", "b", **waits)],
        now=now,
    )
    first = posted.entries[0].entry_id
    done = points.activate_entry(entry_id=first, now=now, reason="called", actor="operator:li")
    assert (done.points, done.debt_repaid, done.replayed) == (30, 0, False)
    assert numbers(ANNA) == (30, 12, 0, 0)
    told = OutboxEvent.objects.get(type="points.activated").payload
    assert (told["points"], told["reason"], told["actor"]) == (30, "called", "operator:li")
    again = points.activate_entry(entry_id=first, now=now)
    assert (again.points, again.replayed) == (0, True)
    assert OutboxEvent.objects.filter(type="points.activated").count() == 1
    # The event frees the rest and does not free the first twice.
    assert points.activate(waits_for="order.completed", waits_ref="o-1", now=now) == 1
    assert numbers(ANNA) == (42, 0, 0, 0)
    assert_sound()


def test_freed_points_repay_debt_first(in_acme: Brand, now: datetime) -> None:
    spent = earn(ANNA, 20, "o-1", now=now).entries[0].entry_id
    points.burn(member_id=ANNA, points=20, reference="b", now=now)
    points.clawback(
        member_id=ANNA, journal_id=ids.new(), items=[ClawbackItem(spent, 20)], source="return",
        reference="r", now=now,
    )  # fmt: skip
    waiting = earn(ANNA, 50, "o-2", now=now, available_at=now + timedelta(days=7)).entries[0].entry_id
    assert numbers(ANNA) == (0, 50, 0, 20)
    done = points.activate_entry(entry_id=waiting, now=now + timedelta(hours=1))
    assert (done.points, done.debt_repaid) == (50, 20)
    assert numbers(ANNA) == (30, 0, 0, 0)
    assert points.expire_due(now=now + timedelta(days=8)) == 0
    assert_sound()


def test_cancelling_takes_back_what_is_pending_and_never_makes_debt(in_acme: Brand, now: datetime) -> None:
    entry = earn(ANNA, 50, "o-1", now=now, available_at=now + timedelta(days=7)).entries[0].entry_id
    earn(ANNA, 5, "o-2", now=now)
    done = points.cancel_pending(entry_id=entry, reference="c-1", reason="no", actor="a", now=now)
    assert (done.entry.kind, done.entry.points, done.replayed) == ("clawback", -50, False)
    assert numbers(ANNA) == (5, 0, 0, 0)
    assert lots(ANNA) == [(0, 0, "closed"), (5, 0, "open")]
    again = points.cancel_pending(entry_id=entry, reference="c-1", now=now)
    assert (again.entry.entry_id, again.replayed) == (done.entry.entry_id, True)
    with pytest.raises(errors.NotPending), transaction.atomic():
        points.cancel_pending(entry_id=entry, reference="c-2", now=now)
    with pytest.raises(errors.NotPending), transaction.atomic():
        points.activate_entry(entry_id=entry, now=now)
    assert_sound()


def test_what_became_available_is_not_cancelled_and_a_foreign_reference_conflicts(
    in_acme: Brand, now: datetime, row_counts: Callable[[], dict[str, int]]
) -> None:
    entry = earn(ANNA, 50, "o-1", now=now, available_at=now + timedelta(days=7)).entries[0].entry_id
    other = earn(BORIS, 9, "o-2", now=now, waits_for="activity.approved", waits_ref="x").entries[0].entry_id
    points.cancel_pending(entry_id=other, reference="c", now=now)
    before = row_counts()
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.cancel_pending(entry_id=entry, reference="c", now=now)
    with pytest.raises(errors.EntryNotFound), transaction.atomic():
        points.activate_entry(entry_id=ids.new(), now=now)
    with pytest.raises(errors.NotPending), transaction.atomic():  # its day has come
        points.cancel_pending(entry_id=entry, reference="late", now=now + timedelta(days=7))
    never = earn(BORIS, 4, "o-3", now=now).entries[0].entry_id
    with pytest.raises(errors.NotPending), transaction.atomic():
        points.activate_entry(entry_id=never, now=now)
    assert row_counts()["acme.points_consumption"] == before["acme.points_consumption"]


def test_a_fixed_instant_opens_on_the_instant(in_acme: Brand, now: datetime) -> None:
    at = datetime.fromisoformat("2026-12-24T18:00:00+08:00")
    earn(ANNA, 8, "o-1", now=now, available_at=at)
    points.settle(member_id=ANNA, now=at - timedelta(microseconds=1))
    assert numbers(ANNA) == (0, 8, 0, 0)
    points.settle(member_id=ANNA, now=at)
    assert numbers(ANNA) == (8, 0, 0, 0)


def test_over_http(api: Api, reader: Api, in_acme: Brand) -> None:
    now = clock.now()
    wait = {"waits_for": "activity.approved", "waits_ref": "review-1"}
    good = earn(ANNA, 40, "review-1", now=now, **wait).entries[0].entry_id
    bad = earn(ANNA, 25, "review-2", now=now, **wait).entries[0].entry_id
    done = api.post(f"/entries/{good}/activate", {"reason": "approved"})
    account = {"points_currency": "points", "available": 40, "pending": 25, "held": 0, "debt": 0}
    assert (done.status_code, done.json()) == (
        200,
        {"entry_id": str(good), "points": 40, "debt_repaid": 0, "account": account},
    )
    assert api.post(f"/entries/{good}/activate").json()["points"] == 0
    gone = api.post(f"/entries/{bad}/cancel", {"reason": "copied"})
    assert (gone.status_code, gone.json()["points"], gone.json()["reverses"]) == (201, -25, str(bad))
    assert gone.json()["account"] == {**account, "pending": 0}
    assert api.post(f"/entries/{bad}/cancel").status_code == 200
    refused = api.post(f"/entries/{good}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_pending")
    assert reader.post(f"/entries/{good}/activate").status_code == 403
    assert api.post(f"/entries/{ids.new()}/cancel").status_code == 404
    assert book(ANNA) == [("accrual", 40, 40), ("accrual", 25, 65), ("clawback", -25, 40)]


def test_a_reference_that_cancelled_one_entry_takes_nothing_of_another(in_acme: Brand, now: datetime) -> None:
    waiting = earn(ANNA, 39, "o-1", now=now, available_at=now + timedelta(days=7)).entries[0].entry_id
    other = earn(ANNA, 50, "o-1", rule="bonus", now=now).entries[0].entry_id
    points.cancel_pending(entry_id=waiting, reference="R-1", now=now)
    for spent in (0, 50):
        if spent:
            points.burn(member_id=ANNA, points=spent, reference="b", now=now)
        before = book(ANNA)
        with pytest.raises(errors.ReferenceConflict), transaction.atomic():
            points.cancel_pending(entry_id=other, reference="R-1", now=now)
        assert book(ANNA) == before
        assert numbers(ANNA) == (50 - spent, 0, 0, 0)
    assert points.cancel_pending(entry_id=waiting, reference="R-1", now=now).replayed
    assert_sound()


def test_freeing_again_says_so_though_the_points_were_spent(in_acme: Brand, now: datetime) -> None:
    entry = earn(ANNA, 50, "o-1", now=now, available_at=now + timedelta(days=7)).entries[0].entry_id
    points.activate_entry(entry_id=entry, now=now + timedelta(hours=1))
    points.burn(member_id=ANNA, points=50, reference="b", now=now + timedelta(hours=2))
    again = points.activate_entry(entry_id=entry, now=now + timedelta(hours=3))
    assert (again.replayed, again.points) == (True, 0)
    never = earn(ANNA, 4, "o-2", now=now, available_at=now - timedelta(days=1)).entries[0].entry_id
    with pytest.raises(errors.NotPending), transaction.atomic():
        points.activate_entry(entry_id=never, now=now + timedelta(hours=3))
    cancelled = earn(ANNA, 6, "o-3", now=now, available_at=now + timedelta(days=7)).entries[0].entry_id
    points.cancel_pending(entry_id=cancelled, reference="c", now=now + timedelta(hours=3))
    with pytest.raises(errors.NotPending), transaction.atomic():
        points.activate_entry(entry_id=cancelled, now=now + timedelta(days=8))
    assert_sound()
