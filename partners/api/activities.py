"""``/activities``: what members do beside buying, as partners report it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.services import activities, activitytypes, deciding
from campaigns.services.activities import Recorded
from loyalty.lib import clock, fields
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.errors import Invalid
from partners.api import orderdocs as docs
from partners.api import orderexamples as examples

ACTIVITY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["activity_id", "member", "type", "occurred_at"],
    "additionalProperties": False,
    "properties": {
        "activity_id": {"type": "string", "minLength": 1, "maxLength": 100},
        "member": docs.MEMBER_REF,
        "type": {"type": "string", "pattern": f"^{activitytypes.PATTERN}$"},
        "occurred_at": {
            "type": "string",
            "format": "date-time",
            "description": "At most a day ahead, and 30 days back (check-ins 7) unless the brand says else.",
        },
        "attributes": {"type": "object", "additionalProperties": True},
    },
}
ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "activity_id": {"type": "string"},
        "member_id": {"type": "string", "format": "uuid"},
        "type": {"type": "string"},
        "status": {"enum": ["recorded", "approved", "rejected"]},
        "points": docs.RECORDED["properties"]["points"],
        "entries": {"type": "array", "items": docs.ENTRY},
        "explanation": docs.EXPLANATION,
        "account": docs.ACCOUNT,
        "warnings": {
            "type": "array",
            "description": "Of a decision: what of the recorded does not fit the type as it is now.",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
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
    "member_id": examples.MEMBER_ID,
    "type": "check-in",
    "status": "recorded",
    "points": {"accrued": 5, "pending": 0, "debt_repaid": 0},
    "entries": [{**examples.ENTRY_EXAMPLE, "points": 5, "rule": "check-in"}],
    "explanation": [
        {"rule": "check-in", "version": 1, "name": "Check-in", "points": 5, "text": "5 points once"}
    ],
    "account": {**examples.ACCOUNT_EXAMPLE, "available": 5},
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
        is now; with other content 409 `activity_conflict`. The member must be known. A second check-in on one
        of the brand's days is recorded and gives nothing. An article that compliance blocks (`tags`, or `sku`
        and `order_id` in the attributes) earns nothing by activities either.
        """
        now = clock.now()
        content = activities.parse(request.data, now=now)

        def work() -> Response:
            recorded = activities.record_activity(content=content, now=now, reported=True)
            return Response(recorded.body(), status=201 if recorded.created else 200)

        return self.once(work)


class DecisionBody(StrictSerializer):
    """Why; told in the event."""

    reason = fields.Text(required=False, default="", max_length=500)


class _Decision(ApiView):
    """A decision on an activity."""

    required_scopes: ClassVar = {"POST": "orders:write"}
    decide: ClassVar[Callable[..., Recorded]]

    def _decided(self, activity_id: str) -> Any:
        body = self.body(DecisionBody)

        def work() -> Response:
            done = type(self).decide(
                activity_id=activity_id, actor=self.caller(), reason=body["reason"], now=clock.now()
            )
            return Response(done.body())

        return self.once(work)


_DECISION: Final[dict[str, Any]] = {
    "parameters": [docs.KEY],
    "request": DecisionBody,
    "responses": {200: ANSWER},
}


class Approval(_Decision):
    """Approving."""

    decide = staticmethod(deciding.approve_activity)

    @extend_schema(
        operation_id="activity_approve",
        **_DECISION,
        examples=[
            docs.asked({"reason": "a good picture"}),
            docs.answered({**ANSWERED, "type": "review", "status": "approved"}, "Approved", "200"),
        ],
    )
    def post(self, request: Request, activity_id: str) -> Any:
        """Approve an activity: what waited for `activity.approved` becomes available. Safe to repeat.

        404 `activity_not_found`; 409 `activity_decided` if it was rejected.
        """
        return self._decided(activity_id)


class Rejection(_Decision):
    """Rejecting."""

    decide = staticmethod(deciding.reject_activity)

    @extend_schema(
        operation_id="activity_reject",
        **_DECISION,
        examples=[
            docs.asked({"reason": "the picture shows something else"}),
            docs.answered({**ANSWERED, "type": "review", "status": "rejected"}, "Rejected", "200"),
        ],
    )
    def post(self, request: Request, activity_id: str) -> Any:
        """Reject an activity: all that was given for it is taken back, with debt if it was spent.

        Safe to repeat. 404 `activity_not_found`; 409 `activity_decided` if it was approved.
        """
        return self._decided(activity_id)


class TypeBody(StrictSerializer):
    """A type: its name, and the JSON Schema (2020-12) that attributes must fit.

    `$ref` and `patternProperties` are not allowed; patterns are read as RE2 does, without lookaround.
    """

    name = serializers.DictField(child=fields.Text(max_length=80), allow_empty=False)
    attributes_schema = serializers.DictField(required=False, default=dict)
    enabled = fields.Flag(required=False, default=True)


class TypeShape(serializers.Serializer[Any]):
    """A type of activity; `built_in` ones take any attributes."""

    code = serializers.CharField()
    name = serializers.DictField(child=serializers.CharField())
    attributes_schema = serializers.DictField()
    enabled = serializers.BooleanField()
    built_in = serializers.BooleanField()


class TypeList(serializers.Serializer[Any]):
    """All types."""

    items = TypeShape(many=True)


_TYPE: Final[dict[str, Any]] = {
    "name": {"zh-hans": "试饮", "en": "Tasting"},
    "attributes_schema": {
        "type": "object",
        "required": ["sku"],
        "properties": {"sku": {"type": "string"}, "stars": {"type": "integer", "minimum": 1, "maximum": 5}},
    },
    "enabled": True,
}


class ActivityTypes(ApiView):
    """Types of activities."""

    required_scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(
        operation_id="activity_types",
        responses=TypeList,
        examples=[docs.answered({"items": [{"code": "tasting", **_TYPE, "built_in": False}]}, "All", "200")],
    )
    def get(self, request: Request) -> Response:
        """Every type that `POST /activities` takes, by code. One that a rule waits for is taken too."""
        return Response({"items": activitytypes.known_types()})


class OneActivityType(ApiView):
    """One type."""

    required_scopes: ClassVar = {"PUT": "rules:write"}

    @extend_schema(
        operation_id="activity_type_register",
        parameters=[docs.KEY],
        request=TypeBody,
        responses={200: TypeShape},
        examples=[
            docs.asked(_TYPE),
            docs.answered({"code": "tasting", **_TYPE, "built_in": False}, "Registered", "200"),
        ],
    )
    def put(self, request: Request, code: str) -> Any:
        """Register a type, or change it: new activities must fit its schema from now on.

        What was recorded stays, may be sent again and be approved, whatever the type asks for since. A fault
        of the schema, a keyword that JSON Schema does not have included, is 422 at its place below
        `/attributes_schema`.
        """
        if not activities.TYPE.match(code):
            raise Invalid.at("/code", "type_code", activities.TYPE_WORDS)
        body = self.body(TypeBody)

        def work() -> Response:
            row = activitytypes.register(code=code, **body, actor=self.caller(), now=clock.now())
            return Response(activitytypes.told(row))

        return self.once(work)
