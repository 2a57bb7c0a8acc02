"""An operator's decision on a claim: the order is linked, points are given by hand, or neither."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import locks
from campaigns.errors import (
    ClaimDecided,
    ClaimNeedsSecond,
    ClaimNotFound,
    OrderNotClaimable,
    OrderNotFound,
)
from campaigns.models import Claim
from campaigns.services.claims import filing, matching, telling
from campaigns.services.orders import claiming, visits
from campaigns.services.orders.content import MemberRef
from loyalty.lib import foureyes
from loyalty.lib.errors import Invalid
from members.errors import MemberNotActive
from members.models import Member
from points import services as points
from points.models import AdjustmentRequest
from tenants.context import current_brand


def accept_order(*, claim_id: UUID, actor: str, now: datetime, order_id: str = "", reason: str = "") -> Claim:
    """Link a guest order to the member of a claim, that of the claim's own number or of `order_id`.

    It is booked as if it had come with the member, however old it is. An order that is the member's already
    closes the claim without new points. Repeating it changes nothing more. What the receipt does not say is
    one operator's word: of such an order no more than what one operator may give by hand.

    Raises ClaimNotFound, ClaimDecided, ClaimPending, OrderNotFound, OrderNotClaimable, ClaimNeedsSecond,
    MemberNotActive.
    """
    with transaction.atomic():
        found = _find(claim_id)
        number = order_id or found.order_id
        known = visits.enter(MemberRef(found.member_id), number, now)
        if not isinstance(known, visits.Known) or known.status != Member.Status.ACTIVE:
            raise MemberNotActive(member_id=str(found.member_id))
        claim = _locked(claim_id)
        if claim.status == Claim.Status.ACCEPTED and claim.purchase is not None:
            if order_id not in ("", claim.purchase.order_id):
                raise ClaimDecided(decision=claim.status)
            return claim
        _refuse_decided(claim)
        if known.purchase_id is None:
            raise OrderNotFound
        purchase = locks.purchase(known.purchase_id)
        why = matching.obstacle(purchase, known)
        if why == Claim.Finding.OWN:
            matching.accept_own(claim, purchase, actor=actor, now=now, reason=reason)
        elif why is not None:
            raise OrderNotClaimable(finding=str(why))
        else:
            fits = number == claim.order_id and matching.fits(claim, purchase)
            given = claiming.give_to_member(purchase=purchase, known=known, now=now)
            if not fits:
                _refuse_much(given["accrued"])
            matching.accept(claim, purchase, actor=actor, now=now, reason=reason)
        return _done(claim, now)


def give_points(*, claim_id: UUID, count: int, actor: str, reason: str, now: datetime) -> Claim:
    """Accept a claim with points by hand; above the brand's threshold a second operator has to agree first.

    The claim stays open until then. Repeating it changes nothing more.

    Raises ClaimNotFound, ClaimDecided, ClaimPending, PointsOutOfRange, Invalid (no reason, no points).
    """
    said = foureyes.reason_given(reason)
    if count <= 0:
        raise Invalid.at("/points", "min_value", _("Must be 1 or more."))
    with transaction.atomic():
        points.lock_account(member_id=_find(claim_id).member_id, now=now)
        claim = _locked(claim_id)
        if claim.status == Claim.Status.ACCEPTED and (claim.outcome, claim.points) == ("adjustment", count):
            return claim
        _refuse_decided(claim)
        claim.tries += 1
        done = points.request_adjustment(
            member_id=claim.member_id,
            points=count,
            reference=f"claim:{claim.pk}#{claim.tries}",
            reason=said,
            actor=actor,
            now=now,
        )
        claim.points, claim.reason, claim.decided_by = count, said, actor
        if isinstance(done, AdjustmentRequest):
            claim.adjustment_id = done.pk
            claim.save()
            return claim
        by_hand(claim, now)
        return _done(claim, now)


def by_hand(claim: Claim, now: datetime) -> None:
    """Note that points by hand were booked. The claim is changed, not saved."""
    claim.status, claim.outcome = Claim.Status.ACCEPTED, Claim.Outcome.ADJUSTMENT
    claim.waits_until, claim.decided_at = None, now


def reject(*, claim_id: UUID, actor: str, reason: str, now: datetime) -> Claim:
    """Turn a claim down with a reason that the member reads. Repeating it changes nothing more.

    Raises ClaimNotFound, ClaimDecided, ClaimPending, Invalid (no reason).
    """
    said = foureyes.reason_given(reason)
    with transaction.atomic():
        points.lock_account(member_id=_find(claim_id).member_id, now=now)
        claim = _locked(claim_id)
        if claim.status == Claim.Status.REJECTED:
            return claim
        _refuse_decided(claim)
        claim.status, claim.decided_at, claim.waits_until = Claim.Status.REJECTED, now, None
        claim.decided_by, claim.reason, claim.points = actor, said, None
        return _done(claim, now)


def _done(claim: Claim, now: datetime) -> Claim:
    claim.save()
    telling.tell(claim, now)
    return claim


def _find(claim_id: UUID) -> Claim:
    found = Claim.objects.filter(pk=claim_id).first()
    if found is None:
        raise ClaimNotFound
    return found


def _locked(claim_id: UUID) -> Claim:
    claim = locks.claim(claim_id)
    assert claim is not None  # claims are never deleted
    return claim


def _refuse_much(given: int) -> None:
    most = current_brand().setting("adjustment_approval_above")
    if most is not None and given > most:
        raise ClaimNeedsSecond(points=given, limit=most)


def _refuse_decided(claim: Claim) -> None:
    if claim.status != Claim.Status.OPEN:
        raise ClaimDecided(decision=claim.status)
    filing.refuse_pending(claim)
