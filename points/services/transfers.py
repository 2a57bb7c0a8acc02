"""Moving points from one member to another."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from points import errors, expiry, ledger
from points.postings import DEFAULT_CURRENCY, TransferResult
from points.services.posting import check_points
from tenants.context import current_brand


def transfer(
    *,
    from_member_id: UUID,
    to_member_id: UUID,
    points: int,
    reference: str,
    now: datetime,
    source: str = "transfer",
    reason: str = "",
    actor: str = "",
    currency: str = DEFAULT_CURRENCY,
    limited: bool = True,
) -> TransferResult:
    """Give available points of one member to another; every lot keeps its expiry.

    Two entries of one journal, through the system account `transfer`. Points that sliding inactivity would
    end carry the date at which they would have ended for the giver. `limited`: the brand's
    `transfer_monthly_limit` applies to the giver's calendar month.

    Raises InsufficientPoints, TransferLimitReached, SameMember, AccountFrozen, ReferenceConflict,
    PointsOutOfRange.
    """
    check_points(points)
    if from_member_id == to_member_id:
        raise errors.SameMember
    brand = current_brand()
    limit = brand.setting("transfer_monthly_limit") if limited else None
    data = ledger.call(
        "points_transfer",
        {
            "p_from": ("uuid", from_member_id),
            "p_to": ("uuid", to_member_id),
            "p_currency": ("text", currency),
            "p_points": ("bigint", points),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_limit": ("bigint", limit),
            "p_month_start": ("timestamptz", expiry.month_start(now, brand.tz)),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", brand.timezone),
        },
    )
    replayed = data["replayed"]
    return TransferResult(
        journal_id=UUID(data["journal_id"]),
        sent=ledger.entry_result(data["entries"][0], replayed=replayed),
        received=ledger.entry_result(data["entries"][1], replayed=replayed),
        from_account=ledger.account_state(data["accounts"][0], from_member_id),
        to_account=ledger.account_state(data["accounts"][1], to_member_id),
        replayed=replayed,
    )
