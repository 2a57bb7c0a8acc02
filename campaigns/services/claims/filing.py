"""Filing and withdrawing a claim."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns import locks
from campaigns.errors import ClaimDecided, ClaimLimitReached, ClaimNotFound, ClaimPending
from campaigns.models import Claim
from campaigns.services.claims import matching, telling
from campaigns.services.orders import visits
from campaigns.services.orders.content import MemberRef
from loyalty.lib.errors import FieldError, Invalid
from members.errors import MemberNotActive
from members.models import Member
from points import services as points
from tenants.context import current_brand


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a member reads off a receipt: money in the brand's currency, a day of the brand's clock."""

    order_id: str
    amount: Decimal
    ordered_on: date | None = None
    store_id: str = ""
    note: str = ""


def file(*, member_id: UUID, receipt: Receipt, now: datetime) -> tuple[Claim, bool]:
    """File a claim; a guest order that fits becomes the member's at once. Returns it, and whether it is new.

    The same order claimed again is the first claim, unless that was withdrawn. Whether an order of another
    member, or one that differs, exists is not told: such a claim is open like one whose order is unknown.
    One transaction, under the lock on the member's points account.

    Raises Invalid (neither day nor store; a day that is too far back or to come), ClaimLimitReached,
    MemberNotActive.
    """
    _check(receipt, now)
    with transaction.atomic(savepoint=False):
        known = _entered(member_id, receipt.order_id, now)
        own = of_member(known.id)
        before = own.filter(order_id=receipt.order_id).exclude(status=Claim.Status.WITHDRAWN)
        first = before.order_by("filed_at").first()
        if first is not None:
            return first, False
        _refuse_too_many(own, now)
        wait = timedelta(days=int(current_brand().setting("claim_wait_days")))
        claim = Claim(
            member_id=known.id,
            order_id=receipt.order_id,
            amount=receipt.amount,
            ordered_on=receipt.ordered_on,
            store_id=receipt.store_id,
            note=receipt.note,
            filed_at=now,
            waits_until=now + wait if wait else None,
        )
        matching.apply(claim, known, now)
        claim.save(force_insert=True)
        telling.tell(claim, now)
        return claim, True


def withdraw(*, claim_id: UUID, member_id: UUID, now: datetime) -> Claim:
    """Take back an open claim. Repeating it changes nothing more.

    Raises ClaimNotFound (also another member's), ClaimDecided, ClaimPending.
    """
    with transaction.atomic():
        points.lock_account(member_id=member_id, now=now)
        claim = locks.claim(claim_id)
        if claim is None or claim.member_id != member_id:
            raise ClaimNotFound
        if claim.status == Claim.Status.WITHDRAWN:
            return claim
        if claim.status != Claim.Status.OPEN:
            raise ClaimDecided(decision=claim.status)
        refuse_pending(claim)
        claim.status, claim.decided_at = Claim.Status.WITHDRAWN, now
        claim.decided_by, claim.waits_until = f"member:{member_id}", None
        claim.save()
        telling.tell(claim, now)
        return claim


def of_member(member_id: UUID) -> QuerySet[Claim]:
    """The claims of a member."""
    return Claim.objects.filter(member_id=member_id)


def refuse_pending(claim: Claim) -> None:
    """Raises ClaimPending where points by hand wait for a second operator, or for `settle_due` after that."""
    if claim.adjustment_id is not None:
        raise ClaimPending(adjustment_id=str(claim.adjustment_id))


def _check(receipt: Receipt, now: datetime) -> None:
    if receipt.ordered_on is None and not receipt.store_id:
        detail = _("Say the day or the store that the receipt names.")
        raise Invalid([FieldError(f"/{name}", "day_or_store", detail) for name in ("ordered_on", "store_id")])
    if receipt.ordered_on is None:
        return
    brand = current_brand()
    today, most = now.astimezone(brand.tz).date(), int(brand.setting("claim_days"))
    if receipt.ordered_on > today:
        raise Invalid.at("/ordered_on", "in_future", _("This day is still to come."))
    if (today - receipt.ordered_on).days > most:
        detail = _("Lies more than %(most)s days back, which is as late as the brand takes it.")
        raise Invalid.at("/ordered_on", "too_late", detail % {"most": most})


def _entered(member_id: UUID, order_id: str, now: datetime) -> visits.Known:
    known = visits.enter(MemberRef(member_id), order_id, now)
    if not isinstance(known, visits.Known) or known.status != Member.Status.ACTIVE:
        raise MemberNotActive(member_id=str(member_id))
    return known


def _refuse_too_many(own: QuerySet[Claim], now: datetime) -> None:
    brand = current_brand()
    begin = now.astimezone(brand.tz).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    most = int(brand.setting("claims_per_month"))
    if own.filter(filed_at__gte=begin).count() >= most:
        raise ClaimLimitReached(limit=most)
