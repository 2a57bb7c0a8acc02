"""What an account will hold at another instant, worked out from its lots and holds. Pure.

The same steps as the ledger functions, without writing: expiry of free points, activation, the end of holds,
each at its time, repaying debt with whatever becomes available.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from points import expiry

_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LotView:
    """An unfinished lot: `free` points not held, in which state, and when it ends."""

    id: UUID
    free: int
    pending: bool = False
    available_at: datetime | None = None
    expires_at: datetime | None = None
    inactivity_months: int | None = None


@dataclass(frozen=True, slots=True)
class HoldView:
    """An open hold: when it ends by itself, and how much of it stands on which lot.

    `ended`: lots that ended under it and live on, with grace, only for what was given back to them since.
    """

    id: UUID
    expires_at: datetime
    parts: Sequence[tuple[UUID, int]]
    ended: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class HeldPart:
    """What one hold has of one lot, as it is read; `graced_at`: of the lot."""

    hold_id: UUID
    created_at: datetime
    expires_at: datetime
    lot_id: UUID
    points: int
    graced_at: datetime | None = None


def holds_of(parts: Iterable[HeldPart], at: datetime | None = None) -> list[HoldView]:
    """The holds that the parts make up, as they stood at `at` (default: as they stand)."""
    by_hold: dict[UUID, list[HeldPart]] = defaultdict(list)
    for part in parts:
        by_hold[part.hold_id].append(part)
    return [
        HoldView(
            hold_id,
            held[0].expires_at,
            [(part.lot_id, part.points) for part in held],
            frozenset(
                part.lot_id
                for part in held
                if part.graced_at is not None
                and part.created_at < part.graced_at
                and (at is None or part.graced_at <= at)
            ),
        )
        for hold_id, held in by_hold.items()
    ]


@dataclass(frozen=True, slots=True)
class Holdings:
    """An account with its unfinished lots and open holds. `active_at`: the last accrual or burn."""

    available: int
    pending: int
    held: int
    debt: int
    active_at: datetime
    lots: Sequence[LotView] = ()
    holds: Sequence[HoldView] = ()
    expired: int = field(default=0)

    @property
    def balance(self) -> int:
        """available + pending + held − debt."""
        return self.available + self.pending + self.held - self.debt


def ends_at(lot: LotView, active_at: datetime, tz: tzinfo) -> datetime | None:
    """When the lot ends, by its own date or by the account's inactivity; None: never."""
    if lot.inactivity_months is None:
        return lot.expires_at
    return expiry.inactive_at(active_at, lot.inactivity_months, tz)


def order(lot: LotView) -> tuple[bool, datetime, bytes]:
    """The key of the order of consumption: what ends first, what never ends last, then by id."""
    return lot.expires_at is None, lot.expires_at or _LAST, lot.id.bytes


def project(holdings: Holdings, at: datetime, tz: tzinfo) -> Holdings:
    """The holdings as they will stand at `at` if nothing but time happens."""
    lots = {lot.id: lot for lot in holdings.lots}
    holds = sorted(holdings.holds, key=lambda hold: (hold.expires_at, hold.id))
    available, pending, held, debt = holdings.available, holdings.pending, holdings.held, holdings.debt
    expired = holdings.expired
    while (due := _next_due(lots.values(), holds, holdings.active_at, tz)) is not None and due <= at:
        for lot in list(lots.values()):
            end = ends_at(lot, holdings.active_at, tz)
            if lot.free and end is not None and end <= due:
                pending -= lot.free if lot.pending else 0
                available -= 0 if lot.pending else lot.free
                expired += lot.free
                lots[lot.id] = replace(lot, free=0)
        for lot in sorted(lots.values(), key=lambda one: (one.available_at or due, one.id)):
            if lot.pending and lot.free and lot.available_at is not None and lot.available_at <= due:
                paid = min(debt, lot.free)
                pending, available, debt = pending - lot.free, available + lot.free - paid, debt - paid
                lots[lot.id] = replace(lot, pending=False, free=lot.free - paid)
        while holds and holds[0].expires_at <= due:
            hold = holds.pop(0)
            for lot_id, points in hold.parts:
                lot = lots.setdefault(lot_id, LotView(lot_id, 0))
                end = ends_at(lot, holdings.active_at, tz)
                held -= points
                if lot_id in hold.ended or (end is not None and end <= due):
                    expired += points
                    continue
                paid = min(debt, points)
                available, debt = available + points - paid, debt - paid
                lots[lot_id] = replace(lot, free=lot.free + points - paid)
    return replace(
        holdings,
        available=available,
        pending=pending,
        held=held,
        debt=debt,
        lots=tuple(sorted((lot for lot in lots.values() if lot.free), key=order)),
        holds=tuple(holds),
        expired=expired,
    )


def expiring(holdings: Holdings, tz: tzinfo) -> list[tuple[datetime, int]]:
    """The free points by the instant at which they end, soonest first; what never ends is left out."""
    by_end: dict[datetime, int] = defaultdict(int)
    for lot in holdings.lots:
        end = ends_at(lot, holdings.active_at, tz)
        if end is not None and lot.free:
            by_end[end] += lot.free
    return sorted(by_end.items())


def _next_due(
    lots: Iterable[LotView], holds: Sequence[HoldView], active_at: datetime, tz: tzinfo
) -> datetime | None:
    due = [hold.expires_at for hold in holds]
    for lot in lots:
        if not lot.free:
            continue
        end = ends_at(lot, active_at, tz)
        due += [end] if end is not None else []
        due += [lot.available_at] if lot.pending and lot.available_at is not None else []
    return min(due, default=None)
