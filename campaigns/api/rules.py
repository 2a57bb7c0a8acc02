"""``/earning-rules``: what operators compose and partners manage."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors
from campaigns.engine import explain
from campaigns.errors import RuleNotFound
from campaigns.models import Rule, RuleVersion
from campaigns.schema import RULE_SCHEMA
from campaigns.services import rules
from campaigns.services.rules import Saved
from loyalty.lib import clock, fields, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from tenants.context import current_brand

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
ANSWER: dict[str, Any] = {**EXAMPLE, "status": "published", "version": 1, "draft": None, "text": TEXT}


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


class RuleAnswer(RuleBody):
    """A rule with where it stands in its life."""

    status = serializers.ChoiceField(choices=["draft", "published", "retired"])
    version = serializers.IntegerField(allow_null=True)
    draft = serializers.DictField(allow_null=True)
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
        bodies = _bodies(page["items"])
        words = _words()
        page["items"] = [_rendered(rule, bodies.get(rule.pk), words) for rule in page["items"]]
        return Response(page)

    @extend_schema(
        operation_id="earning_rules_create",
        request=RuleBody,
        responses={201: RuleAnswer},
        examples=[
            OpenApiExample("A rule", EXAMPLE, request_only=True),
            OpenApiExample("The draft", {**ANSWER, "status": "draft", "version": None}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Save a new rule as a draft."""
        now = clock.now()
        rules.check(body=request.data, now=now)

        def work() -> Response:
            saved = rules.create_draft(body=request.data, actor=self.caller(), now=now)
            return Response(_saved(saved), status=201)

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
        versions = list(rule.versions.order_by("-version"))
        body = next((each.body for each in versions if each.version == rule.current_version), None)
        shown = _rendered(rule, body, _words())
        shown["versions"] = [_version(each) for each in versions]
        return Response(shown)

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
        return Response(_saved(saved))


class PublishRule(ApiView):
    """Publishing."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_publish",
        request=Nothing,
        responses={200: RuleAnswer},
        examples=[
            OpenApiExample("Nothing to say", {}, request_only=True),
            OpenApiExample("The rule", ANSWER, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Make the draft the version that runs."""
        self.body(Nothing)
        now = clock.now()
        answer: Response = self.once(
            lambda: Response(_saved(rules.publish(code=code, actor=self.caller(), now=now)))
        )
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
        """End a rule for ever."""
        self.body(Nothing)
        now = clock.now()
        answer: Response = self.once(
            lambda: Response(_saved(rules.retire(code=code, actor=self.caller(), now=now)))
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


def _bodies(found: list[Rule]) -> dict[Any, dict[str, Any]]:
    """The bodies of the versions that run, for rules that have one; one query."""
    versions = RuleVersion.objects.filter(rule__in=found).values_list("rule_id", "version", "body")
    current = {rule.pk: rule.current_version for rule in found}
    return {rule_id: body for rule_id, version, body in versions if current[rule_id] == version}


def _saved(saved: Saved) -> dict[str, Any]:
    rule = saved.rule
    body = None if rule.current_version is None else _bodies([rule]).get(rule.pk)
    shown = _rendered(rule, body, _words())
    shown["warnings"] = [
        {"pointer": each.pointer, "code": each.code, "detail": str(each.detail)} for each in saved.warnings
    ]
    return shown


def _rendered(rule: Rule, body: dict[str, Any] | None, words: explain.Words) -> dict[str, Any]:
    """The rule as it runs, or as drafted while it never ran; a draft on top of a version stands apart."""
    shown = body if body is not None else dict(rule.draft or {})
    return {
        **shown,
        "status": rule.status,
        "version": rule.current_version,
        "draft": rule.draft if body is not None else None,
        "text": {language: explain.rule_text(shown, language, words) for language in explain.LANGUAGES},
        "created_at": _instant(rule.created_at),
        "updated_at": _instant(rule.updated_at),
        "retired_at": _instant(rule.retired_at),
    }


def _words() -> explain.Words:
    brand = current_brand()
    return explain.Words(
        currency=brand.currency,
        points_name=brand.points_name,
        timezone=brand.tz,
        tiers=selectors.tier_names(),
    )


def _version(version: RuleVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "published_at": _instant(version.published_at),
        "published_by": version.published_by,
        "rule": version.body,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else fields.Instant().to_representation(at)
