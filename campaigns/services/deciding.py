"""Deciding on an activity: what waited for approval becomes available, or what was given is taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from campaigns import locks
from campaigns.engine import Evaluation
from campaigns.errors import ActivityDecided, ActivityNotFound
from campaigns.services import activities, activitytypes, giving
from campaigns.services.activities import Recorded
from campaigns.services.orders import judging
from loyalty.outbox import services as outbox
from members import services as members
from members.models import Activity
from points import services as points

APPROVED: Final = "activity.approved"
REJECTED: Final = "activity.rejected"


def approve_activity(*, activity_id: str, actor: str, reason: str = "", now: datetime) -> Recorded:
    """Approve an activity: what waited for that becomes available. Repeating it changes nothing more.

    What was recorded stays valid whatever its type asks for since; what does not fit any more is a warning.

    Raises ActivityNotFound, ActivityDecided (it was rejected).
    """
    return _decide(activity_id, Activity.Status.APPROVED, actor, reason, now)


def reject_activity(*, activity_id: str, actor: str, reason: str = "", now: datetime) -> Recorded:
    """Reject an activity: all that was given for it, pending or not, is taken back; debt if it was spent.

    Caps that it used stay used. Repeating it changes nothing more.

    Raises ActivityNotFound, ActivityDecided (it was approved).
    """
    return _decide(activity_id, Activity.Status.REJECTED, actor, reason, now)


def _decide(activity_id: str, status: Activity.Status, actor: str, reason: str, now: datetime) -> Recorded:
    known = Activity.objects.filter(activity_id=activity_id).values_list("member_id", flat=True).first()
    if known is None:
        raise ActivityNotFound
    with transaction.atomic():
        member = members.get(known)
        member = member.merged_into or member
        points.lock_account(member_id=member.pk, now=now)
        member.refresh_from_db(fields=["status", "merged_into"])
        if member.merged_into_id is not None:
            # Merged while we waited for the lock.
            member = members.get(member.merged_into_id)
            points.lock_account(member_id=member.pk, now=now)
        activity = locks.activity(activity_id)
        assert activity is not None
        if activity.status == Activity.Status.RECORDED:
            if status == Activity.Status.APPROVED:
                points.activate(waits_for=APPROVED, waits_ref=activity_id, now=now)
            else:
                _take_back(activity, member.pk, now)
            activity.status, activity.decided_at = status, now
            activity.decided_by, activity.decision_reason = actor, reason
            activity.save(update_fields=["status", "decided_at", "decided_by", "decision_reason"])
            _tell(activity, now)
        elif activity.status != status:
            raise ActivityDecided(activity_id=activity_id, decision=activity.status)
        account = points.lock_account(member_id=member.pk, now=now)
        warnings = activitytypes.misfits(activity.type, activity.attributes)
        return Recorded(activity, account, created=False, warnings=warnings)


def _take_back(activity: Activity, member_id: UUID, now: datetime) -> None:
    kept = activity.evaluation.get("activity")
    evaluation = Evaluation.from_record(kept) if kept else None
    giving.take_back(
        member_id=member_id,
        entries=activity.evaluation.get("entries", ()),
        counted=judging.counting(evaluation.results) if evaluation else 0,
        grants=[each.rule for each in evaluation.grants] if evaluation else (),
        given_as=activities.SOURCE,
        source=REJECTED,
        reference=activity.activity_id,
        at=activity.occurred_at,
        now=now,
    )


def _tell(activity: Activity, now: datetime) -> None:
    outbox.publish(
        type=APPROVED if activity.status == Activity.Status.APPROVED else REJECTED,
        payload={
            "activity_id": activity.activity_id,
            "member_id": str(activity.member_id),
            "type": activity.type,
            "reason": activity.decision_reason,
            "actor": activity.decided_by,
        },
        member_id=activity.member_id,
        occurred_at=now,
    )
