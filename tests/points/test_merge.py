"""Merging accounts: everything that one holds moves to the other, and what comes later follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from campaigns.services.merging import merge_members
from loyalty.lib import ids
from points import errors, selectors
from points import services as points
from points.models import Account, Entry, Hold, Lot
from points.postings import ClawbackItem
from tenants.models import Brand
from tests.points.support import assert_sound, book, earn, lots, numbers
from tests.support.brands import ANNA, BORIS, CHEN

pytestmark = pytest.mark.django_db
NOTHING = (0, 0, 0, 0)


def merge(now: datetime, member: Any = ANNA, into: Any = BORIS) -> Any:
    return merge_members(member_id=member, into_id=into, actor="test", now=now)


def claw(member: Any, entry: Any, amount: int, reference: str, now: datetime) -> Any:
    return points.clawback(
        member_id=member, journal_id=ids.new(), items=[ClawbackItem(entry, amount)], source="return",
        reference=reference, now=now,
    )  # fmt: skip


def test_lots_move_with_their_ends_and_both_histories_stay(in_acme: Brand, now: datetime) -> None:
    ends = now + timedelta(days=30)
    earn(ANNA, 100, "a-1", now=now, expires_at=ends)
    earn(ANNA, 40, "a-2", now=now, available_at=now + timedelta(days=7), expires_at=ends)
    points.burn(member_id=ANNA, points=30, reference="b-1", now=now)
    earn(BORIS, 5, "b-1", now=now)
    merge(now)
    assert (numbers(ANNA), numbers(BORIS)) == (NOTHING, (75, 40, 0, 0))
    assert book(ANNA) == [
        ("accrual", 100, 100),
        ("accrual", 40, 140),
        ("burn", -30, 110),
        ("transfer", -110, 0),
    ]
    assert book(BORIS) == [("accrual", 5, 5), ("transfer", 110, 115)]
    moved = Lot.objects.filter(account__member_id=BORIS, from_lot__isnull=False).order_by("id")
    assert [(lot.remaining, lot.state, lot.expires_at) for lot in moved] == [
        (70, "open", ends),
        (40, "pending", ends),
    ]
    home = Account.objects.get(member_id=BORIS)
    assert (home.lifetime_accrued, home.next_due_at) == (145, now + timedelta(days=7))
    account = Account.objects.get(member_id=ANNA)
    assert (account.moved_to_id, account.moved_at, account.next_due_at) == (home.id, now, None)
    points.expire_due(now=ends)
    assert numbers(BORIS) == (5, 0, 0, 0)
    assert_sound()


def test_debt_moves_and_is_paid_from_what_the_other_has(in_acme: Brand, now: datetime) -> None:
    entry = earn(ANNA, 50, "a-1", now=now).entries[0].entry_id
    points.burn(member_id=ANNA, points=50, reference="x", now=now)
    claw(ANNA, entry, 50, "r-1", now)
    earn(BORIS, 20, "b-1", now=now)
    assert numbers(ANNA) == (0, 0, 0, 50)
    merge(now)
    assert (numbers(ANNA), numbers(BORIS)) == (NOTHING, (0, 0, 0, 30))
    assert book(ANNA)[-1] == ("transfer", 50, 0)
    assert book(BORIS)[-1] == ("clawback", -50, -30)
    earn(BORIS, 40, "b-2", now=now)
    assert numbers(BORIS) == (10, 0, 0, 0)
    assert_sound()


def test_what_moves_in_pays_the_others_debt(in_acme: Brand, now: datetime) -> None:
    entry = earn(BORIS, 30, "b-1", now=now).entries[0].entry_id
    points.burn(member_id=BORIS, points=30, reference="x", now=now)
    claw(BORIS, entry, 30, "r-1", now)
    earn(ANNA, 100, "a-1", now=now)
    merge(now)
    assert (numbers(ANNA), numbers(BORIS)) == (NOTHING, (70, 0, 0, 0))
    assert_sound()


def test_a_return_of_an_old_order_takes_its_own_pending_points(in_acme: Brand, now: datetime) -> None:
    entry = earn(ANNA, 40, "a-1", now=now, waits_for="order.completed", waits_ref="a-1").entries[0].entry_id
    earn(BORIS, 9, "b-1", now=now)
    merge(now)
    back = claw(BORIS, entry, 15, "r-1", now)
    assert (back.taken, back.debt_added, numbers(BORIS)) == (15, 0, (9, 25, 0, 0))
    assert points.activate(waits_for="order.completed", waits_ref="a-1", now=now) == 1
    assert numbers(BORIS) == (34, 0, 0, 0)
    points.reverse(entry_id=entry, reference="rest", now=now)
    assert numbers(BORIS) == (9, 0, 0, 0)
    with pytest.raises(errors.ReversalExceedsEntry), transaction.atomic():
        points.reverse(entry_id=entry, reference="once more", now=now)
    assert_sound()


def test_a_reversed_burn_goes_to_the_very_lots_and_on_to_the_survivor(in_acme: Brand, now: datetime) -> None:
    ends = now + timedelta(days=9)
    earn(ANNA, 50, "a-1", now=now, expires_at=ends)
    burnt = points.burn(member_id=ANNA, points=50, reference="x", now=now).entry.entry_id
    merge(now)
    back = points.reverse(entry_id=burnt, points=20, reference="y", now=now + timedelta(days=1))
    assert (back.account.member_id, back.account.available, back.entry.points) == (BORIS, 20, 20)
    assert (numbers(ANNA), numbers(BORIS)) == (NOTHING, (20, 0, 0, 0))
    assert Lot.objects.get(account__member_id=BORIS).expires_at == ends
    again = points.reverse(entry_id=burnt, points=20, reference="y", now=now + timedelta(days=1))
    assert (again.replayed, again.account.available) == (True, 20)
    late = points.reverse(entry_id=burnt, reference="z", now=ends)
    assert late.account.available == 0  # the lot has run out meanwhile
    assert book(ANNA)[-2:] == [("reversal", 30, 30), ("expiry", -30, 0)]
    assert_sound()


@pytest.mark.parametrize("ending", ["capture", "void", "time"])
def test_holds_move_and_end_once_with_the_survivor(in_acme: Brand, now: datetime, ending: str) -> None:
    earn(ANNA, 60, "a-1", now=now, expires_at=now + timedelta(days=30))
    ended = points.hold(
        member_id=ANNA, points=10, reference="h-0", expires_at=now + timedelta(days=1), now=now
    )
    points.void(hold_id=ended.hold_id, now=now)
    hold = points.hold(
        member_id=ANNA, points=50, reference="h-1", expires_at=now + timedelta(days=1), now=now
    )
    merge(now)
    assert (numbers(ANNA), numbers(BORIS)) == (NOTHING, (10, 0, 50, 0))
    assert selectors.account_view(BORIS, now + timedelta(days=1)).available == 60
    if ending == "capture":
        done = points.capture(hold_id=hold.hold_id, points=35, now=now)
        assert (done.account.member_id, done.captured, done.released) == (BORIS, 35, 15)
        assert numbers(BORIS) == (25, 0, 0, 0)
        assert points.capture(hold_id=hold.hold_id, points=35, now=now).replayed
    elif ending == "void":
        points.void(hold_id=hold.hold_id, now=now)
        assert numbers(BORIS) == (60, 0, 0, 0)
    else:
        assert points.expire_due(now=now + timedelta(days=1)) == 1
        assert Hold.objects.get(pk=hold.hold_id).status == "expired"
        assert numbers(BORIS) == (60, 0, 0, 0)
    assert points.hold(
        member_id=BORIS, points=50, reference="h-1", expires_at=now + timedelta(days=1), now=now
    ).replayed
    assert_sound()


def test_the_past_of_both_is_what_it_was(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 60, "a-1", now=now)
    points.hold(member_id=ANNA, points=25, reference="h", expires_at=now + timedelta(days=9), now=now)
    later = now + timedelta(days=2)
    merge(later)
    before = now + timedelta(days=1)
    views = [selectors.account_view(who, at) for at in (before, later) for who in (ANNA, BORIS)]
    assert [(v.available, v.held, v.lifetime_accrued) for v in views] == [
        (35, 25, 60), (0, 0, 0), (0, 0, 60), (35, 25, 60),
    ]  # fmt: skip
    points.burn(member_id=BORIS, points=5, reference="x", now=later + timedelta(days=1))
    then = selectors.account_view(BORIS, later)
    assert (then.available, then.held, then.lifetime_accrued) == (35, 25, 60)
    assert selectors.account_view(BORIS, before).lifetime_accrued == 0


def test_a_chain_of_merges_ends_in_one_account(in_acme: Brand, now: datetime) -> None:
    entry = earn(ANNA, 10, "a-1", now=now).entries[0].entry_id
    burnt = points.burn(member_id=ANNA, points=4, reference="x", now=now).entry.entry_id
    earn(BORIS, 20, "b-1", now=now)
    merge(now)
    merge(now + timedelta(hours=1), BORIS, CHEN)
    assert [numbers(who)[0] for who in (ANNA, BORIS, CHEN)] == [0, 0, 26]
    # Between the two merges the one in the middle had it all, and the last one nothing yet.
    middle = now + timedelta(minutes=30)
    earn(CHEN, 1, "c-1", now=now + timedelta(hours=1))
    then = [selectors.account_view(who, middle) for who in (ANNA, BORIS, CHEN)]
    assert [(one.available, one.lifetime_accrued) for one in then] == [(0, 10), (26, 30), (0, 0)]
    after = selectors.account_view(CHEN, now + timedelta(hours=1))
    assert (after.available, after.lifetime_accrued) == (27, 31)
    # The first merge sent again says where both are by now.
    late = merge(now + timedelta(hours=2))
    assert (late.replayed, late.into, late.accounts[0].available) == (True, CHEN, 27)
    points.reverse(entry_id=burnt, reference="y", now=now + timedelta(hours=2))
    claw(CHEN, entry, 10, "r-1", now + timedelta(hours=2))
    assert [numbers(who)[0] for who in (ANNA, BORIS, CHEN)] == [0, 0, 21]
    assert_sound()


def test_every_currency_moves_and_nothing_is_lost_without_an_account(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 7, "a-1", now=now, currency="stars")
    merge(now)
    assert numbers(BORIS, "stars") == (7, 0, 0, 0)
    merge(now, CHEN, BORIS)
    assert_sound()


def test_sliding_points_go_on_sliding(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 7, "a-1", now=now, inactivity_months=1)
    later = now + timedelta(days=20)
    earn(BORIS, 1, "b-1", now=later)
    merge(later)
    points.expire_due(now=now + timedelta(days=40))
    assert numbers(BORIS) == (8, 0, 0, 0)
    points.expire_due(now=later + timedelta(days=40))
    assert numbers(BORIS) == (1, 0, 0, 0)
    assert_sound()


def test_a_freeze_is_not_washed_off(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a-1", now=now)
    points.freeze(member_id=ANNA, earn=False, burn=True, reason="stolen card", now=now)
    merge(now)
    home = Account.objects.get(member_id=BORIS)
    assert (home.burn_frozen, home.earn_frozen, home.freeze_reason) == (True, False, "stolen card")
    with pytest.raises(errors.AccountFrozen), transaction.atomic():
        points.burn(member_id=BORIS, points=1, reference="x", now=now)
    points.unfreeze(member_id=BORIS, now=now)
    assert merge(now).replayed
    assert Account.objects.get(member_id=BORIS).burn_frozen is False


def test_writing_to_the_emptied_account_is_refused_and_an_old_reference_is_known(
    in_acme: Brand, now: datetime
) -> None:
    earn(ANNA, 10, "a-1", now=now)
    first = points.burn(member_id=ANNA, points=3, reference="x", now=now)
    merge(now)
    count = Entry.objects.count()
    for call in (
        lambda: points.burn(member_id=ANNA, points=1, reference="y", now=now),
        lambda: earn(ANNA, 1, "a-2", now=now),
        lambda: points.adjust(member_id=ANNA, points=1, reference="z", reason="r", actor="a", now=now),
        lambda: points.hold(member_id=ANNA, points=1, reference="h", expires_at=now + timedelta(1), now=now),
        lambda: points.transfer(from_member_id=CHEN, to_member_id=ANNA, points=1, reference="t", now=now),
        lambda: earn(ANNA, 1, "a-3", now=now, currency="stars"),
    ):
        with pytest.raises(errors.AccountMerged), transaction.atomic():
            call()
    assert Entry.objects.count() == count
    again = points.burn(member_id=BORIS, points=3, reference="x", now=now)
    assert (again.replayed, again.entry.entry_id) == (True, first.entry.entry_id)
    assert earn(BORIS, 10, "a-1", now=now).replayed
    assert numbers(BORIS) == (7, 0, 0, 0)
    assert lots(ANNA) == [(0, 0, "closed")]


def test_what_waits_for_a_second_operator_goes_along(in_acme: Brand, now: datetime) -> None:
    in_acme.settings["adjustment_approval_above"] = 100
    ask = {"points": 500, "reference": "A-1", "reason": "sorry", "actor": "anna", "now": now}
    waiting = points.request_adjustment(member_id=ANNA, **ask)
    merge(now)
    assert points.request_adjustment(member_id=BORIS, **ask) == waiting
    done = points.approve_adjustment(request_id=waiting.id, actor="boris", now=now)
    assert (done.account.member_id, numbers(BORIS)) == (BORIS, (500, 0, 0, 0))
    assert points.request_adjustment(member_id=BORIS, **ask).replayed
    assert_sound()


def test_the_past_knows_that_the_merged_one_was_active(in_acme: Brand, now: datetime) -> None:
    points.settle(member_id=BORIS, now=now)
    day = [now + timedelta(days=number) for number in range(51)]
    earn(ANNA, 50, "a-1", now=day[40], inactivity_months=1)
    merge(day[45])
    points.burn(member_id=BORIS, points=1, reference="b", now=day[50])
    assert selectors.account_view(BORIS, day[47]).available == 50
