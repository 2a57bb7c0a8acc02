"""Adjustments and reversals that need a second operator."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from loyalty.lib.foureyes import SameOperator
from points import errors, expiry, locks
from points.models import Account, AdjustmentRequest, Entry
from points.postings import DEFAULT_CURRENCY, BurnResult
from points.services.corrections import reverse
from points.services.posting import adjust, check_points
from tenants.context import current_brand

SOURCE = "adjustment"
REVERSAL = "reversal"


def request_adjustment(
    *,
    member_id: UUID,
    points: int,
    reference: str,
    reason: str,
    actor: str,
    now: datetime,
    currency: str = DEFAULT_CURRENCY,
) -> BurnResult | AdjustmentRequest:
    """Adjust at once, or ask for a second operator where the brand's threshold is passed.

    Points given live as long as the brand's `expiry` policy says. Repeating a reference with the same content
    returns what became of it. More than the member has is refused before anybody is asked.

    Raises InsufficientPoints, ReferenceConflict, PointsOutOfRange.
    """
    check_points(abs(points))
    threshold = current_brand().setting("adjustment_approval_above")
    with transaction.atomic():
        known = AdjustmentRequest.objects.filter(source=SOURCE, reference=reference).first()
        at_once = threshold is None or abs(points) <= int(threshold)
        if known is None and (at_once or _is_booked(reference)):
            return _adjust(member_id, points, reference, reason, actor, now, currency)
        if known is None:
            if points < 0:
                _try_out(member_id, points, reference, reason, actor, now, currency)
            known, _created = AdjustmentRequest.objects.get_or_create(
                source=SOURCE,
                reference=reference,
                defaults={
                    "member_id": member_id,
                    "currency": currency,
                    "points": points,
                    "reason": reason,
                    "requested_by": actor,
                    "requested_at": now,
                },
            )
        if (known.member_id, known.points, known.currency) != (member_id, points, currency):
            raise errors.ReferenceConflict(reference=reference)
        if known.status == AdjustmentRequest.Status.APPROVED:
            return _adjust(member_id, points, reference, reason, actor, now, currency)
        return known


def request_reversal(
    *, entry_id: UUID, points: int | None, reference: str, reason: str, actor: str, now: datetime
) -> BurnResult | AdjustmentRequest:
    """Reverse at once, or ask for a second operator where it moves more than one may adjust alone.

    What cannot be reversed is refused before anybody is asked. Repeating a reference with the same content
    returns what became of it.

    Raises EntryNotFound, NotReversible, ReversalExceedsEntry, ReferenceConflict, PointsOutOfRange.
    """
    threshold = current_brand().setting("adjustment_approval_above")
    with transaction.atomic():
        known = AdjustmentRequest.objects.filter(source=REVERSAL, reference=reference).first()
        if known is not None:
            if known.entry_id != entry_id or points not in (None, abs(known.points)):
                raise errors.ReferenceConflict(reference=reference)
            if known.status == AdjustmentRequest.Status.APPROVED:
                return _reverse(known, entry_id, actor, now)
            return known
        done, added = _reverse_within(threshold, entry_id, points, reference, reason, actor, now)
        if added is None:
            return done
        asked, _created = AdjustmentRequest.objects.get_or_create(
            source=REVERSAL,
            reference=reference,
            defaults={
                "entry_id": entry_id,
                "member_id": Account.objects.get(pk=done.account.account_id).member_id,
                "currency": done.account.currency,
                "points": added,
                "reason": reason,
                "requested_by": actor,
                "requested_at": now,
            },
        )
        if (asked.entry_id, asked.points) != (entry_id, added):
            raise errors.ReferenceConflict(reference=reference)
        return asked


def _reverse_within(
    threshold: int | None,
    entry_id: UUID,
    points: int | None,
    reference: str,
    reason: str,
    actor: str,
    now: datetime,
) -> tuple[BurnResult, int | None]:
    """What the reversal did; or what it would have done, undone again, and the points that it would move."""
    with transaction.atomic():
        done = reverse(
            entry_id=entry_id, points=points, reference=reference, reason=reason, actor=actor, now=now
        )
        if done.replayed or threshold is None or abs(done.entry.points) <= int(threshold):
            return done, None
        transaction.set_rollback(True)
    return done, done.entry.points


def approve_adjustment(*, request_id: UUID, actor: str, now: datetime) -> BurnResult:
    """Carry out an adjustment or reversal that waited, on behalf of a second operator.

    Raises AdjustmentNotFound, AdjustmentDecided, SameOperator, InsufficientPoints; of a reversal also
    ReversalExceedsEntry, where the entry was reversed meanwhile.
    """
    with transaction.atomic():
        waiting = _decide(request_id, actor)
        both = f"{waiting.requested_by} + {actor}"
        if waiting.entry_id is not None:
            result = _reverse(waiting, waiting.entry_id, both, now)
        else:
            result = _adjust(
                waiting.member_id,
                waiting.points,
                waiting.reference,
                waiting.reason,
                both,
                now,
                waiting.currency,
            )
        _close(waiting, AdjustmentRequest.Status.APPROVED, actor, now)
        return result


def reject_adjustment(*, request_id: UUID, actor: str, now: datetime) -> AdjustmentRequest:
    """Turn down what waited. Raises AdjustmentNotFound, AdjustmentDecided, SameOperator."""
    with transaction.atomic():
        waiting = _decide(request_id, actor)
        _close(waiting, AdjustmentRequest.Status.REJECTED, actor, now)
        return waiting


def _try_out(
    member_id: UUID, points: int, reference: str, reason: str, actor: str, now: datetime, currency: str
) -> None:
    """Adjust and undo it again, so that what could not be booked is refused."""
    with transaction.atomic():
        _adjust(member_id, points, reference, reason, actor, now, currency)
        transaction.set_rollback(True)


def _is_booked(reference: str) -> bool:
    # Then the ledger says whether it was this very adjustment, whatever the threshold is by now.
    return Entry.objects.filter(reference=reference, source=SOURCE, kind=Entry.Kind.ADJUSTMENT).exists()


def _decide(request_id: UUID, actor: str) -> AdjustmentRequest:
    waiting = locks.adjustment_request(request_id)
    if waiting is None:
        raise errors.AdjustmentNotFound
    if waiting.status != AdjustmentRequest.Status.PENDING_APPROVAL:
        raise errors.AdjustmentDecided(decision=waiting.status)
    if waiting.requested_by == actor:
        raise SameOperator
    return waiting


def _close(waiting: AdjustmentRequest, status: AdjustmentRequest.Status, actor: str, now: datetime) -> None:
    waiting.status, waiting.decided_by, waiting.decided_at = status, actor, now
    waiting.save(update_fields=["status", "decided_by", "decided_at"])


def _reverse(waiting: AdjustmentRequest, entry_id: UUID, actor: str, now: datetime) -> BurnResult:
    return reverse(
        entry_id=entry_id,
        points=abs(waiting.points),
        reference=waiting.reference,
        reason=waiting.reason,
        actor=actor,
        now=now,
    )


def _adjust(
    member_id: UUID, points: int, reference: str, reason: str, actor: str, now: datetime, currency: str
) -> BurnResult:
    brand = current_brand()
    policy = brand.setting("expiry")
    return adjust(
        member_id=member_id,
        points=points,
        source=SOURCE,
        reference=reference,
        reason=reason,
        actor=actor,
        now=now,
        currency=currency,
        expires_at=expiry.expires_at(policy, now, brand.tz) if points > 0 else None,
        inactivity_months=expiry.inactivity_months(policy) if points > 0 else None,
    )
