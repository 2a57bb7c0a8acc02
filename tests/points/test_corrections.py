"""Reversals to the very lots, clawback in its order, debt, adjustments, transfers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction

from loyalty.lib import ids
from loyalty.lib.foureyes import SameOperator
from loyalty.outbox.models import OutboxEvent
from points import errors, selectors
from points import services as points
from points.models import AdjustmentRequest, Consumption, Entry, Lot
from points.postings import BurnResult, ClawbackItem, ClawbackResult
from tenants.models import Brand
from tests.points.support import accrual, assert_sound, book, earn, lots, numbers
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db


def days(now: datetime, number: int) -> datetime:
    return now + timedelta(days=number)


def claw(now: datetime, reference: str, *items: tuple[UUID, int]) -> ClawbackResult:
    return points.clawback(
        member_id=ANNA,
        journal_id=ids.new(),
        items=[ClawbackItem(entry_id, amount) for entry_id, amount in items],
        source="return",
        reference=reference,
        now=now,
    )


# --- reversal of what was spent


def test_a_reversed_burn_goes_back_to_its_very_lots(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "soon", now=now, expires_at=days(now, 10))
    earn(ANNA, 10, "late", now=now, expires_at=days(now, 20))
    burned = points.burn(member_id=ANNA, points=15, reference="b-1", now=now)
    part = points.reverse(entry_id=burned.entry.entry_id, points=7, reference="rev-1", reason="back", now=now)
    assert (part.entry.kind, part.entry.points, part.account.available) == ("reversal", 7, 12)
    # Last taken goes back first: five of the later lot, two of the sooner one.
    assert lots(ANNA) == [(2, 0, "open"), (10, 0, "open")]
    given = Consumption.objects.filter(entry_id=part.entry.entry_id).order_by("id")
    assert [c.points for c in given] == [-5, -2]
    assert Entry.objects.get(kind="reversal").reverses_id == burned.entry.entry_id
    rest = points.reverse(entry_id=burned.entry.entry_id, reference="rev-2", now=now)
    assert (rest.entry.points, lots(ANNA)) == (8, [(10, 0, "open"), (10, 0, "open")])
    with pytest.raises(errors.ReversalExceedsEntry), transaction.atomic():
        points.reverse(entry_id=burned.entry.entry_id, reference="rev-3", now=now)
    assert_sound()


def test_reversing_twice_by_the_same_reference_happens_once(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o", now=now)
    burned = points.burn(member_id=ANNA, points=6, reference="b-1", now=now)
    first = points.reverse(entry_id=burned.entry.entry_id, reference="rev", now=now)
    again = points.reverse(entry_id=burned.entry.entry_id, reference="rev", now=now)
    assert (again.replayed, again.entry.entry_id, numbers(ANNA)) == (
        True,
        first.entry.entry_id,
        (10, 0, 0, 0),
    )
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.reverse(entry_id=burned.entry.entry_id, points=1, reference="rev", now=now)


def test_points_given_back_to_a_lot_that_ran_out_expire_at_once(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o", now=now, expires_at=days(now, 5))
    burned = points.burn(member_id=ANNA, points=6, reference="b-1", now=now)
    result = points.reverse(entry_id=burned.entry.entry_id, reference="rev", now=days(now, 6))
    assert result.account.available == 0
    assert book(ANNA)[-3:] == [("expiry", -4, -0), ("reversal", 6, 6), ("expiry", -6, 0)]
    assert_sound()


def test_the_brand_may_grant_days_of_grace(in_acme: Brand, now: datetime) -> None:
    in_acme.settings["restore_grace_days"] = 7
    earn(ANNA, 10, "o", now=now, expires_at=days(now, 5))
    burned = points.burn(member_id=ANNA, points=6, reference="b-1", now=now)
    back_at = days(now, 6)
    assert points.reverse(entry_id=burned.entry.entry_id, reference="rev", now=back_at).account.available == 6
    lot = Lot.objects.get()
    # 28 November in Shanghai + 7 days: 5 December is the last valid day.
    assert lot.expires_at == datetime.fromisoformat("2026-12-06T00:00:00+08:00")
    assert lot.original_expires_at == days(now, 5)
    points.settle(member_id=ANNA, now=lot.expires_at)
    assert numbers(ANNA) == (0, 0, 0, 0)
    assert_sound()


def test_grace_is_for_what_is_given_back_not_for_what_is_held(in_acme: Brand, now: datetime) -> None:
    in_acme.settings["restore_grace_days"] = 7
    earn(ANNA, 10, "o", now=now, expires_at=days(now, 5))
    hold = {"member_id": ANNA, "expires_at": days(now, 8), "now": now}
    first = points.hold(points=3, reference="h-1", **hold)
    points.hold(points=1, reference="h-2", **hold)
    burned = points.burn(member_id=ANNA, points=6, reference="b-1", now=now).entry.entry_id
    points.reverse(entry_id=burned, reference="rev", now=days(now, 6))
    points.hold(points=2, reference="h-3", **{**hold, "expires_at": days(now, 9), "now": days(now, 6)})
    assert numbers(ANNA) == (4, 0, 6, 0)
    points.capture(hold_id=first.hold_id, points=2, now=days(now, 7))
    # The rest of the older hold ends with its lot; the younger one holds points of the grace.
    assert (numbers(ANNA), book(ANNA)[-1]) == ((4, 0, 3, 0), ("expiry", -1, 7))
    ahead = [selectors.account_view(ANNA, days(now, number)) for number in (8, 9)]
    points.adjust(member_id=ANNA, points=1, reference="a", reason="r", actor="op:1", now=days(now, 9))
    assert [(view.available, view.held) for view in ahead] == [(4, 2), (6, 0)]
    assert (numbers(ANNA), lots(ANNA)[0]) == ((7, 0, 0, 0), (6, 0, "open"))
    then = selectors.account_view(ANNA, days(now, 7))
    assert (then.available, then.held) == (4, 3)
    assert_sound()


def test_given_back_points_repay_debt_first(in_acme: Brand, now: datetime) -> None:
    earned = earn(ANNA, 10, "o", now=now)
    burned = points.burn(member_id=ANNA, points=8, reference="b-1", now=now)
    assert claw(now, "ret", (earned.entries[0].entry_id, 10)).debt_added == 8
    result = points.reverse(entry_id=burned.entry.entry_id, points=5, reference="rev", now=now)
    assert (result.account.available, result.account.debt) == (0, 3)
    assert_sound()


def test_what_cannot_be_reversed(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o", now=now, expires_at=days(now, 1))
    points.settle(member_id=ANNA, now=days(now, 1))
    with pytest.raises(errors.NotReversible), transaction.atomic():
        points.reverse(entry_id=Entry.objects.get(kind="expiry").id, reference="x", now=now)
    with pytest.raises(errors.EntryNotFound), transaction.atomic():
        points.reverse(entry_id=ids.new(), reference="x", now=now)


# --- clawback


def test_clawback_takes_its_own_lots_then_the_journal_then_the_available(
    in_acme: Brand, now: datetime
) -> None:
    earn(ANNA, 10, "other", now=now, expires_at=days(now, 1))
    order = points.post(
        member_id=ANNA,
        journal_id=ids.new(),
        entries=[accrual(20, "o"), accrual(5, "o", "bonus", available_at=days(now, 7))],
        now=now,
    )
    points.burn(member_id=ANNA, points=22, reference="b", now=now)  # 10 of other, 12 of base
    assert lots(ANNA) == [(0, 0, "closed"), (8, 0, "open"), (5, 0, "pending")]
    earn(ANNA, 4, "later", now=now)
    result = claw(now, "ret", (order.entries[0].entry_id, 16))
    assert (result.taken, result.debt_added) == (16, 0)
    # 8 of base itself, 5 of the journal's pending bonus, 3 of what else is available.
    assert lots(ANNA) == [(0, 0, "closed"), (0, 0, "closed"), (0, 0, "closed"), (1, 0, "open")]
    assert numbers(ANNA) == (1, 0, 0, 0)
    entry = Entry.objects.get(kind="clawback")
    assert (entry.rule, entry.rule_version, entry.reverses_id) == ("base", 1, order.entries[0].entry_id)
    assert_sound()


def test_clawback_leaves_holds_alone_and_makes_debt(in_acme: Brand, now: datetime) -> None:
    order = earn(ANNA, 20, "o", now=now)
    held = points.hold(member_id=ANNA, points=15, reference="h", expires_at=days(now, 1), now=now)
    result = claw(now, "ret", (order.entries[0].entry_id, 20))
    assert (result.taken, result.debt_added, numbers(ANNA)) == (5, 15, (0, 0, 15, 15))
    assert result.entries[0].balance_after == 0
    points.void(hold_id=held.hold_id, now=now)
    assert numbers(ANNA) == (0, 0, 0, 0)
    assert_sound()


def test_a_repeated_clawback_is_the_first_and_partial_ones_add_up(in_acme: Brand, now: datetime) -> None:
    order = earn(ANNA, 20, "o", now=now)
    entry_id = order.entries[0].entry_id
    first = claw(now, "ret-1", (entry_id, 8))
    again = claw(now, "ret-1", (entry_id, 8))
    assert (again.replayed, again.entries[0].entry_id) == (True, first.entries[0].entry_id)
    assert OutboxEvent.objects.filter(type="points.reversed").count() == 1
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        claw(now, "ret-1", (entry_id, 9))
    with pytest.raises(errors.ReversalExceedsEntry) as refused, transaction.atomic():
        claw(now, "ret-2", (entry_id, 13))
    assert refused.value.data == {"left": 12, "points": 13}
    claw(now, "ret-2", (entry_id, 12))
    assert numbers(ANNA) == (0, 0, 0, 0)
    assert_sound()


def test_clawback_of_anothers_entry(in_acme: Brand, now: datetime) -> None:
    foreign = earn(BORIS, 20, "o", now=now)
    with pytest.raises(errors.EntryNotFound), transaction.atomic():
        claw(now, "ret", (foreign.entries[0].entry_id, 1))


def test_reversing_an_accrual_is_a_clawback(in_acme: Brand, now: datetime) -> None:
    order = earn(ANNA, 20, "o", now=now)
    points.burn(member_id=ANNA, points=5, reference="b", now=now)
    result = points.reverse(entry_id=order.entries[0].entry_id, reference="rev", now=now)
    assert (result.entry.kind, result.entry.points, numbers(ANNA)) == ("clawback", -20, (0, 0, 0, 5))


# --- adjustments


def test_adjustments_give_and_take_with_a_reason(in_acme: Brand, now: datetime) -> None:
    given = points.adjust(
        member_id=ANNA, points=50, reference="a-1", reason="goodwill", actor="op:1", now=now,
        expires_at=days(now, 30),
    )  # fmt: skip
    assert (given.entry.points, given.account.available, given.account.lifetime_accrued) == (50, 50, 0)
    taken = points.adjust(
        member_id=ANNA, points=-20, reference="a-2", reason="booked twice", actor="op:1", now=now
    )
    assert (taken.entry.points, taken.account.available) == (-20, 30)
    stored = Entry.objects.get(reference="a-2")
    assert (stored.kind, stored.system_account, stored.reason, stored.actor) == (
        "adjustment", "adjustment", "booked twice", "op:1",
    )  # fmt: skip
    with pytest.raises(errors.InsufficientPoints), transaction.atomic():
        points.adjust(member_id=ANNA, points=-31, reference="a-3", reason="r", actor="op:1", now=now)
    assert OutboxEvent.objects.filter(type="points.adjusted").count() == 2
    back = points.reverse(entry_id=taken.entry.entry_id, reference="rev", now=now)
    assert (back.entry.kind, back.account.available) == ("reversal", 50)
    assert_sound()


def test_a_large_adjustment_waits_for_a_second_operator(in_acme: Brand, now: datetime) -> None:
    in_acme.settings["adjustment_approval_above"] = 100
    small = points.request_adjustment(
        member_id=ANNA, points=100, reference="a-1", reason="r", actor="op:1", now=now
    )
    assert isinstance(small, BurnResult)
    asked = {"member_id": ANNA, "points": 101, "reference": "a-2", "reason": "r", "actor": "op:1", "now": now}
    large = points.request_adjustment(**asked)
    assert isinstance(large, AdjustmentRequest)
    assert numbers(ANNA) == (100, 0, 0, 0)
    assert points.request_adjustment(**asked) == large
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.request_adjustment(**{**asked, "points": 102})
    with pytest.raises(SameOperator), transaction.atomic():
        points.approve_adjustment(request_id=large.id, actor="op:1", now=now)
    done = points.approve_adjustment(request_id=large.id, actor="op:2", now=now)
    assert (done.account.available, Entry.objects.get(reference="a-2").actor) == (201, "op:1 + op:2")
    repeated = points.request_adjustment(**asked)
    assert isinstance(repeated, BurnResult)
    assert repeated.entry.entry_id == done.entry.entry_id
    with pytest.raises(errors.AdjustmentDecided), transaction.atomic():
        points.reject_adjustment(request_id=large.id, actor="op:2", now=now)


def test_taking_more_than_there_is_asks_nobody(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 150, "o", now=now)
    in_acme.settings["adjustment_approval_above"] = 100
    ask = {"member_id": ANNA, "reference": "a-1", "reason": "r", "actor": "op:1", "now": now}
    before = OutboxEvent.objects.count()
    with pytest.raises(errors.InsufficientPoints), transaction.atomic():
        points.request_adjustment(points=-151, **ask)
    assert not AdjustmentRequest.objects.exists()
    assert isinstance(points.request_adjustment(points=-150, **ask), AdjustmentRequest)
    assert (numbers(ANNA), OutboxEvent.objects.count()) == ((150, 0, 0, 0), before)
    assert_sound()


def test_what_was_adjusted_at_once_is_known_whatever_the_threshold_says_now(
    in_acme: Brand, now: datetime
) -> None:
    ask = {"member_id": ANNA, "points": 50, "reference": "a-9", "reason": "r", "actor": "op:1", "now": now}
    first = points.request_adjustment(**ask)
    in_acme.settings["adjustment_approval_above"] = 10
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.request_adjustment(**{**ask, "points": 5000})
    again = points.request_adjustment(**ask)
    assert isinstance(first, BurnResult)
    assert isinstance(again, BurnResult)
    assert (again.replayed, again.entry.entry_id) == (True, first.entry.entry_id)
    assert not AdjustmentRequest.objects.exists()


def test_a_rejected_adjustment_moves_nothing(in_acme: Brand, now: datetime) -> None:
    in_acme.settings["adjustment_approval_above"] = 0
    asked = points.request_adjustment(
        member_id=ANNA, points=5, reference="a", reason="r", actor="op:1", now=now
    )
    assert isinstance(asked, AdjustmentRequest)
    assert points.reject_adjustment(request_id=asked.id, actor="op:2", now=now).status == "rejected"
    assert Entry.objects.count() == 0


def test_a_large_reversal_waits_like_a_large_adjustment(in_acme: Brand, now: datetime) -> None:
    in_acme.settings["adjustment_approval_above"] = 100
    earned = earn(ANNA, 300, "o", now=now).entries[0].entry_id
    burned = points.burn(member_id=ANNA, points=150, reference="b", now=now).entry.entry_id
    ask = {
        "entry_id": burned,
        "points": None,
        "reference": "r",
        "reason": "twice",
        "actor": "op:1",
        "now": now,
    }
    count = OutboxEvent.objects.count()
    waiting = points.request_reversal(**ask)
    assert isinstance(waiting, AdjustmentRequest)
    assert (waiting.points, waiting.member_id, waiting.entry_id) == (150, ANNA, burned)
    assert (numbers(ANNA), Entry.objects.count(), OutboxEvent.objects.count()) == ((150, 0, 0, 0), 2, count)
    assert points.request_reversal(**ask) == waiting
    for other in ({"points": 149}, {"entry_id": earned}):
        with pytest.raises(errors.ReferenceConflict), transaction.atomic():
            points.request_reversal(**{**ask, **other})
    with pytest.raises(SameOperator), transaction.atomic():
        points.approve_adjustment(request_id=waiting.id, actor="op:1", now=now)
    done = points.approve_adjustment(request_id=waiting.id, actor="op:2", now=now)
    assert (done.entry.kind, done.account.available) == ("reversal", 300)
    assert Entry.objects.get(kind="reversal").actor == "op:1 + op:2"
    again = points.request_reversal(**ask)
    assert isinstance(again, BurnResult)
    assert (again.replayed, again.entry.entry_id) == (True, done.entry.entry_id)
    # A part below the threshold does not wait; what cannot be done is refused before anybody is asked.
    part = points.request_reversal(**{**ask, "entry_id": earned, "points": 100, "reference": "part"})
    assert isinstance(part, BurnResult)
    with pytest.raises(errors.ReversalExceedsEntry), transaction.atomic():
        points.request_reversal(**{**ask, "reference": "more"})
    taken = points.request_reversal(**{**ask, "entry_id": earned, "reference": "rest"})
    assert isinstance(taken, AdjustmentRequest)
    assert (taken.points, AdjustmentRequest.objects.count()) == (-200, 2)
    assert_sound()


# --- transfers


def test_a_transfer_carries_every_lots_end_along(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "soon", now=now, expires_at=days(now, 10))
    earn(ANNA, 10, "never", now=now)
    result = points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=13, reference="t", now=now)
    assert (result.sent.points, result.received.points) == (-13, 13)
    assert (result.from_account.available, result.to_account.available) == (7, 13)
    carried = Lot.objects.filter(account__member_id=BORIS).order_by("id")
    assert [(lot.points, lot.expires_at) for lot in carried] == [(10, days(now, 10)), (3, None)]
    journals = set(Entry.objects.filter(kind="transfer").values_list("journal_id", flat=True))
    assert journals == {result.journal_id}
    event = OutboxEvent.objects.get(type="points.transferred")
    assert (event.payload["from_member_id"], event.payload["to_member_id"]) == (str(ANNA), str(BORIS))
    again = points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=13, reference="t", now=now)
    assert (again.replayed, again.sent.entry_id) == (True, result.sent.entry_id)
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=12, reference="t", now=now)
    assert_sound()


def test_a_transfer_does_not_launder_sliding_expiry(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o", now=now, inactivity_months=1)
    points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=4, reference="t", now=days(now, 20))
    carried = Lot.objects.get(account__member_id=BORIS)
    # 22 November + 1 month is the last valid day, whatever Boris does.
    assert carried.expires_at == datetime.fromisoformat("2026-12-23T00:00:00+08:00")
    assert carried.inactivity_months is None
    assert_sound()


def test_a_transfer_repays_the_receivers_debt(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o", now=now)
    owed = earn(BORIS, 6, "p", now=now)
    points.burn(member_id=BORIS, points=6, reference="b", now=now)
    points.reverse(entry_id=owed.entries[0].entry_id, reference="rev", now=now)
    points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=10, reference="t", now=now)
    assert numbers(BORIS) == (4, 0, 0, 0)
    assert_sound()


def test_the_monthly_limit_counts_the_givers_local_month(
    in_acme: Brand, now: datetime, row_counts: Callable
) -> None:
    in_acme.settings["transfer_monthly_limit"] = 10
    earn(ANNA, 100, "o", now=now)
    last_of_november = datetime.fromisoformat("2026-11-30T23:59:59+08:00")
    first_of_december = datetime.fromisoformat("2026-12-01T00:00:00+08:00")

    def give(amount: int, reference: str, at: datetime) -> None:
        points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=amount, reference=reference, now=at)

    give(8, "t-1", now)
    before = row_counts()
    with pytest.raises(errors.TransferLimitReached) as refused, transaction.atomic():
        give(3, "t-2", last_of_november)
    assert refused.value.data == {"limit": 10, "used": 8, "points": 3}
    assert row_counts() == before
    give(2, "t-3", last_of_november)
    give(10, "t-4", first_of_december)
    assert numbers(BORIS) == (20, 0, 0, 0)


def test_nobody_transfers_to_themselves(in_acme: Brand, now: datetime) -> None:
    with pytest.raises(errors.SameMember), transaction.atomic():
        points.transfer(from_member_id=ANNA, to_member_id=ANNA, points=1, reference="t", now=now)


def test_reversing_a_credit_keeps_what_fell_due_on_the_way(in_acme: Brand, now: datetime) -> None:
    day = timedelta(days=1)
    first = earn(ANNA, 100, "a", now=now)
    earn(ANNA, 50, "b", now=now, available_at=now + 9 * day)
    earn(ANNA, 30, "c", now=now, expires_at=now + 9 * day)
    points.hold(member_id=ANNA, points=20, reference="h", expires_at=now + 5 * day, now=now)
    points.reverse(
        entry_id=first.entries[0].entry_id,
        source="reversal",
        reference="r",
        reason="",
        actor="",
        now=now + 10 * day,
    )
    assert numbers(ANNA) == (50, 0, 0, 0)
    assert_sound()


def test_a_freed_lot_expires_on_its_day(in_acme: Brand, now: datetime) -> None:
    day = timedelta(days=1)
    earn(ANNA, 100, "a", now=now, expires_at=now + 10 * day)
    held = points.hold(member_id=ANNA, points=100, reference="h", expires_at=now + 20 * day, now=now)
    earn(ANNA, 5, "b", now=now, expires_at=now + 2 * day)
    points.lock_account(member_id=ANNA, now=now + 3 * day)
    points.void(hold_id=held.hold_id, now=now + 4 * day)
    assert numbers(ANNA) == (100, 0, 0, 0)
    with pytest.raises(errors.InsufficientPoints), transaction.atomic():
        points.burn(member_id=ANNA, points=100, reference="late", now=now + 15 * day)
    assert points.lock_account(member_id=ANNA, now=now + 15 * day).available == 0
    assert_sound()
