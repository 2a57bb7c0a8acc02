"""What time brings to open claims: the order came, a second operator decided, or nobody waits any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from campaigns import locks
from campaigns.models import Claim
from campaigns.services.claims import deciding, matching, telling
from campaigns.services.orders import visits
from campaigns.services.orders.content import MemberRef
from loyalty.lib.transactions import retried
from members.models import Member, Purchase
from points import services as points
from points.models import AdjustmentRequest

log = structlog.get_logger(__name__)


def settle_due(*, now: datetime, limit: int = 200) -> int:
    """See to up to `limit` open claims of each kind; returns how many were looked at.

    A claim whose order came is applied if it fits, and waits for an operator if it does not. One whose points
    a second operator booked is accepted. Each is a transaction of its own.
    """
    waiting = Claim.objects.filter(status=Claim.Status.OPEN, waits_until__isnull=False)
    came = waiting.filter(waits_until__gt=now, order_id__in=Purchase.objects.values("order_id"))
    decided = Claim.objects.filter(status=Claim.Status.OPEN, adjustment_id__in=_decided_requests())
    # Who filed first comes first.
    looked = _each(came.order_by("filed_at", "pk")[:limit], partial(_order_came, now=now))
    looked += _each(decided.order_by("filed_at", "pk")[:limit], partial(_adjustment_decided, now=now))
    waiting.filter(waits_until__lte=now).update(waits_until=None)
    return looked


def is_any_due(now: datetime) -> bool:
    """Whether `settle_due` has something to look at."""
    came = Q(waits_until__gt=now, order_id__in=Purchase.objects.values("order_id"))
    decided = Q(adjustment_id__in=_decided_requests())
    open_ones = Claim.objects.filter(status=Claim.Status.OPEN)
    return any(open_ones.filter(due).exists() for due in (came, decided, Q(waits_until__lte=now)))


def _decided_requests() -> QuerySet[AdjustmentRequest, Any]:
    over = [AdjustmentRequest.Status.APPROVED, AdjustmentRequest.Status.REJECTED]
    return AdjustmentRequest.objects.filter(status__in=over).values("pk")


def _each(claims: Any, work: Callable[..., None]) -> int:
    found = list(claims)
    for claim in found:
        try:
            retried(partial(work, claim.pk, claim.member_id, claim.order_id))
        except Exception:  # whatever it is, the others go on
            log.exception("claim_not_settled", claim_id=str(claim.pk))
    return len(found)


def _order_came(claim_id: UUID, member_id: UUID, order_id: str, *, now: datetime) -> None:
    with transaction.atomic():
        known = visits.enter(MemberRef(member_id), order_id, now)
        claim = locks.claim(claim_id)
        if claim is None or claim.status != Claim.Status.OPEN or claim.waits_until is None:
            return
        if not isinstance(known, visits.Known) or known.status != Member.Status.ACTIVE:
            claim.waits_until = None
        else:
            matching.apply(claim, known, now)
            if claim.finding == Claim.Finding.OWN and known.purchase_id is not None:
                # It came with the member after all.
                matching.accept_own(
                    claim, locks.purchase(known.purchase_id), actor=matching.BY_MATCH, now=now
                )
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
