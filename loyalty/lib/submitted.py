"""What the API says of everything that a second operator agrees to, and what it takes for a decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from rest_framework import serializers

from loyalty.lib import fields
from loyalty.lib.api import StrictSerializer
from loyalty.lib.foureyes import LONGEST_NOTE, Submitted

SUBMISSION: Final[dict[str, Any]] = {
    "number": 1,
    "status": "scheduled",
    "publish_at": "2026-11-27T16:00:00Z",
    "submitted_by": "operator:anna@acme.example",
    "submitted_at": "2026-11-22T02:00:00Z",
    "note": "Anniversary",
    "approved_by": "operator:boris@acme.example",
    "approved_at": "2026-11-22T03:00:00Z",
    "ended_at": None,
    "reason": "",
    "version": None,
}
"""A submission that is approved and waits for its time."""
WAITING: Final[dict[str, Any]] = {
    **SUBMISSION,
    "status": "pending_approval",
    "approved_by": None,
    "approved_at": None,
}
PUBLISHED: Final[dict[str, Any]] = {
    **SUBMISSION,
    "status": "published",
    "publish_at": None,
    "ended_at": "2026-11-22T03:00:00Z",
    "version": 1,
}


def ended(status: str, reason: str) -> dict[str, Any]:
    """A submission that was turned down or taken back."""
    return {**WAITING, "status": status, "ended_at": "2026-11-22T03:00:00Z", "reason": reason}


class SubmittedAnswer(serializers.Serializer[Any]):
    """What was put forward, by whom, and what became of it; its content never changes."""

    number = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Submitted.Status.choices)
    publish_at = serializers.DateTimeField(allow_null=True)
    submitted_by = serializers.CharField()
    submitted_at = serializers.DateTimeField()
    note = serializers.CharField(allow_blank=True)
    approved_by = serializers.CharField(allow_null=True)
    approved_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(allow_null=True)


class ApproveBody(StrictSerializer):
    """The submission that was looked at, another time to publish, and a note."""

    number = fields.Whole(required=False, min_value=1)
    at = fields.Instant(required=False, allow_null=True)
    note = fields.Text(required=False, allow_blank=True, max_length=LONGEST_NOTE)


class RejectBody(StrictSerializer):
    """Why not, and the submission that was looked at."""

    reason = fields.Text(max_length=LONGEST_NOTE)
    number = fields.Whole(required=False, min_value=1)


class WithdrawBody(StrictSerializer):
    """Why."""

    reason = fields.Text(required=False, allow_blank=True, max_length=LONGEST_NOTE)


def submitted_json(submission: Submitted) -> dict[str, Any]:
    """A submission without its content."""
    return {
        "number": submission.number,
        "status": submission.status,
        "publish_at": _instant(submission.publish_at),
        "submitted_by": submission.submitted_by,
        "submitted_at": _instant(submission.submitted_at),
        "note": submission.note,
        "approved_by": submission.approved_by or None,
        "approved_at": _instant(submission.approved_at),
        "ended_at": _instant(submission.ended_at),
        "reason": submission.reason,
        "version": submission.version,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else fields.Instant().to_representation(at)
