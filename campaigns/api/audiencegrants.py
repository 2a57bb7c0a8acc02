"""``/audience-grants``: points or a gift for everybody in a segment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.decisions import (
    LIFE,
    STATES,
    LifeAnswer,
    NoStep,
    RejectStep,
    StateQuery,
    SubmitStep,
    life_json,
)
from campaigns.api.segments import plain_code
from campaigns.models import AudienceGrant
from campaigns.services import audiencegrants
from loyalty.lib import clock, fields, instants, pagination
from loyalty.lib.api import ApiView, StrictSerializer

SCOPE: Final = "points:write"
EXAMPLE: Final[dict[str, Any]] = {
    "code": "sorry-for-the-delay",
    "name": {"zh-hans": "配送延误补偿", "en": "Sorry for the delay"},
    "segment": "waited-long",
    "points": 100,
    "budget": 500000,
    "reason": "Deliveries of 20 November",
}
ANSWER: Final[dict[str, Any]] = {
    **EXAMPLE,
    "gift": None,
    "cost_centre": "",
    "at": None,
    **LIFE,
    "progress": {
        "audience": None,
        "given": 0,
        "refused": 0,
        "spent": 0,
        "budget_reached": False,
        "started_at": None,
    },
}
GIVING: Final[dict[str, Any]] = {
    **ANSWER,
    "status": "running",
    "needs_approval": True,
    "submitted_by": "key:everything",
    "approved_by": "operator:boris@acme.example",
    "progress": {
        "audience": 4982,
        "given": 2500,
        "refused": 0,
        "spent": 250000,
        "budget_reached": False,
        "started_at": "2026-11-22T02:00:00Z",
    },
}


class GiftBody(StrictSerializer):
    """A coupon, a benefit or chances to draw, as a rule grants them."""

    kind = fields.Choice(choices=list(audiencegrants.GIFT_KINDS))
    code = fields.Text(max_length=64)
    quantity = fields.Whole(min_value=1, max_value=1000, required=False)
    valid_days = fields.Whole(min_value=1, max_value=3660, required=False)


class AudienceGrantChanges(StrictSerializer):
    """What a draft says; the code stays."""

    name = fields.LocalText(required=False)
    segment = fields.Text(max_length=64, required=False)
    points = fields.Points(max_value=1_000_000, required=False, allow_null=True)
    gift = GiftBody(required=False, allow_null=True)
    budget = fields.Points(required=False)
    reason = fields.Text(max_length=200, required=False, allow_blank=True)
    cost_centre = fields.Text(max_length=64, required=False, allow_blank=True)
    at = fields.Instant(required=False, allow_null=True)


class AudienceGrantBody(AudienceGrantChanges):
    """Points, or a gift, for each member of a segment, at once or at a time."""

    code = fields.Text(max_length=64)
    name = fields.LocalText()
    segment = fields.Text(max_length=64)
    budget = fields.Points()

    def validate_code(self, value: str) -> str:
        """Lower case, so that it can stand in a path."""
        return plain_code(value)


class ProgressAnswer(serializers.Serializer[Any]):
    """How far the giving has come."""

    audience = serializers.IntegerField(allow_null=True)
    given = serializers.IntegerField()
    refused = serializers.IntegerField()
    spent = serializers.IntegerField()
    budget_reached = serializers.BooleanField()
    started_at = serializers.DateTimeField(allow_null=True)


class AudienceGrantAnswer(LifeAnswer):
    """A grant to a whole audience."""

    code = serializers.CharField()
    name = fields.LocalText()
    segment = serializers.CharField()
    points = serializers.IntegerField()
    gift = GiftBody(allow_null=True)
    budget = serializers.IntegerField()
    reason = serializers.CharField(allow_blank=True)
    cost_centre = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField(allow_null=True)
    progress = ProgressAnswer()


class AudienceGrantList(serializers.Serializer[Any]):
    """A page of grants."""

    items = AudienceGrantAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AudienceGrants(ApiView):
    """All grants to whole audiences."""

    required_scopes: ClassVar = {"GET": SCOPE, "POST": SCOPE}

    @extend_schema(
        operation_id="audience_grants_list",
        parameters=[OpenApiParameter("status", enum=STATES)],
        responses={200: AudienceGrantList},
        examples=[OpenApiExample("A page", {"items": [GIVING], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List grants, the newest first."""
        filters = self.query(StateQuery)
        found = AudienceGrant.objects.select_related("segment")
        if "status" in filters:
            found = found.filter(status=filters["status"])
        return Response(pagination.page(found, request, grant_json, order=("-created_at", "-id")))

    @extend_schema(
        operation_id="audience_grants_create",
        request=AudienceGrantBody,
        responses={201: AudienceGrantAnswer},
        examples=[
            OpenApiExample("100 points for each", EXAMPLE, request_only=True),
            OpenApiExample("The draft", ANSWER, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Save a grant as a draft."""
        body, now = self.body(AudienceGrantBody), clock.now()
        code = body.pop("code")

        def work() -> Response:
            made = audiencegrants.create(code=code, values=body, actor=self.caller(), now=now)
            return Response(grant_json(made), status=201)

        answer: Response = self.once(work)
        return answer


class OneAudienceGrant(ApiView):
    """One grant."""

    required_scopes: ClassVar = {"GET": SCOPE, "PATCH": SCOPE}

    @extend_schema(
        operation_id="audience_grants_retrieve",
        responses={200: AudienceGrantAnswer},
        examples=[OpenApiExample("Being given", GIVING, response_only=True)],
    )
    def get(self, request: Request, code: str) -> Response:
        """A grant with its progress."""
        return Response(grant_json(audiencegrants.find(code)))

    @extend_schema(
        operation_id="audience_grants_update",
        request=AudienceGrantChanges,
        responses={200: AudienceGrantAnswer},
        examples=[
            OpenApiExample("More budget", {"budget": 600000}, request_only=True),
            OpenApiExample("The draft", {**ANSWER, "budget": 600000}, response_only=True),
        ],
    )
    def patch(self, request: Request, code: str) -> Response:
        """Change a draft."""
        changes = self.body(AudienceGrantChanges)
        return Response(grant_json(audiencegrants.update(code=code, changes=changes, now=clock.now())))


class _Step(ApiView):
    """One step of the life of a grant, taken once for the same key."""

    required_scopes: ClassVar = {"POST": SCOPE}

    def take(self, step: Callable[[], AudienceGrant]) -> Response:
        """The answer to the step."""
        answer: Response = self.once(lambda: Response(grant_json(step())))
        return answer


class SubmitAudienceGrant(_Step):
    """Putting a draft forward."""

    @extend_schema(
        operation_id="audience_grants_submit",
        request=SubmitStep,
        responses={200: AudienceGrantAnswer},
        examples=[
            OpenApiExample("Why", {"note": "Agreed with finance"}, request_only=True),
            OpenApiExample("It waits", {**ANSWER, "status": "submitted"}, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Submit a draft; where the brand asks for a second operator it waits for one, else it is given."""
        body, now = self.body(SubmitStep), clock.now()
        return self.take(
            lambda: audiencegrants.submit(
                code=code, actor=self.caller(), now=now, note=body.get("note", ""), by_api=True
            )
        )


class ApproveAudienceGrant(_Step):
    """Agreeing, as somebody else than who submitted."""

    @extend_schema(
        operation_id="audience_grants_approve",
        request=NoStep,
        responses={200: AudienceGrantAnswer},
        examples=[
            OpenApiExample("Nothing to say", {}, request_only=True),
            OpenApiExample("Being given", GIVING, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Approve what was submitted: it is given from now on, or at its time."""
        self.body(NoStep)
        now = clock.now()
        return self.take(lambda: audiencegrants.approve(code=code, actor=self.caller(), now=now))


class RejectAudienceGrant(_Step):
    """Turning down."""

    @extend_schema(
        operation_id="audience_grants_reject",
        request=RejectStep,
        responses={200: AudienceGrantAnswer},
        examples=[
            OpenApiExample("Why", {"reason": "Too much"}, request_only=True),
            OpenApiExample("A draft again", {**ANSWER, "note": "Too much"}, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Turn down what was submitted: it is a draft again."""
        body, now = self.body(RejectStep), clock.now()
        return self.take(
            lambda: audiencegrants.reject(code=code, actor=self.caller(), now=now, reason=body["reason"])
        )


class CancelAudienceGrant(_Step):
    """Stopping."""

    @extend_schema(
        operation_id="audience_grants_cancel",
        request=NoStep,
        responses={200: AudienceGrantAnswer},
        examples=[
            OpenApiExample("Nothing to say", {}, request_only=True),
            OpenApiExample("Stopped", {**GIVING, "status": "cancelled"}, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Give no more. What was given stays given."""
        self.body(NoStep)
        now = clock.now()
        return self.take(lambda: audiencegrants.cancel(code=code, actor=self.caller(), now=now))


def grant_json(grant: AudienceGrant) -> dict[str, Any]:
    """A grant as the API tells it."""
    return {
        "code": grant.code,
        "name": grant.name,
        "segment": grant.segment.code,
        "points": grant.points,
        "gift": grant.gift,
        "budget": grant.budget,
        "reason": grant.reason,
        "cost_centre": grant.cost_centre,
        "at": instants.text(grant.at),
        **life_json(grant),
        "progress": {
            "audience": grant.audience,
            "given": grant.given,
            "refused": grant.refused,
            "spent": grant.spent,
            "budget_reached": grant.budget_reached,
            "started_at": instants.text(grant.started_at),
        },
    }
