"""Taking points: burns, and holds with their capture and void."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from loyalty.lib import ids
from points import eventtext, ledger
from points.postings import DEFAULT_CURRENCY, BurnResult, EntryResult, HoldResult, SystemAccount
from points.services.posting import check_points
from tenants.context import current_brand

_BURN = (
    "SELECT points_burn(%s::uuid, %s::uuid, %s::uuid, %s::timestamptz, %s::bigint, %s::text, %s::text, "
    "%s::text, %s::text, %s::text, %s::text)"
)


def burn(
    *,
    member_id: UUID,
    points: int,
    reference: str,
    now: datetime,
    source: str = "burn",
    reason: str = "",
    actor: str = "",
    currency: str = DEFAULT_CURRENCY,
) -> BurnResult:
    """Spend available points at once, from the lots that expire first.

    Raises InsufficientPoints, ReferenceConflict, AccountFrozen, PointsOutOfRange.
    """
    check_points(points)
    spent = _spend(member_id, points, reference, now, source, reason, actor, currency)
    if spent is not None:
        return spent
    data = ledger.call(
        "points_debit",
        {
            "p_member": ("uuid", member_id),
            "p_currency": ("text", currency),
            "p_points": ("bigint", points),
            "p_kind": ("text", "burn"),
            "p_system_account": ("text", SystemAccount.REDEMPTION),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_cost_centre": ("text", ""),
            "p_event": ("text", "points.burned"),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return ledger.burn_result(data)


def _spend(
    member_id: UUID,
    points: int,
    reference: str,
    now: datetime,
    source: str,
    reason: str,
    actor: str,
    currency: str,
) -> BurnResult | None:
    """What `points_burn` wrote, or None: it wrote nothing, and `points_debit` must be asked."""
    if not ledger.knows_old():
        return None
    entry_id = ids.new()
    told = eventtext.quoted(currency)
    content = (
        f'{eventtext.BEGINNING}"kind": "burn", "points": {-points}, "points_currency": {told}, "rule": "", '
        f'"version": null, "balance_after": %1$s}}], "source": {eventtext.quoted(source)}, '
        f'"reference": {eventtext.quoted(reference)}, "reason": {eventtext.quoted(reason)}, '
        f"{eventtext.account(told)}}}"
    )
    answer = ledger.ask(
        _BURN,
        (member_id, ids.new(), entry_id, now, points, source, reference, reason, actor, currency, content),
    )
    if answer is None:
        return None
    account = eventtext.state(answer, member_id, currency)
    balance = account.available + account.pending + account.held
    return BurnResult(EntryResult(entry_id, "burn", -points, balance, currency=currency), account)


def hold(
    *,
    member_id: UUID,
    points: int,
    reference: str,
    expires_at: datetime,
    now: datetime,
    source: str = "hold",
    reason: str = "",
    actor: str = "",
    currency: str = DEFAULT_CURRENCY,
) -> HoldResult:
    """Reserve available points until `expires_at` (exclusive), on the lots that expire first.

    Raises InsufficientPoints, ReferenceConflict, AccountFrozen, PointsOutOfRange.
    """
    check_points(points)
    data = ledger.call(
        "points_hold_place",
        {
            "p_member": ("uuid", member_id),
            "p_currency": ("text", currency),
            "p_points": ("bigint", points),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_expires_at": ("timestamptz", expires_at),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return _hold_result(data)


def capture(
    *,
    hold_id: UUID,
    now: datetime,
    points: int | None = None,
    source: str | None = None,
    reference: str | None = None,
    reason: str = "",
    actor: str = "",
) -> HoldResult:
    """Spend all of a hold, or `points` of it; the rest returns to the member. A hold ends once.

    The entry carries the hold's own source and reference unless others are given. Capturing the same
    number of points of the same hold again returns the first result.

    Raises HoldNotFound, HoldEnded, CaptureExceedsHold, ReferenceConflict, AccountFrozen, PointsOutOfRange.
    """
    if points is not None:
        check_points(points)
    data = ledger.call(
        "points_hold_capture",
        {
            "p_hold": ("uuid", hold_id),
            "p_points": ("bigint", points),
            "p_source": ("text", source),
            "p_reference": ("text", reference),
            "p_reason": ("text", reason),
            "p_actor": ("text", actor),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return _hold_result(data)


def void(*, hold_id: UUID, now: datetime) -> HoldResult:
    """Give a hold's points back to the member; those of a lot that has run out meanwhile expire.

    Voiding a voided hold again returns it as it is. Raises HoldNotFound, HoldEnded (captured or run out).
    """
    data = ledger.call(
        "points_hold_void",
        {
            "p_hold": ("uuid", hold_id),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return _hold_result(data)


def _hold_result(data: Mapping[str, Any]) -> HoldResult:
    hold_data, replayed = data["hold"], data["replayed"]
    expires_at = ledger.instant(hold_data["expires_at"])
    assert expires_at is not None
    return HoldResult(
        hold_id=UUID(hold_data["hold_id"]),
        status=hold_data["status"],
        points=hold_data["points"],
        captured=hold_data["captured"],
        released=hold_data["released"],
        expires_at=expires_at,
        account=ledger.account_state(data["account"], UUID(data["member_id"])),
        entry=ledger.entry_result(data["entries"][0], replayed=replayed) if data.get("entries") else None,
        replayed=replayed,
    )
