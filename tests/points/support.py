"""Short hands for the points tests: an order's posting, the rows of a member, all invariants."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from loyalty.lib import checks, ids
from points import invariants as _invariants
from points import services as points
from points.models import Account, Entry, Lot
from points.postings import BurnResult, Posting, PostResult


def accrual(amount: int, reference: str, rule: str = "base", **more: Any) -> Posting:
    """What an order of this reference gives by one rule."""
    return Posting("accrual", amount, 1, "issuance", "order", reference, rule, 1, **more)


def earn(member_id: UUID, amount: int, reference: str, *, now: datetime, **more: Any) -> PostResult:
    """One order with one rule."""
    return points.post(
        member_id=member_id, journal_id=ids.new(), entries=[accrual(amount, reference, **more)], now=now
    )


def burnt(member_id: UUID, amount: int, reference: str, *, now: datetime) -> BurnResult:
    """A burn: as a rule one statement, `points_burn`."""
    return points.burn(member_id=member_id, points=amount, reference=reference, now=now)


def taken(member_id: UUID, amount: int, reference: str, *, now: datetime) -> BurnResult:
    """Points taken by an operator: `points_debit`, which does what burns out of the ordinary do."""
    return points.adjust(
        member_id=member_id, points=-amount, reference=reference, reason="double", actor="key", now=now
    )


def numbers(member_id: UUID, currency: str = "points") -> tuple[int, int, int, int]:
    """available, pending, held, debt as they are stored."""
    account = Account.objects.get(member_id=member_id, currency=currency)
    return account.available, account.pending, account.held, account.debt


def book(member_id: UUID) -> list[tuple[str, int, int]]:
    """Kind, signed points and balance of each entry, oldest first."""
    rows = Entry.objects.filter(account__member_id=member_id).order_by("account_id", "seq")
    return [(row.kind, row.signed_points, row.balance_after) for row in rows]


def lots(member_id: UUID) -> list[tuple[int, int, str]]:
    """Remaining, held and state of each lot, oldest first."""
    rows = Lot.objects.filter(account__member_id=member_id).order_by("id")
    return [(row.remaining, row.held, row.state) for row in rows]


def ledger_checks() -> list[checks.Check]:
    """This room's invariants; those of the rooms above want orders and rewards behind the entries."""
    return [check for check in checks.registered() if check.look.__module__ == _invariants.__name__]


def assert_sound() -> None:
    """Every invariant of the ledger holds for the brand at hand."""
    for check in ledger_checks():
        assert list(check.run().violations) == [], check.code
