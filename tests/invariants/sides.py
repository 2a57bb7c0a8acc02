"""Both sides of the ledger's test, the real one and the model, and how they are compared."""

from __future__ import annotations

import contextlib
import copy
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from dateutil.relativedelta import relativedelta
from django.db import connection, transaction
from hypothesis.stateful import RuleBasedStateMachine
from psycopg.pq import TransactionStatus

from loyalty.lib import prepared
from loyalty.lib.errors import Refusal
from points import expiry, selectors
from points import services as points
from tests.conftest import NOW
from tests.points import model, support
from tests.support.brands import ANNA, BORIS

# All that is stored of all accounts, in one round trip: numbers, entries, lots, holds.
STORED = """
SELECT json_object_agg(account.member_id || ' ' || account.currency, json_build_object(
  'numbers', json_build_array(available, pending, held, debt),
  'entries', (SELECT coalesce(
      json_agg(json_build_array(kind, direction * points, balance_after) ORDER BY seq), '[]')
    FROM points_entry entry WHERE entry.account_id = account.id),
  'lots', (SELECT coalesce(
      json_agg(json_build_array(lot.remaining - lot.held, lot.held) ORDER BY lot.id), '[]')
    FROM points_entry entry JOIN points_lot lot ON lot.entry_id = entry.id
    WHERE entry.account_id = account.id AND lot.account_id = account.id),
  'holds', (SELECT coalesce(json_agg(json_build_array(status, captured) ORDER BY hold.id), '[]')
    FROM points_hold hold WHERE hold.account_id = account.id)))
FROM points_account account
"""


PROJECTED = 4
"""Every fourth step a balance is read at another instant: the reads cost more than the operations."""


class Holder(NamedTuple):
    """Whose account, in which currency."""

    member: UUID
    currency: str = "points"


HOLDERS = (Holder(ANNA), Holder(BORIS), Holder(ANNA, "stars"), Holder(BORIS, "stars"))


class Sides(RuleBasedStateMachine):
    """Both sides do the same; they must answer the same and look the same afterwards."""

    counts: Counter[str] = Counter()  # of comparisons and refusals, for those who want to know
    sound_every = 1
    """After how many sequences every invariant is checked besides; it takes a third of the time of one."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.count = 0
        self.ids: dict[int, Any] = {}
        self.accounts = {holder: model.Account(NOW) for holder in HOLDERS}
        self.frozen: dict[UUID, tuple[bool, bool]] = {}
        self.past: dict[Holder, dict[datetime, tuple[int, int, int, int]]] = {h: {} for h in HOLDERS}
        self.savepoint = transaction.savepoint()

    def teardown(self) -> None:
        try:
            due = self.counts["sequences"] % self.sound_every == 0
            if due and connection.connection.info.transaction_status == TransactionStatus.INTRANS:
                support.assert_sound()
        finally:
            transaction.savepoint_rollback(self.savepoint)

    def reference(self) -> str:
        self.count += 1
        return f"ref-{self.count}"

    def both(self, real: Any, ideal: Any, *, settles: list[Holder]) -> Any:
        """Run both sides; the same refusal code or the same numbers. Returns the real side's result."""
        for holder in settles:
            self.accounts[holder].settle(self.now)
        refused = told = None
        try:
            ideal()
        except model.Refused as error:
            refused = str(error)
        try:
            # A savepoint is two round trips: only where the model refuses. Else a refusal is the end anyway.
            with transaction.atomic() if refused else contextlib.nullcontext():
                result = real()
        except Refusal as error:
            told = error.code
            assert told == refused
            for holder in settles:
                points.settle(member_id=holder.member, now=self.now)
            result = None
        assert told == refused
        self.counts[f"refused: {told}" if told else "done"] += 1
        self.compare(*settles)
        return result

    def compare(self, *touched: Holder) -> None:
        """Everything stored of the touched accounts, what is booked of the others, and projections."""
        # Prepared: to plan it anew after every step costs more than to run it.
        row = prepared.one_row(connection.connection, STORED, [])
        assert row is not None
        stored = row[0]
        for holder, account in self.accounts.items():
            account.settle(self.now)
            numbers = account.numbers()
            self.past[holder][self.now] = numbers
            is_, booked = stored[f"{holder.member} {holder.currency}"], account.entries
            if holder in touched:
                assert tuple(is_["numbers"]) == numbers
                assert len(is_["entries"]) == len(booked)
                assert is_["lots"] == [[lot.free, lot.held] for lot in account.lots]
                assert is_["holds"] == [[hold.status, hold.captured] for hold in account.holds]
            # What fell due on an account that nobody touched is booked when somebody does.
            of_model = [[entry.kind, entry.points, entry.balance] for entry in booked]
            assert is_["entries"] == of_model[: len(is_["entries"])]
        self.count += 1
        self.counts["steps"] += 1
        if self.count % PROJECTED == 0:
            turn = self.count // PROJECTED
            self.project(HOLDERS[self.count % len(HOLDERS)], ("now", "past", "later")[turn % 3])

    def project(self, holder: Holder, when: str) -> None:
        """`?at=` now, at an earlier instant or at a later one."""
        account, at = self.accounts[holder], self.now
        if when == "past":
            at = sorted(self.past[holder])[self.count % len(self.past[holder])]
        elif when == "later":
            account, at = copy.deepcopy(account), self.now + timedelta(days=self.count % 41, hours=7)
            account.settle(at)
        view = selectors.account_view(holder.member, at, currency=holder.currency)
        told = view.available, view.pending, view.held, view.debt
        assert told == (account.numbers() if at >= self.now else self.past[holder][at])
        if at >= self.now:
            ends: dict[datetime, int] = {}
            for lot in account.lots:
                if lot.free and account.end(lot) != model.NEVER:
                    ends[account.end(lot)] = ends.get(account.end(lot), 0) + lot.free
            assert list(view.expiring) == sorted(ends.items())

    def stopped(self, holder: Holder, *, earn: bool = False, burn: bool = False) -> None:
        """Raises Refused where the member's earning or spending is frozen."""
        frozen = self.frozen.get(holder.member, (False, False))
        if (earn and frozen[0]) or (burn and frozen[1]):
            raise model.Refused("account_frozen")

    def credits(self) -> list[model.Entry]:
        return [
            entry
            for account in self.accounts.values()
            for entry in account.entries
            if entry.points > 0 and entry.kind in ("accrual", "adjustment") and entry in self.real_of
        ]

    def holder_of(self, account: model.Account) -> Holder:
        return next(holder for holder, known in self.accounts.items() if known is account)

    def now_as(self, holder: Holder) -> Holder:
        """Who this is after a merge, as the API finds them."""
        return self.holder_of(self.accounts[holder].home or self.accounts[holder])

    @property
    def real_of(self) -> dict[model.Entry, Any]:
        return self.ids  # type: ignore[return-value]


def ends_by(policy: dict[str, Any], earned: datetime) -> datetime | None:
    """The end of points by ledger.md, rule 8, written without looking at `points.expiry`."""
    day = earned.astimezone(model.TZ).date()
    match policy["policy"]:
        case "fixed":
            last = date.fromisoformat(policy["on"])
        case "days":
            last = day + timedelta(days=policy["days"])
        case "months":
            last = day + relativedelta(months=policy["months"])
        case "end_of_month":
            last = day + relativedelta(months=policy["months"], day=31)
        case "end_of_year":
            last = date(day.year + policy["years"], 12, 31)
        case _:
            return None
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=model.TZ)
    assert expiry.expires_at(policy, earned, model.TZ) == end
    return end
