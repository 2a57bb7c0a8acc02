"""``/earning-rules``: what operators compose and partners manage."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.rulejson import rule_json, rules_json, saved_json
from campaigns.errors import RuleNotFound
from campaigns.models import Rule
from campaigns.schema import RULE_SCHEMA
from campaigns.services import rules
from loyalty.lib import clock, fields, pagination, submitted
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.submitted import SubmittedAnswer

EXAMPLE: dict[str, Any] = {
    "code": "weekend-fresh",
    "name": {"zh-hans": "周末生鲜双倍", "en": "Weekend double on fresh food"},
    "trigger": "order.paid",
    "when": {"all": [{"fact": "line.category", "op": "in", "value": ["fresh"]}]},
    "schedule": {"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"},
    "effect": {"type": "multiplier", "factor": "2"},
    "stacking": {"group": "promo", "policy": "best"},
    "priority": 10,
}
TEXT = {"zh-hans": "基础积分的 2 倍 …", "en": "2 times the base points …"}
ANSWER: dict[str, Any] = {
    **EXAMPLE,
    "status": "published",
    "version": 1,
    "draft": None,
    "submission": None,
    "text": TEXT,
}
DRAFT: dict[str, Any] = {**ANSWER, "status": "draft", "version": None}
OF_A_RULE: dict[str, Any] = {"rule": EXAMPLE, "retires": False}
SUBMISSION: dict[str, Any] = {**submitted.SUBMISSION, **OF_A_RULE}


class RuleBody(serializers.Serializer[Any]):
    """An earning rule; ``GET /earning-rules/schema`` is its full JSON Schema."""

    code = serializers.CharField(max_length=64)
    name = fields.LocalText()
    trigger = serializers.CharField()
    effect = serializers.DictField()
    when = serializers.DictField(required=False)
    schedule = serializers.DictField(required=False)
    to = serializers.CharField(required=False)
    stacking = serializers.DictField(required=False)
    priority = serializers.IntegerField(required=False)
    caps = serializers.DictField(required=False)
    points = serializers.DictField(required=False)
    audience = serializers.DictField(required=False)
    cost_centre = serializers.CharField(required=False)
    description = serializers.CharField(required=False)


class SubmissionAnswer(SubmittedAnswer):
    """What was put forward of a rule: its content, or with `retires` its end."""

    rule = serializers.DictField()
    retires = serializers.BooleanField()


class RuleAnswer(RuleBody):
    """A rule with where it stands in its life; `submission` is the latest one."""

    status = serializers.ChoiceField(choices=["draft", "published", "retired"])
    version = serializers.IntegerField(allow_null=True)
    draft = serializers.DictField(allow_null=True)
    submission = SubmissionAnswer(allow_null=True)
    text = serializers.DictField()
    warnings = serializers.ListField(child=serializers.DictField(), required=False)
    versions = serializers.ListField(child=serializers.DictField(), required=False)


class RuleList(serializers.Serializer[Any]):
    """A page of rules."""

    items = RuleAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ListQuery(StrictSerializer):
    """Filters of the list."""

    status = fields.Choice(choices=["draft", "published", "retired"], required=False)
    cursor = serializers.CharField(required=False)
    limit = serializers.CharField(required=False)


class Nothing(StrictSerializer):
    """A body without fields."""


class EarningRules(ApiView):
    """All rules of the brand."""

    required_scopes: ClassVar = {"GET": "rules:write", "POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_list",
        parameters=[OpenApiParameter("status", enum=["draft", "published", "retired"])],
        responses={200: RuleList},
        examples=[OpenApiExample("A page", {"items": [ANSWER], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List rules by code."""
        filters = self.query(ListQuery)
        found = Rule.objects.all()
        if "status" in filters:
            found = found.filter(status=filters["status"])
        page = pagination.page(found, request, lambda rule: rule, order=("code",))
        page["items"] = rules_json(page["items"])
        return Response(page)

    @extend_schema(
        operation_id="earning_rules_create",
        request=RuleBody,
        responses={201: RuleAnswer},
        examples=[
            OpenApiExample("A rule", EXAMPLE, request_only=True),
            OpenApiExample("The draft", DRAFT, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Save a new rule as a draft."""
        now = clock.now()
        rules.check(body=request.data, now=now)

        def work() -> Response:
            saved = rules.create_draft(body=request.data, actor=self.caller(), now=now)
            return Response(saved_json(saved), status=201)

        answer: Response = self.once(work)
        return answer


class EarningRule(ApiView):
    """One rule."""

    required_scopes: ClassVar = {"GET": "rules:write", "PATCH": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_retrieve",
        responses={200: RuleAnswer},
        examples=[OpenApiExample("A rule", ANSWER, response_only=True)],
    )
    def get(self, request: Request, code: str) -> Response:
        """A rule with all its published versions, newest first."""
        rule = Rule.objects.filter(code=code).first()
        if rule is None:
            raise RuleNotFound
        return Response(rule_json(rule))

    @extend_schema(
        operation_id="earning_rules_update",
        request=RuleBody,
        responses={200: RuleAnswer},
        examples=[
            OpenApiExample(
                "Another factor", {"effect": {"type": "multiplier", "factor": "3"}}, request_only=True
            ),
            OpenApiExample("The rule", ANSWER, response_only=True),
        ],
    )
    def patch(self, request: Request, code: str) -> Response:
        """Change the draft: each field given replaces the whole field, null removes it."""
        saved = rules.update_draft(code=code, changes=request.data, now=clock.now())
        return Response(saved_json(saved))


class PublishBody(StrictSerializer):
    """When to publish; without `at`, or with one that is past, at once."""

    at = fields.Instant(required=False, allow_null=True)


class PublishRule(ApiView):
    """Publishing."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_publish",
        request=PublishBody,
        responses={200: RuleAnswer, 202: RuleAnswer},
        examples=[
            OpenApiExample("At once", {}, request_only=True),
            OpenApiExample("At midnight", {"at": "2026-11-28T00:00:00+08:00"}, request_only=True),
            OpenApiExample("The rule", ANSWER, response_only=True, status_codes=["200"]),
            OpenApiExample(
                "Scheduled", {**DRAFT, "submission": SUBMISSION}, response_only=True, status_codes=["202"]
            ),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Make the draft the version that runs: at once (200), or at a given time (202).

        409 `approval_required` where the brand wants a second operator: submit the draft instead.
        """
        body = self.body(PublishBody)
        now, at = clock.now(), body.get("at")

        def work() -> Response:
            saved = rules.publish(code=code, actor=self.caller(), now=now, at=at, by_api=True)
            return Response(saved_json(saved), status=202 if saved.submission else 200)

        answer: Response = self.once(work)
        return answer


class RetireRule(ApiView):
    """Retiring."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_retire",
        request=Nothing,
        responses={200: RuleAnswer},
        examples=[
            OpenApiExample("Nothing to say", {}, request_only=True),
            OpenApiExample("The rule", {**ANSWER, "status": "retired"}, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """End a rule for ever.

        409 `approval_required` where the brand wants a second operator: submit it with `retire` instead.
        """
        self.body(Nothing)
        now = clock.now()
        answer: Response = self.once(
            lambda: Response(saved_json(rules.retire(code=code, actor=self.caller(), now=now, by_api=True)))
        )
        return answer


class RuleSchema(ApiView):
    """The schema that a rule is validated against."""

    required_scopes: ClassVar = {"GET": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_schema",
        responses={200: {"type": "object", "additionalProperties": True}},
        examples=[OpenApiExample("The schema", {"title": "Earning rule"}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The JSON Schema (2020-12) of an earning rule."""
        return Response(RULE_SCHEMA)
