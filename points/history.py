"""What an account held at an earlier instant, from the rows that were recorded by then."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from points.lots import HeldPart, Holdings, HoldView, LotView, holds_of
from points.models import Account, Consumption, Entry, HoldLot, Lot

_ACTIVITY = (Entry.Kind.ACCRUAL, Entry.Kind.BURN, Entry.Kind.CAPTURE)


def holdings_at(account: Account, at: datetime) -> Holdings:
    """The account's holdings as recorded by `at`; what was due but not yet done by then is still in them."""
    holds, held_on = _holds(account, at)
    used: dict[UUID, int] = dict(
        Consumption.objects.filter(lot__account_id=account.id, recorded_at__lte=at)
        .values_list("lot_id")
        .annotate(Sum("points"))
    )
    recorded = Lot.objects.select_related("entry").filter(account_id=account.id, entry__recorded_at__lte=at)
    lots = [_as_of(lot, at, used.get(lot.id, 0) + held_on.get(lot.id, 0)) for lot in recorded]
    clawed = Entry.objects.filter(account_id=account.id, kind=Entry.Kind.CLAWBACK, recorded_at__lte=at)
    return Holdings(
        available=sum(lot.free for lot in lots if not lot.pending),
        pending=sum(lot.free for lot in lots if lot.pending),
        held=sum(held_on.values()),
        debt=_sum(clawed) - _sum(Consumption.objects.filter(entry__in=clawed, recorded_at__lte=at)),
        active_at=_active_at(account, at),
        lots=[lot for lot in lots if lot.free],
        holds=holds,
    )


def accrued_by(account: Account, at: datetime) -> int:
    """The points of all accruals recorded by `at`, those of members merged into this one included."""
    return _sum(
        Entry.objects.filter(
            account_id__in=_with_merged(account, at), kind=Entry.Kind.ACCRUAL, recorded_at__lte=at
        )
    )


def _with_merged(account: Account, at: datetime) -> list[UUID]:
    # Step by step: of a chain of merges, some may have come after `at`.
    found = newest = [account.id]
    while newest:
        merged = Account.objects.filter(first_moved_to_id__in=newest, moved_at__lte=at)
        newest = list(merged.values_list("id", flat=True))
        found = [*found, *newest]
    return found


def _as_of(lot: Lot, at: datetime, taken: int) -> LotView:
    # A lot that began as pending is put back there: projecting to `at` frees it again at its time.
    began_pending = lot.waits_for is not None or (
        lot.available_at is not None and lot.available_at > lot.entry.recorded_at
    )
    return LotView(
        id=lot.id,
        free=lot.points - taken,
        pending=began_pending,
        available_at=lot.available_at,
        expires_at=_end(lot, at),
        inactivity_months=lot.inactivity_months,
    )


def _end(lot: Lot, at: datetime) -> datetime | None:
    """When the lot was going to end, as seen at `at`: grace came later, and may have come more than once."""
    if lot.original_expires_at is not None and lot.original_expires_at > at:
        return lot.original_expires_at
    if lot.graced_at is None or lot.graced_at <= at:
        return lot.expires_at
    # It had ended when grace was given: what it had at `at` expired, or was spent while it could be.
    expired = Entry.objects.filter(kind=Entry.Kind.EXPIRY, consumptions__lot=lot, recorded_at__gt=at)
    return expired.order_by("recorded_at").values_list("effective_at", flat=True).first() or lot.graced_at


def _holds(account: Account, at: datetime) -> tuple[list[HoldView], dict[UUID, int]]:
    held_on: dict[UUID, int] = defaultdict(int)
    # By its lots, because a hold moves with its member; on each side only while it stood there.
    standing = HoldLot.objects.filter(
        lot__account_id=account.id, lot__entry__recorded_at__lte=at, hold__created_at__lte=at
    ).filter(Q(hold__ended_at__isnull=True) | Q(hold__ended_at__gt=at))
    if account.moved_at is not None and account.moved_at <= at:
        standing = standing.filter(hold__account_id=account.id)
    parts = held_parts(standing)
    for part in parts:
        held_on[part.lot_id] += part.points
    return holds_of(parts, at), held_on


def held_parts(rows: QuerySet[HoldLot]) -> list[HeldPart]:
    """The rows as the pure core takes them."""
    return [
        HeldPart(*row)
        for row in rows.values_list(
            "hold_id", "hold__created_at", "hold__expires_at", "lot_id", "points", "lot__graced_at"
        )
    ]


def _active_at(account: Account, at: datetime) -> datetime:
    last = (
        Entry.objects.filter(
            account_id__in=_with_merged(account, at), kind__in=_ACTIVITY, recorded_at__lte=at
        )
        .order_by("-effective_at")
        .values_list("effective_at", flat=True)
        .first()
    )
    return min(last, at) if last else account.opened_at


def _sum(rows: QuerySet[Entry] | QuerySet[Consumption]) -> int:
    return int(rows.aggregate(total=Sum("points"))["total"] or 0)
