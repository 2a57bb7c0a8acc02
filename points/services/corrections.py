"""Undoing: reversals to the very lots, and clawbacks with debt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from points import expiry, ledger
from points.postings import BurnResult, ClawbackItem, ClawbackResult
from points.services.posting import check_points
from tenants.context import current_brand


def reverse(
    *,
    entry_id: UUID,
    reference: str,
    now: datetime,
    points: int | None = None,
    source: str = "reversal",
    reason: str = "",
    actor: str = "",
) -> BurnResult:
    """Undo an entry, or `points` of it (default: all that is left), with a new entry that names it.

    What a burn, capture or negative adjustment took goes back to the very lots it came from, last taken
    first. Points of a lot that has run out meanwhile get the brand's `restore_grace_days`, or expire at
    once. What an accrual, opening balance or positive adjustment gave is clawed back (see `clawback`).

    Raises EntryNotFound, NotReversible, ReversalExceedsEntry, ReferenceConflict, PointsOutOfRange.
    """
    if points is not None:
        check_points(points)
    brand = current_brand()
    grace_days = int(brand.setting("restore_grace_days"))
    grace_until = expiry.grace_until(now, grace_days, brand.tz) if grace_days > 0 else None
    data = ledger.call(
        "points_reverse",
        {
            "p_entry": ("uuid", entry_id),
            "p_points": ("bigint", points),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_grace_until": ("timestamptz", grace_until),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", brand.timezone),
        },
    )
    return ledger.burn_result(data)


def clawback(
    *,
    member_id: UUID,
    journal_id: UUID,
    items: Sequence[ClawbackItem],
    source: str,
    reference: str,
    now: datetime,
    reason: str = "",
    actor: str = "",
    event: str = "points.reversed",
    event_data: Mapping[str, Any] | None = None,
) -> ClawbackResult:
    """Take back points of earlier accruals, one entry per item, each naming the entry it reverses.

    They come from the items' own lots, pending ones included, then from the member's other available
    lots in the order of consumption; points on hold are left alone; what is missing becomes debt.
    Items of several currencies may stand in one call. Repeating it returns the first entries.

    Raises EntryNotFound (also for an entry of another member), NotReversible, ReversalExceedsEntry,
    ReferenceConflict, PointsOutOfRange.
    """
    for item in items:
        check_points(item.points)
    data = ledger.call(
        "points_clawback",
        {
            "p_member": ("uuid", member_id),
            "p_journal": ("uuid", journal_id),
            "p_items": (
                "jsonb",
                json.dumps([{"e": str(i.entry_id), "points": i.points, "rule": i.rule} for i in items]),
            ),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
            "p_event": ("text", event),
            "p_data": ("jsonb", json.dumps(dict(event_data or {}), default=str)),
        },
    )
    accounts = ledger.account_states(data)
    return ClawbackResult(
        account=accounts.get("points") or next(iter(accounts.values())),
        accounts=accounts,
        entries=tuple(ledger.entry_result(entry, replayed=data["replayed"]) for entry in data["entries"]),
        taken=data["taken"],
        debt_added=data["debt_added"],
        replayed=data["replayed"],
    )
