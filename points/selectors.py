"""Reads of the ledger. None of them writes; balances are projected to the instant asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, Q, QuerySet, Sum

from points import errors, history, lots, notices
from points.models import Account, Consumption, Entry, Hold, HoldLot, Lot
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as it stands at `at`; `expiring` are points by the instant at which they end."""

    member_id: UUID
    currency: str
    at: datetime
    available: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0
    lifetime_accrued: int = 0
    expiring: Sequence[tuple[datetime, int]] = ()
    earn_frozen: bool = False
    burn_frozen: bool = False
    freeze_reason: str = ""


def account_view(member_id: UUID, at: datetime, *, currency: str = DEFAULT_CURRENCY) -> AccountView:
    """The member's account at `at`, with what falls due until then taken into account but not written.

    A past instant is answered from what was recorded by then. A member without an account has zeros.
    """
    account = Account.objects.filter(member_id=member_id, currency=currency).first()
    if account is None:
        return AccountView(member_id=member_id, currency=currency, at=at)
    past = at < account.updated_at
    tz = current_brand().tz
    recorded = (
        history.holdings_at(account, at) if past else notices.put_off(account, holdings_of(account), tz)
    )
    holdings = lots.project(recorded, at, tz)
    return AccountView(
        member_id=member_id,
        currency=currency,
        at=at,
        available=holdings.available,
        pending=holdings.pending,
        held=holdings.held,
        debt=holdings.debt,
        lifetime_accrued=history.accrued_by(account, at) if past else account.lifetime_accrued,
        expiring=lots.expiring(holdings, tz),
        earn_frozen=account.earn_frozen,
        burn_frozen=account.burn_frozen,
        freeze_reason=account.freeze_reason,
    )


def holdings_of(account: Account) -> lots.Holdings:
    """The account with its unfinished lots and open holds, as the pure core takes them."""
    parts: Iterable[lots.HeldPart] = ()
    if account.held:
        parts = history.held_parts(
            HoldLot.objects.filter(
                hold__account_id=account.id, lot__account_id=account.id, hold__status=Hold.Status.OPEN
            )
        )
    open_lots = Lot.objects.filter(account_id=account.id).exclude(state=Lot.State.CLOSED)
    return lots.Holdings(
        available=account.available,
        pending=account.pending,
        held=account.held,
        debt=account.debt,
        active_at=account.last_activity_at or account.opened_at,
        lots=[
            lots.LotView(
                id=lot.id,
                free=lot.free,
                pending=lot.state == Lot.State.PENDING,
                available_at=None if lot.waits_for else lot.available_at,
                expires_at=lot.expires_at,
                inactivity_months=lot.inactivity_months,
            )
            for lot in open_lots
        ],
        holds=lots.holds_of(parts),
    )


def accounts(member_id: UUID) -> QuerySet[Account]:
    """The member's accounts, the default currency first."""
    return Account.objects.filter(member_id=member_id).order_by("currency")


def entries() -> QuerySet[Entry]:
    """Entries with their account, the lots that they opened, and the trace of what they took."""
    return Entry.objects.select_related("account", "own_lot").prefetch_related(
        # Those that are not `own_lot`: of these alone there is an index by entry.
        Prefetch("opened_lots", queryset=Lot.objects.filter(~Q(entry=F("id"))).order_by("id")),
        Prefetch("consumptions", queryset=Consumption.objects.select_related("lot").order_by("id")),
    )


def entries_of(
    member_id: UUID,
    *,
    currency: str | None = None,
    kind: str | None = None,
    source: str | None = None,
    reference: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> tuple[QuerySet[Entry], tuple[str, ...]]:
    """A member's entries, and the order (newest first) in which they can be paged by an index.

    `since` (inclusive) and `before` (exclusive) are about when they were recorded.
    """
    held = Account.objects.filter(member_id=member_id)
    ids = list((held if currency is None else held.filter(currency=currency)).values_list("id", flat=True))
    wanted = {
        "kind": kind,
        "source": source,
        "reference": reference,
        "recorded_at__gte": since,
        "recorded_at__lt": before,
    }
    found = entries().filter(
        account_id__in=ids, **{name: value for name, value in wanted.items() if value is not None}
    )
    return found, ("-seq",) if len(ids) == 1 else ("-recorded_at", "-seq", "-id")


def entry(entry_id: UUID) -> Entry:
    """One entry with its account, the lots it opened and the trace of what it took. Raises EntryNotFound."""
    found = entries().filter(pk=entry_id).first()
    if found is None:
        raise errors.EntryNotFound
    return found


def entries_by_reference(reference: str, *, source: str | None = None) -> QuerySet[Entry]:
    """The entries of one business reference: an order number, a redemption, a till slip."""
    found = entries().filter(reference=reference)
    return (found if source is None else found.filter(source=source)).order_by("recorded_at", "seq")


def entries_of_journal(journal_id: UUID) -> QuerySet[Entry]:
    """All entries of one journal."""
    return entries().filter(journal_id=journal_id).order_by("recorded_at", "account_id", "seq")


def reversed_points(entry_id: UUID) -> int:
    """How many points of an entry were already taken back or given back."""
    return Entry.objects.filter(reverses_id=entry_id).aggregate(total=Sum("points"))["total"] or 0


def waiting(member_id: UUID, *, waits_for: str, waits_ref: str) -> dict[str, int]:
    """How many points of a member wait for this event, by points currency."""
    waits = Lot.objects.filter(
        account__member_id=member_id, waits_for=waits_for, waits_ref=waits_ref, state=Lot.State.PENDING
    )
    rows = waits.values_list("account__currency").annotate(Sum("remaining")).order_by("account__currency")
    return {currency: int(points) for currency, points in rows}


def left_of_entries(entry_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many points of each entry have not been reversed or taken back; one query, none for no entries."""
    if not entry_ids:
        return {}
    rows = (
        Entry.objects.filter(pk__in=entry_ids)
        .annotate(gone=Sum("reversed_by__points"))
        .values_list("pk", "points", "gone")
    )
    return {pk: points - (gone or 0) for pk, points, gone in rows}


def hold(hold_id: UUID) -> Hold:
    """One hold with its account. Raises HoldNotFound."""
    found = Hold.objects.select_related("account").filter(pk=hold_id).first()
    if found is None:
        raise errors.HoldNotFound
    return found


def opened_lots(of: Entry) -> list[Lot]:
    """The lots that an entry of `entries` opened: one with its own id, or those of a transfer."""
    own = of.own_lot
    received = list(of.opened_lots.all())
    return [own, *received] if own is not None and own.entry_id == of.id else received


def lot_trace(of: Entry) -> list[dict[str, Any]]:
    """What the entry did to lots: opened (+), took (−), gave back (+), with each lot's origin and end."""
    return [
        *(
            {"lot_id": lot.id, "points": lot.points, "entry_id": of.id, "expires_at": lot.original_expires_at}
            for lot in opened_lots(of)
        ),
        *(
            {
                "lot_id": used.lot_id,
                "points": -used.points,
                "entry_id": used.lot.entry_id,
                "expires_at": used.lot.expires_at,
            }
            for used in of.consumptions.all()
        ),
    ]
