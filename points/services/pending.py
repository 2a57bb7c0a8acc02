"""Pending points by hand: freeing or taking back those of one entry before their day or event comes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from points import ledger
from points.postings import ActivationResult, BurnResult
from tenants.context import current_brand

SOURCE = "pending"


def activate_entry(*, entry_id: UUID, now: datetime, reason: str = "", actor: str = "") -> ActivationResult:
    """Make what one entry keeps pending available now, whatever it waits for; debt is repaid first.

    Repeating it frees nothing and says so (`replayed`). Raises EntryNotFound, NotPending (it expired, was
    taken back, or never waited).
    """
    data = ledger.call(
        "points_activate_entry",
        {
            "p_entry": ("uuid", entry_id),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return ActivationResult(
        entry_id=entry_id,
        points=data["points"],
        debt_repaid=data["debt_repaid"],
        account=ledger.account_state(data["account"], UUID(data["member_id"])),
        replayed=data["replayed"],
    )


def cancel_pending(
    *, entry_id: UUID, reference: str, now: datetime, reason: str = "", actor: str = "", source: str = SOURCE
) -> BurnResult:
    """Take back what one entry keeps pending, with a clawback that names it; no debt comes of it.

    What of it became available is left alone. Repeating the reference returns the first clawback.

    Raises EntryNotFound, NotPending, NotReversible (a transfer's lots), ReferenceConflict.
    """
    data = ledger.call(
        "points_cancel_pending",
        {
            "p_entry": ("uuid", entry_id),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return ledger.burn_result(data)
