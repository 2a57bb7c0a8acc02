"""What the API of wake-ups and that of audience grants have in common: bodies of steps, and their answers."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from campaigns.models.decided import Decided
from campaigns.services.decided import LONGEST_NOTE
from loyalty.lib import fields, instants
from loyalty.lib.api import StrictSerializer

STATES: Final = [str(value) for value in Decided.Status.values]
LIFE: Final[dict[str, Any]] = {
    "status": "draft",
    "needs_approval": False,
    "created_by": "key:everything",
    "submitted_by": None,
    "approved_by": None,
    "ended_at": None,
    "note": "",
}


class SubmitStep(StrictSerializer):
    """A note for who decides."""

    note = fields.Text(required=False, allow_blank=True, max_length=LONGEST_NOTE)


class RejectStep(StrictSerializer):
    """Why."""

    reason = fields.Text(max_length=LONGEST_NOTE)


class NoStep(StrictSerializer):
    """A body without fields."""


class StateQuery(StrictSerializer):
    """Filters of the list."""

    status = fields.Choice(choices=STATES, required=False)
    cursor = serializers.CharField(required=False)
    limit = serializers.CharField(required=False)


class LifeAnswer(serializers.Serializer[Any]):
    """How far it has come, and who decided."""

    status = serializers.ChoiceField(choices=STATES)
    needs_approval = serializers.BooleanField()
    created_by = serializers.CharField()
    submitted_by = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField(allow_blank=True)


def life_json(row: Decided) -> dict[str, Any]:
    """The fields of LifeAnswer."""
    return {
        "status": row.status,
        "needs_approval": row.needs_approval,
        "created_by": row.created_by,
        "submitted_by": row.submitted_by or None,
        "approved_by": row.approved_by or None,
        "ended_at": instants.text(row.ended_at),
        "note": row.note,
    }
