"""``/activities``: what members do beside buying, as partners report it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.services import activities
from loyalty.lib import clock
from loyalty.lib.api import ApiView
from partners.api import orderdocs as docs

ACTIVITY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["activity_id", "member", "type", "occurred_at"],
    "additionalProperties": False,
    "properties": {
        "activity_id": {"type": "string", "minLength": 1, "maxLength": 100},
        "member": docs.MEMBER_REF,
        "type": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$"},
        "occurred_at": {"type": "string", "format": "date-time", "description": "At most a day ahead."},
        "attributes": {"type": "object", "additionalProperties": True},
    },
}
ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "activity_id": {"type": "string"},
        "member_id": {"type": "string", "format": "uuid"},
        "type": {"type": "string"},
        "points": docs.RECORDED["properties"]["points"],
        "entries": {"type": "array", "items": docs.ENTRY},
        "explanation": docs.EXPLANATION,
        "account": docs.ACCOUNT,
    },
}
ASKED: Final[dict[str, Any]] = {
    "activity_id": "A-1",
    "member": {"external_id": "C123"},
    "type": "check-in",
    "occurred_at": "2026-11-22T10:15:00+08:00",
    "attributes": {"place": "miniprogram"},
}
ANSWERED: Final[dict[str, Any]] = {
    "activity_id": "A-1",
    "member_id": docs.MEMBER_ID,
    "type": "check-in",
    "points": {"accrued": 5, "pending": 0, "debt_repaid": 0},
    "entries": [{**docs.ENTRY_EXAMPLE, "points": 5, "rule": "check-in"}],
    "explanation": [
        {"rule": "check-in", "version": 1, "name": "Check-in", "points": 5, "text": "5 points once"}
    ],
    "account": {**docs.ACCOUNT_EXAMPLE, "available": 5},
}


class Activities(ApiView):
    """Activities of members."""

    required_scopes: ClassVar = {"POST": "orders:write"}

    @extend_schema(
        operation_id="activities_record",
        parameters=[docs.KEY],
        request={docs.JSON: ACTIVITY},
        responses={201: ANSWER, 200: ANSWER},
        examples=[
            docs.asked(ASKED),
            docs.answered(ANSWERED, "Recorded", "201"),
            docs.answered(ANSWERED, "The same activity again", "200"),
        ],
    )
    def post(self, request: Request) -> Any:
        """Record an activity: rules on `activity.<type>` give their points at once.

        The same `activity_id` with the same content answers 200 with the first points and the account as it
        is now; with other content 409 `activity_conflict`. The member must be known.
        """
        now = clock.now()
        content = activities.parse(request.data, now=now)

        def work() -> Response:
            recorded = activities.record_activity(content=content, now=now)
            return Response(recorded.body(), status=201 if recorded.created else 200)

        return self.once(work)
