"""Giving points: accruals, opening balances and adjustments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any
from uuid import UUID

from loyalty.lib import ids
from points import errors, ledger
from points.postings import (
    DEFAULT_CURRENCY,
    MAX_POINTS,
    BurnResult,
    Posting,
    PostResult,
)
from points.services.crediting import credit
from tenants.context import current_brand

_encoded = json.JSONEncoder(default=str).encode


def post(
    *,
    member_id: UUID,
    journal_id: UUID,
    entries: Sequence[Posting],
    now: datetime,
    event: str = "points.accrued",
    event_data: Mapping[str, Any] | None = None,
) -> PostResult:
    """Write all credits of one journal, of any currency, their lots, and one event.

    A credit repays the account's debt first. Posting the same references with the same content again
    changes nothing and returns the first entries (`replayed`) and the account as it is now. With no
    entries it only locks and settles the account in the default currency; no event is written.
    `event` empty: no event.

    Raises ReferenceConflict, AccountFrozen (accruals of an account whose earning is frozen),
    PointsOutOfRange.
    """
    for entry in entries:
        check_points(entry.points)
    more = more_data(event_data)
    if len(entries) == 1:
        credited = credit(member_id, journal_id, entries[0], now, event, more)
        if credited is not None:
            return credited
    return post_result(_post_all(member_id, journal_id, entries, now, event, more))


def post_result(data: Mapping[str, Any]) -> PostResult:
    """What the ledger told of one journal."""
    accounts = ledger.account_states(data)
    replayed = data.get("replayed", False)
    return PostResult(
        account=next(iter(accounts.values())),
        accounts=accounts,
        entries=tuple(ledger.entry_result(item, replayed=replayed) for item in data["entries"]),
        replayed=replayed,
    )


def _post_all(
    member_id: UUID, journal_id: UUID, entries: Sequence[Posting], now: datetime, event: str, more: str
) -> dict[str, Any]:
    posted: dict[str, Any] = ledger.call(
        "points_post",
        {
            "p_member": ("uuid", member_id),
            "p_journal": ("uuid", journal_id),
            "p_entries": ("jsonb", json.dumps(as_json(entries))),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
            "p_event": ("text", event),
            "p_data": ("text", more),
        },
    )
    return posted


def adjust(
    *,
    member_id: UUID,
    points: int,
    reference: str,
    reason: str,
    actor: str,
    now: datetime,
    source: str = "adjustment",
    currency: str = DEFAULT_CURRENCY,
    expires_at: datetime | None = None,
    inactivity_months: int | None = None,
    cost_centre: str = "",
) -> BurnResult:
    """Give (`points` > 0) or take (`points` < 0) points with a reason, on behalf of `actor`.

    A gift opens a lot that ends at `expires_at` (or after `inactivity_months`); what is taken comes from
    the available lots in the order of consumption and never makes debt.

    Raises InsufficientPoints, ReferenceConflict, PointsOutOfRange.
    """
    check_points(abs(points))
    data = ledger.call(
        "points_adjust",
        {
            "p_member": ("uuid", member_id),
            "p_currency": ("text", currency),
            "p_points": ("bigint", points),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_cost_centre": ("text", cost_centre),
            "p_expires_at": ("timestamptz", expires_at),
            "p_inactivity_months": ("smallint", inactivity_months),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return ledger.burn_result(data)


def check_points(points: int) -> None:
    """Raises PointsOutOfRange unless `points` is a whole number from 1 to MAX_POINTS."""
    if not isinstance(points, int) or isinstance(points, bool) or not 1 <= points <= MAX_POINTS:
        raise errors.PointsOutOfRange


def as_json(entries: Sequence[Posting]) -> list[dict[str, Any]]:
    """The entries as `points_post` takes them, each with the id that it is going to have.

    Raises PointsOutOfRange.
    """
    for entry in entries:
        check_points(entry.points)
    return [_plain(entry) for entry in entries]


def _plain(entry: Posting) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": str(ids.new()),
        "kind": entry.kind,
        "points": entry.points,
        "system_account": entry.system_account,
        "source": entry.source,
        "reference": entry.reference,
        "rule": entry.rule,
        "currency": entry.currency,
    }
    for name in (
        "rule_version",
        "waits_for",
        "waits_ref",
        "inactivity_months",
        "cost_centre",
        "explanation",
        "reason",
        "actor",
    ):
        value = getattr(entry, name)
        if value is not None and value != "":
            plain[name] = value
    for name in ("effective_at", "available_at", "expires_at"):
        value = getattr(entry, name)
        if value is not None:
            plain[name] = value.isoformat()
    return plain


def more_data(event_data: Mapping[str, Any] | None) -> str:
    """The members of the object as text, to stand behind those that `points_post` writes into its event."""
    if not event_data:
        return ""
    told = ", ".join(
        f"{_quoted(name)}: {_quoted(value) if type(value) is str else _encoded(value)}"
        for name, value in event_data.items()
    )
    return f", {told}"
