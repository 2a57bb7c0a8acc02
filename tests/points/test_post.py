"""Accruals: entries, lots, pending, replays, several currencies, late lots."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from loyalty.lib import ids
from loyalty.outbox.models import OutboxEvent
from points import errors, selectors
from points import services as points
from points.models import Account, Entry, Lot
from points.postings import ClawbackItem, Journal
from tenants.models import Brand
from tests.points.support import accrual, assert_sound, book, earn, lots, numbers
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db


def test_one_journal_writes_entries_lots_balance_and_one_event(in_acme: Brand, now: datetime) -> None:
    journal = ids.new()
    until = now + timedelta(days=30)
    result = points.post(
        member_id=ANNA,
        journal_id=journal,
        entries=[accrual(30, "o-1", expires_at=until, explanation={"lines": []}), accrual(9, "o-1", "bonus")],
        now=now,
        event_data={"order_id": "o-1"},
    )
    assert (result.account.available, result.account.lifetime_accrued, result.replayed) == (39, 39, False)
    assert [(e.points, e.balance_after, e.rule, e.rule_version) for e in result.entries] == [
        (30, 30, "base", 1),
        (9, 39, "bonus", 1),
    ]
    assert result.entries[0].expires_at == until
    stored = Entry.objects.get(pk=result.entries[0].entry_id)
    assert (stored.journal_id, stored.system_account, stored.seq) == (journal, "issuance", 1)
    assert (stored.explanation, stored.effective_at, stored.recorded_at) == ({"lines": []}, now, now)
    assert stored.xid > 0
    assert lots(ANNA) == [(30, 0, "open"), (9, 0, "open")]
    event = OutboxEvent.objects.get()
    assert (event.type, event.member_id, event.occurred_at) == ("points.accrued", ANNA, now)
    assert [e["points"] for e in event.payload["entries"]] == [30, 9]
    assert event.payload["order_id"] == "o-1"
    assert event.payload["account"]["available"] == 39
    assert_sound()


def test_one_credit_is_told_as_the_general_way_tells_it(in_acme: Brand, now: datetime) -> None:
    told = []
    for member in (ANNA, BORIS):
        earn(member, 5, f"{member}-1", now=now)
        # Boris has something due, so that his next credit is out of the ordinary.
        Account.objects.filter(member_id=BORIS).update(next_due_at=now)
        until = now + timedelta(days=400)
        entry = accrual(
            30, f"{member}-2", '20 %s "off"', expires_at=until, available_at=now + timedelta(days=7)
        )
        more = {"order_id": "100 % wool, %s", "note": "乳"}
        result = points.post(member_id=member, journal_id=member, entries=[entry], now=now, event_data=more)
        event = OutboxEvent.objects.exclude(payload__order_id=None).get(member_id=member)
        account, row = Account.objects.get(member_id=member), Entry.objects.get(pk=result.entries[0].entry_id)
        assert result.accounts == {"points": result.account}
        text = repr((event.type, event.payload, result))
        for number, id_ in enumerate((member, account.pk, row.pk)):
            text = text.replace(str(id_), f"<{number}>")
        told.append(text)
    assert told[0].count("100 % wool, %s") == 1
    assert told[0] == told[1]


def test_the_same_references_again_return_the_first_entries(in_acme: Brand, now: datetime) -> None:
    entries = [accrual(30, "o-1"), accrual(9, "o-1", "bonus")]
    first = points.post(member_id=ANNA, journal_id=ids.new(), entries=entries, now=now)
    points.burn(member_id=ANNA, points=5, reference="b-1", now=now)
    later = now + timedelta(days=1)
    again = points.post(member_id=ANNA, journal_id=ids.new(), entries=entries, now=later)
    assert again.replayed
    assert [e.entry_id for e in again.entries] == [e.entry_id for e in first.entries]
    assert [(e.points, e.balance_after) for e in again.entries] == [(30, 30), (9, 39)]
    assert again.account.available == 34
    assert OutboxEvent.objects.filter(type="points.accrued").count() == 1
    assert len(book(ANNA)) == 3


@pytest.mark.parametrize(
    "other",
    [
        lambda: [accrual(31, "o-1"), accrual(9, "o-1", "bonus")],
        lambda: [accrual(30, "o-1")],
        lambda: [accrual(30, "o-1"), accrual(9, "o-1", "bonus"), accrual(1, "o-1", "third")],
        lambda: [accrual(30, "o-1")._replace(currency="stars"), accrual(9, "o-1", "bonus")],
    ],
    ids=["other points", "one less", "one more", "other currency"],
)
def test_the_same_reference_with_other_content_is_a_conflict(
    in_acme: Brand, now: datetime, other: Callable, row_counts: Callable
) -> None:
    points.post(
        member_id=ANNA,
        journal_id=ids.new(),
        entries=[accrual(30, "o-1"), accrual(9, "o-1", "bonus")],
        now=now,
    )
    before = row_counts()
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        points.post(member_id=ANNA, journal_id=ids.new(), entries=other(), now=now)
    assert row_counts() == before
    assert numbers(ANNA) == (39, 0, 0, 0)


@pytest.mark.parametrize("waits", [False, True])
def test_one_credit_again_leaves_the_account_as_it_was(in_acme: Brand, now: datetime, waits: bool) -> None:
    until = now + timedelta(days=30)
    soon = now + timedelta(days=2)
    first = earn(
        ANNA, 30, "o-1", now=now, expires_at=until, available_at=soon + timedelta(days=9) if waits else None
    )
    earn(ANNA, 5, "o-2", now=now, inactivity_months=6)
    before = _columns(ANNA)
    # What it says of dates is not compared; none of it may reach the account. What slides goes another way.
    for months in (None, 1):
        again = earn(
            ANNA,
            30,
            "o-1",
            now=now + timedelta(hours=1),
            expires_at=soon,
            available_at=soon if waits else None,
            inactivity_months=months,
        )
        assert (again.replayed, again.entries[0].entry_id) == (True, first.entries[0].entry_id)
        assert _columns(ANNA) == before
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        earn(ANNA, 31, "o-1", now=now)
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        earn(BORIS, 30, "o-1", now=now)
    assert _columns(ANNA) == before
    assert (Entry.objects.count(), Lot.objects.count(), OutboxEvent.objects.count()) == (2, 2, 2)
    assert_sound()


def _columns(member_id: UUID) -> dict[str, Any]:
    row = Account.objects.filter(member_id=member_id).values().get()
    return {name: value for name, value in row.items() if name != "updated_at"}


def test_the_same_reference_for_another_member_is_a_conflict(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 30, "o-1", now=now)
    with pytest.raises(errors.ReferenceConflict), transaction.atomic():
        earn(BORIS, 30, "o-1", now=now)
    assert not Account.objects.filter(member_id=BORIS).exists()


def test_several_currencies_are_one_journal_and_one_event(in_acme: Brand, now: datetime) -> None:
    result = points.post(
        member_id=ANNA,
        journal_id=ids.new(),
        entries=[accrual(30, "o-1"), accrual(2, "o-1", "star")._replace(currency="stars")],
        now=now,
    )
    assert {c: a.available for c, a in result.accounts.items()} == {"points": 30, "stars": 2}
    assert result.account.currency == "points"
    event = OutboxEvent.objects.get()
    assert {e["points_currency"] for e in event.payload["entries"]} == {"points", "stars"}
    assert numbers(ANNA, "stars") == (2, 0, 0, 0)
    assert_sound()


def test_pending_by_time_becomes_available_at_its_time_without_any_sweep(
    in_acme: Brand, now: datetime
) -> None:
    opens = now + timedelta(days=7)
    result = earn(ANNA, 30, "o-1", now=now, available_at=opens)
    assert (result.account.available, result.account.pending, result.entries[0].pending) == (0, 30, True)
    before = selectors.account_view(ANNA, opens - timedelta(microseconds=1))
    assert (before.available, before.pending) == (0, 30)
    assert (selectors.account_view(ANNA, opens).available, numbers(ANNA)) == (30, (0, 30, 0, 0))
    with pytest.raises(errors.InsufficientPoints), transaction.atomic():
        points.burn(member_id=ANNA, points=1, reference="b", now=opens - timedelta(microseconds=1))
    assert points.burn(member_id=ANNA, points=30, reference="b", now=opens).account.available == 0
    assert OutboxEvent.objects.filter(type="points.activated").count() == 1
    assert_sound()


def test_pending_on_an_event_waits_for_that_event_alone(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 30, "o-1", now=now, waits_for="order.completed", waits_ref="o-1")
    earn(ANNA, 5, "o-2", now=now, waits_for="order.completed", waits_ref="o-2")
    assert points.activate(waits_for="order.completed", waits_ref="o-9", now=now) == 0
    assert points.activate(waits_for="order.completed", waits_ref="o-1", now=now) == 1
    assert numbers(ANNA) == (30, 5, 0, 0)
    assert points.activate(waits_for="order.completed", waits_ref="o-1", now=now) == 0
    event = OutboxEvent.objects.get(type="points.activated")
    assert event.payload["points"] == 30
    assert_sound()


def test_a_lot_already_past_its_end_is_opened_and_expires(in_acme: Brand, now: datetime) -> None:
    long_ago = now - timedelta(days=400)
    result = earn(ANNA, 30, "late", now=now, effective_at=long_ago, expires_at=now - timedelta(days=35))
    assert result.account.available == 0
    assert book(ANNA) == [("accrual", 30, 30), ("expiry", -30, 0)]
    expiry = Entry.objects.get(kind="expiry")
    assert (expiry.effective_at, expiry.recorded_at) == (now - timedelta(days=35), now)
    assert_sound()


def test_accrual_repays_debt_first_and_says_so(in_acme: Brand, now: datetime) -> None:
    first = earn(ANNA, 30, "o-1", now=now)
    points.burn(member_id=ANNA, points=30, reference="b", now=now)
    points.clawback(
        member_id=ANNA,
        journal_id=ids.new(),
        items=[ClawbackItem(first.entries[0].entry_id, 30)],
        source="return",
        reference="r-1",
        now=now,
    )
    assert numbers(ANNA) == (0, 0, 0, 30)
    part = earn(ANNA, 12, "o-2", now=now)
    assert (part.entries[0].debt_repaid, part.account.available, part.account.debt) == (12, 0, 18)
    whole = earn(ANNA, 20, "o-3", now=now)
    assert (whole.entries[0].debt_repaid, whole.account.available, whole.account.debt) == (18, 2, 0)
    assert lots(ANNA) == [(0, 0, "closed"), (0, 0, "closed"), (2, 0, "open")]
    assert_sound()


def test_a_freeze_holds_for_what_is_opened_later(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 5, "o-1", now=now)
    points.freeze(member_id=ANNA, earn=True, burn=True, reason="fraud", now=now)
    stars = accrual(9, "o-2", currency="stars")
    with pytest.raises(errors.AccountFrozen), transaction.atomic():
        points.post(member_id=ANNA, journal_id=ids.new(), entries=[stars], now=now)
    bulk = points.post_bulk(journals=[Journal(ANNA, ids.new(), [stars])], now=now)
    assert isinstance(bulk.refused[0], errors.AccountFrozen)
    with pytest.raises(errors.AccountFrozen), transaction.atomic():
        points.hold(
            member_id=ANNA, points=1, reference="h", currency="stars", expires_at=now + timedelta(1), now=now
        )
    assert not Entry.objects.filter(reference="o-2").exists()
    points.unfreeze(member_id=ANNA, now=now)
    assert points.post(member_id=ANNA, journal_id=ids.new(), entries=[stars], now=now).account.available == 9


def test_a_pending_accrual_repays_when_it_activates(in_acme: Brand, now: datetime) -> None:
    first = earn(ANNA, 30, "o-1", now=now)
    points.burn(member_id=ANNA, points=30, reference="b", now=now)
    points.reverse(entry_id=first.entries[0].entry_id, reference="r", now=now)
    result = earn(ANNA, 50, "o-2", now=now, available_at=now + timedelta(days=1))
    assert (result.entries[0].debt_repaid, result.account.pending, result.account.debt) == (0, 50, 30)
    points.settle(member_id=ANNA, now=now + timedelta(days=1))
    assert numbers(ANNA) == (20, 0, 0, 0)
    assert_sound()


def test_frozen_earning_refuses_accruals_but_not_corrections(in_acme: Brand, now: datetime) -> None:
    first = earn(ANNA, 30, "o-1", now=now)
    points.freeze(member_id=ANNA, earn=True, burn=False, reason="review", now=now)
    with pytest.raises(errors.AccountFrozen), transaction.atomic():
        earn(ANNA, 5, "o-2", now=now)
    assert earn(ANNA, 30, "o-1", now=now).entries[0].entry_id == first.entries[0].entry_id
    points.burn(member_id=ANNA, points=10, reference="b", now=now)
    assert numbers(ANNA) == (20, 0, 0, 0)
    points.unfreeze(member_id=ANNA, now=now)
    assert earn(ANNA, 5, "o-2", now=now).account.available == 25


@pytest.mark.parametrize("amount", [0, -1, 10**12 + 1, True, 1.0])
def test_points_out_of_range_are_refused(
    in_acme: Brand, now: datetime, amount: int, row_counts: Callable
) -> None:
    before = row_counts()
    with pytest.raises(errors.PointsOutOfRange), transaction.atomic():
        earn(ANNA, amount, "o-1", now=now)
    assert row_counts() == before


def test_the_most_that_one_operation_may_move(in_acme: Brand, now: datetime) -> None:
    assert earn(ANNA, 10**12, "o-1", now=now).account.available == 10**12
    assert points.burn(member_id=ANNA, points=10**12, reference="b", now=now).account.available == 0


def test_nothing_to_post_locks_and_settles(in_acme: Brand, now: datetime) -> None:
    result = points.post(member_id=ANNA, journal_id=ids.new(), entries=[], now=now)
    assert (result.account.available, result.entries, OutboxEvent.objects.count()) == (0, (), 0)


def test_lots_of_one_call_keep_their_order(in_acme: Brand, now: datetime) -> None:
    entries = [accrual(n + 1, "o-1", f"r{n}") for n in range(20)]
    points.post(member_id=ANNA, journal_id=ids.new(), entries=entries, now=now)
    assert list(Lot.objects.order_by("id").values_list("points", flat=True)) == list(range(1, 21))
