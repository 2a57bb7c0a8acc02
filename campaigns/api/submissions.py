"""``/earning-rules/{code}/submit`` and what a second operator answers to it."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.rulejson import saved_json
from campaigns.api.rules import ANSWER, DRAFT, OF_A_RULE, SUBMISSION, RuleAnswer
from campaigns.services import submissions
from loyalty.lib import clock, fields, submitted
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.foureyes import LONGEST_NOTE
from loyalty.lib.submitted import ApproveBody, RejectBody, WithdrawBody

WAITING: dict[str, Any] = {**DRAFT, "submission": {**submitted.WAITING, **OF_A_RULE}}
SCHEDULED: dict[str, Any] = {**DRAFT, "submission": SUBMISSION}
PUBLISHED: dict[str, Any] = {**ANSWER, "submission": {**submitted.PUBLISHED, **OF_A_RULE}}


def _ended(status: str, reason: str) -> dict[str, Any]:
    return {**DRAFT, "submission": {**submitted.ended(status, reason), **OF_A_RULE}}


class SubmitBody(StrictSerializer):
    """When to publish once it is approved, and why; with `retire` the rule's end instead of its draft."""

    at = fields.Instant(required=False, allow_null=True)
    note = fields.Text(required=False, allow_blank=True, max_length=LONGEST_NOTE)
    retire = serializers.BooleanField(required=False)


class SubmitRule(ApiView):
    """Putting a draft forward."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_submit",
        request=SubmitBody,
        responses={202: RuleAnswer},
        examples=[
            OpenApiExample(
                "For midnight",
                {"at": "2026-11-28T00:00:00+08:00", "note": "Anniversary"},
                request_only=True,
            ),
            OpenApiExample("Its end", {"retire": True, "note": "Too dear"}, request_only=True),
            OpenApiExample("It waits", WAITING, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Submit the draft as it is now, or the rule's end. What is submitted is frozen; a later one replaces
        it."""
        body, now = self.body(SubmitBody), clock.now()

        def work() -> Response:
            saved = submissions.submit(code=code, actor=self.caller(), now=now, **body)
            return Response(saved_json(saved), status=202)

        answer: Response = self.once(work)
        return answer


class ApproveRule(ApiView):
    """Agreeing, as somebody else than who submitted."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_approve",
        request=ApproveBody,
        responses={200: RuleAnswer, 202: RuleAnswer},
        examples=[
            OpenApiExample("The one looked at", {"number": 1}, request_only=True),
            OpenApiExample("It runs", PUBLISHED, response_only=True, status_codes=["200"]),
            OpenApiExample("It is scheduled", SCHEDULED, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Publish exactly what was submitted: at once (200), or at the time asked for (202)."""
        body, now = self.body(ApproveBody), clock.now()

        def work() -> Response:
            saved = submissions.approve(code=code, actor=self.caller(), now=now, **body)
            scheduled = saved.submission is not None and saved.submission.ended_at is None
            return Response(saved_json(saved), status=202 if scheduled else 200)

        answer: Response = self.once(work)
        return answer


class RejectRule(ApiView):
    """Turning down."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_reject",
        request=RejectBody,
        responses={200: RuleAnswer},
        examples=[
            OpenApiExample("Why", {"reason": "Too expensive", "number": 1}, request_only=True),
            OpenApiExample("Turned down", _ended("rejected", "Too expensive"), response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Turn down what waits; the draft stays."""
        body, now = self.body(RejectBody), clock.now()
        answer: Response = self.once(
            lambda: Response(saved_json(submissions.reject(code=code, actor=self.caller(), now=now, **body)))
        )
        return answer


class WithdrawRule(ApiView):
    """Taking back."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="earning_rules_withdraw",
        request=WithdrawBody,
        responses={200: RuleAnswer},
        examples=[
            OpenApiExample("Why", {"reason": "Wrong month"}, request_only=True),
            OpenApiExample("Taken back", _ended("withdrawn", "Wrong month"), response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Take back what waits for a decision or for its time; the draft stays."""
        body, now = self.body(WithdrawBody), clock.now()
        answer: Response = self.once(
            lambda: Response(
                saved_json(submissions.withdraw(code=code, actor=self.caller(), now=now, **body))
            )
        )
        return answer
