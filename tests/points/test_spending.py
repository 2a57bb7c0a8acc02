"""Burns and holds: order of consumption, partial capture, void, time-out, each hold ends once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from loyalty.lib import ids
from loyalty.outbox.models import OutboxEvent
from points import errors, selectors
from points import services as points
from points.models import Account, Consumption, Entry, Hold
from tenants.models import Brand
from tests.points.support import assert_sound, book, burnt, earn, lots, numbers, taken
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db


def days(now: datetime, number: int) -> datetime:
    return now + timedelta(days=number)


def test_burn_takes_what_expires_first_and_what_never_expires_last(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "never", now=now)
    earn(ANNA, 10, "late", now=now, expires_at=days(now, 20))
    earn(ANNA, 10, "soon", now=now, expires_at=days(now, 10))
    result = points.burn(
        member_id=ANNA, points=25, reference='b-"1" %2$s', reason="checkout", actor="key", now=now
    )
    assert (result.entry.points, result.entry.balance_after, result.account.available) == (-25, 5, 5)
    assert lots(ANNA) == [(5, 0, "open"), (0, 0, "closed"), (0, 0, "closed")]
    taken = Consumption.objects.filter(entry_id=result.entry.entry_id).order_by("id")
    assert [(c.points, c.lot.entry.reference) for c in taken] == [(10, "soon"), (10, "late"), (5, "never")]
    entry = Entry.objects.get(kind="burn")
    assert (entry.system_account, entry.source, entry.reason, entry.actor) == (
        "redemption", "burn", "checkout", "key",
    )  # fmt: skip
    event = OutboxEvent.objects.get(type="points.burned")
    assert event.payload == {
        "member_id": str(ANNA),
        "journal": str(entry.journal_id),
        "entries": [
            {
                "entry_id": str(entry.id), "kind": "burn", "points": -25, "points_currency": "points",
                "rule": "", "version": None, "balance_after": 5,
            }
        ],
        "source": "burn",
        "reference": 'b-"1" %2$s',
        "reason": "checkout",
        "account": {
            "account_id": str(entry.account_id), "points_currency": "points", "available": 5, "pending": 0,
            "held": 0, "debt": 0, "lifetime_accrued": 30,
        },
    }  # fmt: skip
    assert_sound()


@pytest.mark.parametrize("spend", [burnt, taken])
def test_whatever_takes_points_goes_from_lot_to_lot(in_acme: Brand, now: datetime, spend: Callable) -> None:
    earn(ANNA, 10, "never", now=now)
    earn(ANNA, 10, "late", now=now, expires_at=days(now, 20))
    earn(ANNA, 10, "soon", now=now, expires_at=days(now, 10))
    points.hold(member_id=ANNA, points=4, reference="h", expires_at=days(now, 1), now=now)
    result = spend(ANNA, 21, "b-1", now=now)
    assert (result.entry.balance_after, result.account.available, result.account.held) == (9, 5, 4)
    assert lots(ANNA) == [(5, 0, "open"), (0, 0, "closed"), (4, 4, "open")]
    taken_from = Consumption.objects.filter(entry_id=result.entry.entry_id).order_by("id")
    assert [(c.points, c.lot.entry.reference) for c in taken_from] == [
        (6, "soon"),
        (10, "late"),
        (5, "never"),
    ]
    assert numbers(ANNA) == (5, 0, 4, 0)
    assert_sound()


@pytest.mark.parametrize("spend", [burnt, taken])
def test_the_lot_that_ends_first_is_taken_alone_where_it_is_enough(
    in_acme: Brand, now: datetime, spend: Callable
) -> None:
    earn(ANNA, 10, "never", now=now)
    earn(ANNA, 10, "soon", now=now, expires_at=days(now, 10))
    points.hold(member_id=ANNA, points=6, reference="h", expires_at=days(now, 1), now=now)
    for number, points_, taken_from in ((1, 3, [(3, "soon")]), (2, 5, [(1, "soon"), (4, "never")])):
        entry_id = spend(ANNA, points_, f"b-{number}", now=now).entry.entry_id
        found = Consumption.objects.filter(entry_id=entry_id).order_by("id")
        assert [(c.points, c.lot.entry.reference) for c in found] == taken_from
    assert lots(ANNA) == [(6, 0, "open"), (6, 6, "open")]
    assert_sound()


@pytest.mark.parametrize("spend", [burnt, taken])
def test_a_reference_that_is_known_leaves_the_account_as_it_was(
    in_acme: Brand, now: datetime, row_counts: Callable, spend: Callable
) -> None:
    earn(ANNA, 10, "o-1", now=now)
    first = spend(ANNA, 4, "b-1", now=now)
    account, before = Account.objects.values().get(member_id=ANNA), row_counts()
    again = spend(ANNA, 4, "b-1", now=days(now, 1))
    assert (again.replayed, again.entry.entry_id, again.account.available) == (True, first.entry.entry_id, 6)
    after = Account.objects.values().get(member_id=ANNA)
    assert row_counts() == before
    assert {**after, "updated_at": None} == {**account, "updated_at": None}


def test_burn_of_more_than_available_writes_nothing(
    in_acme: Brand, now: datetime, row_counts: Callable
) -> None:
    earn(ANNA, 10, "o-1", now=now)
    before = row_counts()
    with pytest.raises(errors.InsufficientPoints) as refused, transaction.atomic():
        points.burn(member_id=ANNA, points=11, reference="b-1", now=now)
    assert refused.value.data == {"available": 10, "points": 11}
    assert row_counts() == before


def test_burn_of_a_member_without_account_is_insufficient(in_acme: Brand, now: datetime) -> None:
    with pytest.raises(errors.InsufficientPoints), transaction.atomic():
        points.burn(member_id=ANNA, points=1, reference="b-1", now=now)


def test_a_repeated_burn_is_the_first_even_when_the_balance_is_gone(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o-1", now=now)
    first = points.burn(member_id=ANNA, points=10, reference="b-1", now=now)
    again = points.burn(member_id=ANNA, points=10, reference="b-1", now=days(now, 1))
    assert (again.replayed, again.entry.entry_id, again.entry.balance_after) == (
        True,
        first.entry.entry_id,
        0,
    )
    assert book(ANNA) == [("accrual", 10, 10), ("burn", -10, 0)]
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.burn(member_id=ANNA, points=9, reference="b-1", now=now)
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.burn(member_id=BORIS, points=10, reference="b-1", now=now)


def test_the_same_reference_under_another_source_is_another_burn(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o-1", now=now)
    points.burn(member_id=ANNA, points=4, reference="x", now=now)
    assert (
        points.burn(member_id=ANNA, points=4, reference="x", source="redemption", now=now).account.available
        == 2
    )


def test_expired_points_cannot_be_burned_although_no_sweep_ran(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o-1", now=now, expires_at=days(now, 1))
    assert (
        points.burn(
            member_id=ANNA, points=1, reference="b", now=days(now, 1) - timedelta(microseconds=1)
        ).account.available
        == 9
    )
    with pytest.raises(errors.InsufficientPoints), transaction.atomic():
        points.burn(member_id=ANNA, points=1, reference="b-2", now=days(now, 1))
    points.settle(member_id=ANNA, now=days(now, 3))
    assert book(ANNA)[-1] == ("expiry", -9, 0)
    assert Entry.objects.get(kind="expiry").effective_at == days(now, 1)


def test_hold_then_partial_capture_returns_the_rest(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=days(now, 5))
    earn(ANNA, 10, "b", now=now)
    held = points.hold(member_id=ANNA, points=15, reference="h-1", expires_at=days(now, 1), now=now)
    assert (held.status, held.account.available, held.account.held) == ("open", 5, 15)
    assert lots(ANNA) == [(10, 10, "open"), (10, 5, "open")]
    assert book(ANNA) == [("accrual", 10, 10), ("accrual", 10, 20)]
    result = points.capture(hold_id=held.hold_id, points=12, now=now)
    assert (result.status, result.captured, result.released) == ("captured", 12, 3)
    assert (result.account.available, result.account.held) == (8, 0)
    assert lots(ANNA) == [(0, 0, "closed"), (8, 0, "open")]
    assert book(ANNA)[-1] == ("capture", -12, 8)
    assert_sound()


def test_a_hold_ends_once(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now)
    held = points.hold(member_id=ANNA, points=10, reference="h-1", expires_at=days(now, 1), now=now)
    first = points.capture(hold_id=held.hold_id, now=now)
    again = points.capture(hold_id=held.hold_id, points=10, now=now)
    assert first.entry is not None
    assert again.entry is not None
    assert (again.replayed, again.entry.entry_id) == (True, first.entry.entry_id)
    for attempt in (
        lambda: points.capture(hold_id=held.hold_id, points=4, now=now),
        lambda: points.void(hold_id=held.hold_id, now=now),
    ):
        with pytest.raises(errors.HoldEnded), transaction.atomic():
            attempt()
    assert numbers(ANNA) == (0, 0, 0, 0)


def test_capture_of_more_than_is_held(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 20, "a", now=now)
    held = points.hold(member_id=ANNA, points=10, reference="h-1", expires_at=days(now, 1), now=now)
    with pytest.raises(errors.CaptureExceedsHold), transaction.atomic():
        points.capture(hold_id=held.hold_id, points=11, now=now)
    assert numbers(ANNA) == (10, 0, 10, 0)


def test_a_hold_past_its_end_cannot_be_captured_and_is_given_back(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now)
    held = points.hold(member_id=ANNA, points=10, reference="h-1", expires_at=days(now, 1), now=now)
    with pytest.raises(errors.HoldEnded), transaction.atomic():
        points.capture(hold_id=held.hold_id, now=days(now, 1))
    assert selectors.account_view(ANNA, days(now, 1)).available == 10
    points.settle(member_id=ANNA, now=days(now, 2))
    hold = Hold.objects.get()
    assert (hold.status, hold.released, hold.ended_at) == ("expired", 10, days(now, 1))
    assert numbers(ANNA) == (10, 0, 0, 0)
    event = OutboxEvent.objects.get(type="points.voided")
    assert event.payload["status"] == "expired"


def test_expiry_leaves_held_points_alone_until_the_hold_is_voided(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=days(now, 1))
    held = points.hold(member_id=ANNA, points=4, reference="h-1", expires_at=days(now, 5), now=now)
    points.settle(member_id=ANNA, now=days(now, 2))
    assert (numbers(ANNA), book(ANNA)[-1]) == ((0, 0, 4, 0), ("expiry", -6, 4))
    points.void(hold_id=held.hold_id, now=days(now, 3))
    assert (numbers(ANNA), book(ANNA)[-1]) == ((0, 0, 0, 0), ("expiry", -4, 0))
    assert points.void(hold_id=held.hold_id, now=days(now, 3)).replayed
    assert_sound()


def test_held_points_that_ran_out_can_still_be_captured(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=days(now, 1))
    held = points.hold(member_id=ANNA, points=10, reference="h-1", expires_at=days(now, 5), now=now)
    result = points.capture(hold_id=held.hold_id, points=7, now=days(now, 3))
    assert (result.account.available, result.account.held) == (0, 0)
    assert book(ANNA)[-2:] == [("capture", -7, 3), ("expiry", -3, 0)]
    assert_sound()


def test_repeating_a_hold_returns_it_as_it_is(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now)
    until = days(now, 1)
    first = points.hold(member_id=ANNA, points=4, reference="h-1", expires_at=until, now=now)
    points.void(hold_id=first.hold_id, now=now)
    again = points.hold(member_id=ANNA, points=4, reference="h-1", expires_at=until, now=now)
    assert (again.hold_id, again.status, again.replayed) == (first.hold_id, "voided", True)
    later = now + timedelta(hours=1)
    again = points.hold(member_id=ANNA, points=4, reference="h-1", expires_at=days(later, 1), now=later)
    assert (again.hold_id, again.expires_at, again.replayed) == (first.hold_id, until, True)
    for count, ends in ((5, until), (4, days(now, 2))):
        with pytest.raises(errors.ReferenceConflict), transaction.atomic():
            points.hold(member_id=ANNA, points=count, reference="h-1", expires_at=ends, now=now)
    assert numbers(ANNA) == (10, 0, 0, 0)


def test_frozen_spending_refuses_burn_hold_capture_and_transfer(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now)
    held = points.hold(member_id=ANNA, points=4, reference="h-1", expires_at=days(now, 1), now=now)
    points.freeze(member_id=ANNA, earn=False, burn=True, reason="stolen phone", now=now)
    for attempt in (
        lambda: burnt(ANNA, 1, "b", now=now),
        lambda: points.hold(member_id=ANNA, points=1, reference="h", expires_at=days(now, 1), now=now),
        lambda: points.capture(hold_id=held.hold_id, now=now),
        lambda: points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=1, reference="t", now=now),
    ):
        with pytest.raises(errors.AccountFrozen), transaction.atomic():
            attempt()
    points.void(hold_id=held.hold_id, now=now)
    assert numbers(ANNA) == (10, 0, 0, 0)


def test_unknown_holds(in_acme: Brand, now: datetime) -> None:
    with pytest.raises(errors.HoldNotFound), transaction.atomic():
        points.capture(hold_id=ids.new(), now=now)
    with pytest.raises(errors.HoldNotFound), transaction.atomic():
        points.void(hold_id=ids.new(), now=now)
