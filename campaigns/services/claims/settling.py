"""What time brings to open claims: the order came, a second operator decided, or nobody waits any more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from campaigns import locks
from campaigns.errors import OrderNotClaimable
from campaigns.models import Claim
from campaigns.services.claims import deciding, filing, matching, telling
from campaigns.services.orders import visits
from campaigns.services.orders.content import MemberRef
from loyalty.lib.transactions import one_by_one
from members.models import Member, Purchase
from points import services as points
from points.models import AdjustmentRequest

MERGED: Final = "merge"


def settle_due(*, now: datetime, limit: int = 200) -> int:
    """See to up to `limit` open claims of each kind; returns how many were.

    A claim whose order came is applied if it fits, and waits for an operator if it does not. One whose points
    a second operator booked is accepted. Each is a transaction of its own.
    """
    # Who filed first comes first.
    decided = _decided().order_by("filed_at", "pk")[:limit]
    done = _each(decided, partial(_adjustment_decided, now=now))
    done += _each(_came(now).order_by("filed_at", "pk")[:limit], partial(_order_came, now=now))
    _open().filter(waits_until__lte=now).update(waits_until=None)
    return done


def is_any_due(now: datetime) -> bool:
    """Whether `settle_due` has something to look at."""
    return any(due.exists() for due in (_came(now), _decided(), _open().filter(waits_until__lte=now)))


def merge(*, member: Member, into: Member, now: datetime) -> None:
    """Give the claims of one member to another; of two for one order `into` keeps theirs.

    Points by hand that wait for a second operator are turned down with the claim that they were for.
    """
    theirs = filing.of_member(into.pk).filter(status__in=[Claim.Status.OPEN, Claim.Status.ACCEPTED])
    doubled = filing.of_member(member.pk).filter(
        status=Claim.Status.OPEN, order_id__in=theirs.values("order_id")
    )
    for claim_id in doubled.order_by("pk").values_list("pk", flat=True):
        claim = locks.claim(claim_id)
        assert claim is not None  # claims are never deleted
        if claim.adjustment_id is not None:
            _end_request(claim, now)
        if claim.status == Claim.Status.OPEN:
            claim.status, claim.decided_at, claim.decided_by = Claim.Status.WITHDRAWN, now, MERGED
            claim.points, claim.waits_until = None, None
        claim.save()
    filing.of_member(member.pk).update(member=into)


def _open() -> QuerySet[Claim]:
    return Claim.objects.filter(status=Claim.Status.OPEN)


def _came(now: datetime) -> QuerySet[Claim]:
    """Claims whose order came; those whose points wait for a second operator wait for that first."""
    known = Purchase.objects.values("order_id")
    return _open().filter(waits_until__gt=now, adjustment_id__isnull=True, order_id__in=known)


def _decided() -> QuerySet[Claim]:
    over = [AdjustmentRequest.Status.APPROVED, AdjustmentRequest.Status.REJECTED]
    requests = AdjustmentRequest.objects.filter(status__in=over)
    return _open().filter(adjustment_id__in=requests.values("pk"))


def _each(claims: QuerySet[Claim], work: Callable[..., None]) -> int:
    keys = list(claims.values_list("pk", "member_id", "order_id"))
    return one_by_one(keys, lambda key: work(*key), failed="claim_not_settled")


def _order_came(claim_id: UUID, member_id: UUID, order_id: str, *, now: datetime) -> None:
    with transaction.atomic():
        known = visits.enter(MemberRef(member_id), order_id, now)
        claim = locks.claim(claim_id)
        if claim is None or claim.status != Claim.Status.OPEN or claim.waits_until is None:
            return
        if claim.adjustment_id is not None:
            return
        if not isinstance(known, visits.Known) or known.status != Member.Status.ACTIVE:
            claim.waits_until = None
        else:
            matching.apply(claim, known, now)
            if claim.finding == Claim.Finding.OWN and known.purchase_id is not None:
                # It came with the member after all, or was given to them by another claim.
                with suppress(OrderNotClaimable):
                    order = locks.purchase(known.purchase_id)
                    matching.accept_own(claim, order, actor=matching.BY_MATCH, now=now)
        claim.save()
        if claim.status == Claim.Status.ACCEPTED:
            telling.tell(claim, now)


def _adjustment_decided(claim_id: UUID, member_id: UUID, _order_id: str, *, now: datetime) -> None:
    with transaction.atomic():
        points.lock_account(member_id=member_id, now=now)
        claim = locks.claim(claim_id)
        if claim is None or claim.status != Claim.Status.OPEN or claim.adjustment_id is None:
            return
        asked = AdjustmentRequest.objects.get(pk=claim.adjustment_id)
        if asked.status == AdjustmentRequest.Status.APPROVED:
            claim.decided_by = f"{asked.requested_by} + {asked.decided_by}"
            deciding.by_hand(claim, now)
        elif asked.status == AdjustmentRequest.Status.REJECTED:
            claim.adjustment_id, claim.points, claim.reason, claim.decided_by = None, None, "", ""
        claim.save()
        if claim.status == Claim.Status.ACCEPTED:
            telling.tell(claim, now)


def _end_request(claim: Claim, now: datetime) -> None:
    """What was approved was given; what waits is turned down. The claim is changed, not saved."""
    assert claim.adjustment_id is not None
    asked = AdjustmentRequest.objects.get(pk=claim.adjustment_id)
    if asked.status == AdjustmentRequest.Status.PENDING_APPROVAL:
        points.reject_adjustment(request_id=asked.pk, actor=MERGED, now=now)
    elif asked.status == AdjustmentRequest.Status.APPROVED:
        claim.decided_by = f"{asked.requested_by} + {asked.decided_by}"
        deciding.by_hand(claim, now)
