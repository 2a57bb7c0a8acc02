"""The gate to the ledger functions in the brand's schema: one call, one round trip, typed errors.

The functions raise SQLSTATEs of class PL; nothing is told apart by a constraint's or table's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from django.db.utils import DatabaseError

from loyalty.lib.database import one_row, own
from loyalty.lib.errors import Refusal
from loyalty.outbox import news
from points import errors
from points.postings import AccountState, BurnResult, EntryResult

SQLSTATES: Mapping[str, type[Refusal]] = {
    "PL001": errors.InsufficientPoints,
    "PL002": errors.ReferenceConflict,
    "PL003": errors.HoldEnded,
    "PL004": errors.HoldNotFound,
    "PL005": errors.EntryNotFound,
    "PL006": errors.CaptureExceedsHold,
    "PL007": errors.ReversalExceedsEntry,
    "PL008": errors.NotReversible,
    "PL009": errors.AccountFrozen,
    "PL010": errors.TransferLimitReached,
    "PL011": errors.SameMember,
    "PL012": errors.PointsOutOfRange,
    "PL013": errors.MonthClosed,
    "PL014": errors.MonthNotOver,
    "PL020": errors.AccountMerged,
    "PL021": errors.NotPending,
}

_queries: dict[tuple[str, ...], str] = {}


def call(function: str, args: Mapping[str, tuple[str, Any]]) -> Any:
    """The result of a ledger function, called with named arguments: name → (SQL type, value).

    Raises the refusal of `points.errors` that the function's SQLSTATE stands for.
    """
    return _loaded(ask(_query(function, args), [value for _kind, value in args.values()]))


def ask(query: str, values: Sequence[Any]) -> Any:
    """What the ledger function in a statement answers, as it comes; None where it answers nothing.

    Raises the refusal of `points.errors` that the function's SQLSTATE stands for.
    """
    ours = own()
    try:
        row = one_row(query, values, ours)
    except DatabaseError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise  # as it is: whoever opened the transaction looks at its SQLSTATE
        raise refusal from error
    if row is None or row[0] is None:
        return None
    news.after_commit(ours)  # the functions write their events themselves
    return row[0]


@cache
def knows_old() -> bool:
    """Whether RETURNING knows the row before its update, which `points_credit` and `points_burn` need."""
    return int(own().pg_version) >= 180000


def _query(function: str, args: Mapping[str, tuple[str, Any]]) -> str:
    key = (function, *args)
    query = _queries.get(key)
    if query is None:
        named = ", ".join(f"{name} => %s::{kind}" for name, (kind, _value) in args.items())
        query = _queries[key] = f"SELECT {function}({named})"
    return query


def _loaded(value: Any) -> Any:
    # Django hands jsonb out as text so that model fields can choose a decoder.
    return json.loads(value) if isinstance(value, str) else value


def _refusal(error: DatabaseError) -> Refusal | None:
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error) or cause.sqlstate is None or cause.sqlstate not in SQLSTATES:
        return None
    data: dict[str, Any] = {}
    if cause.diag.message_detail:
        data = json.loads(cause.diag.message_detail)
    return SQLSTATES[cause.sqlstate](**data)


def instant(value: str | None) -> datetime | None:
    """The aware datetime that a function wrote as JSON."""
    return None if value is None else datetime.fromisoformat(value)


def account_state(data: Mapping[str, Any], member_id: UUID) -> AccountState:
    """A member's account as a function described it."""
    return AccountState(
        account_id=UUID(data["account_id"]),
        member_id=member_id,
        currency=data["points_currency"],
        available=data["available"],
        pending=data["pending"],
        held=data["held"],
        debt=data["debt"],
        lifetime_accrued=data["lifetime_accrued"],
        earn_frozen=data.get("earn_frozen", False),
        burn_frozen=data.get("burn_frozen", False),
    )


def entry_result(data: Mapping[str, Any], *, replayed: bool) -> EntryResult:
    """An entry as a function described it."""
    return EntryResult(
        entry_id=UUID(data["entry_id"]),
        kind=data["kind"],
        points=data["points"],
        balance_after=data["balance_after"],
        rule=data["rule"],
        rule_version=data["version"],
        currency=data["points_currency"],
        lot_id=UUID(data["entry_id"]) if "pending" in data else None,
        available_at=instant(data.get("available_at")),
        expires_at=instant(data.get("expires_at")),
        pending=data.get("pending", False),
        debt_repaid=data.get("debt_repaid", 0),
        replayed=replayed,
    )


def account_states(data: Mapping[str, Any]) -> dict[str, AccountState]:
    """The accounts of a result by currency, that of the first entry first."""
    member_id = UUID(data["member_id"])
    states = data.get("accounts") or [data["account"]]
    return {state["points_currency"]: account_state(state, member_id) for state in states}


def burn_result(data: Mapping[str, Any]) -> BurnResult:
    """The single entry of an operation and the account after it."""
    replayed = data.get("replayed", False)
    return BurnResult(
        entry=entry_result(data["entries"][0], replayed=replayed),
        account=account_state(data["account"], UUID(data["member_id"])),
        replayed=replayed,
    )
