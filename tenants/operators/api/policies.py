"""``/policies``: what the brand runs by, changed with a key as in the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib import clock, fields, pagination, submitted
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.errors import FieldError, Invalid
from loyalty.lib.foureyes import LONGEST_NOTE
from loyalty.lib.submitted import RejectBody, SubmittedAnswer, WithdrawBody, submitted_json
from tenants import policyrules
from tenants.context import current_brand
from tenants.operators import policychanges
from tenants.operators.models import PolicyChange
from tenants.policies import DEFAULTS
from tenants.policywords import WORDS

EVERYTHING: Final = "*"
"""Policies are the owner's: a key that changes them may do everything."""
_OF: Final[dict[str, Any]] = {
    "policies": {"adjustment_approval_above": 5000},
    "before": {"adjustment_approval_above": 1000},
    "needs_approval": True,
}
WAITING: Final[dict[str, Any]] = {**submitted.WAITING, "publish_at": None, "note": "More staff", **_OF}
APPROVED: Final[dict[str, Any]] = {**submitted.PUBLISHED, "note": "More staff", **_OF}
AT_ONCE: Final[dict[str, Any]] = {
    **APPROVED,
    "approved_by": None,
    "approved_at": None,
    "policies": {"claim_days": 60},
    "before": {"claim_days": 30},
    "needs_approval": False,
}
ONE: Final[dict[str, Any]] = {
    "policy": "claim_days",
    "value": 30,
    "default": 30,
    "name": "Days that a receipt may lie back",
    "help": "When a member claims an order that was recorded without one. 0: only today's.",
    "loosening_needs_approval": False,
}


class PolicyShape(serializers.Serializer[Any]):
    """A policy: its value in force, what a new brand has, and what it does in words.

    `loosening_needs_approval`: a change that takes away the control waits for a second operator.
    """

    policy = serializers.CharField()
    value = serializers.JSONField()
    default = serializers.JSONField()
    name = serializers.CharField()
    help = serializers.CharField(allow_blank=True)
    loosening_needs_approval = serializers.BooleanField()


class PolicyChangeShape(SubmittedAnswer):
    """A change: the new values, those before, who asked and who agreed. What was decided never changes."""

    policies = serializers.DictField()
    before = serializers.DictField()
    needs_approval = serializers.BooleanField()


class Policies(serializers.Serializer[Any]):
    """All policies that operators may set, and the change that waits for a second operator."""

    items = PolicyShape(many=True)
    waiting = PolicyChangeShape(allow_null=True)


class Changed(serializers.Serializer[Any]):
    """What was changed; null where the policies say so already."""

    change = PolicyChangeShape(allow_null=True)


class PolicyChanges(serializers.Serializer[Any]):
    """A page of changes."""

    items = PolicyChangeShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class PolicyBody(StrictSerializer):
    """New values by the policies' names, and why."""

    policies = fields.JsonObject()
    note = fields.Text(required=False, allow_blank=True, max_length=LONGEST_NOTE)


class AgreeBody(StrictSerializer):
    """The change that was looked at."""

    number = fields.Whole(required=False, min_value=1)


class _PolicyView(ApiView):
    """Changes reach the shared row when they are committed."""

    def changed(self, work: Callable[[], Response]) -> Any:
        """`work` once, and then what it decided carried over to where policies are read."""
        answer = self.once(work)
        policychanges.carry_over(current_brand())
        return answer


class PoliciesView(_PolicyView):
    """The brand's policies."""

    required_scopes: ClassVar = {"GET": "rules:write|points:write|members:write", "PATCH": EVERYTHING}

    @extend_schema(
        operation_id="policies_get",
        responses=Policies,
        examples=[OpenApiExample("One of many", {"items": [ONE], "waiting": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Every policy with its value, default and meaning, and the change that waits.

        Where a meaning speaks of a field left empty, the value is null (of a list: empty).
        """
        return Response(_told())

    @extend_schema(
        operation_id="policies_change",
        request=PolicyBody,
        responses={200: Changed, 202: Changed},
        examples=[
            OpenApiExample("Receipts of 60 days", {"policies": {"claim_days": 60}}, request_only=True),
            OpenApiExample(
                "A higher threshold",
                {"policies": {"adjustment_approval_above": 5000}, "note": "More staff"},
                request_only=True,
            ),
            OpenApiExample("In force", {"change": AT_ONCE}, response_only=True, status_codes=["200"]),
            OpenApiExample("As before", {"change": None}, response_only=True, status_codes=["200"]),
            OpenApiExample("It waits", {"change": WAITING}, response_only=True, status_codes=["202"]),
        ],
    )
    def patch(self, request: Request) -> Any:
        """Change the policies that are named. Needs a key with the scope `*`.

        What loosens a control (fewer second operators, a higher threshold) waits for somebody else (202):
        another key, or an operator in the console. Values that hold already change nothing (`change` null).
        In force within five seconds. 422 with a pointer below `/policies`; 409 `submission_open` while one
        waits; 403 `people_only` for a forbidden phrase less, which is for people in the console.
        """
        body, now = self.body(PolicyBody), clock.now()

        def work() -> Response:
            made = _change(body["policies"], actor=self.caller(), now=now, note=body.get("note", ""))
            waits = made is not None and made.status == PolicyChange.Status.PENDING_APPROVAL
            change = None if made is None else change_json(made)
            return Response({"change": change}, status=202 if waits else 200)

        return self.changed(work)


class PolicyChangesView(ApiView):
    """The history of the policies."""

    required_scopes: ClassVar = {"GET": "rules:write|points:write|members:write"}

    @extend_schema(
        operation_id="policy_changes",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=PolicyChanges,
        examples=[OpenApiExample("One", {"items": [APPROVED], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Who changed what, when and why, the newest first."""
        return Response(pagination.page(PolicyChange.objects.all(), request, change_json, order=("-number",)))


class ApprovePolicies(_PolicyView):
    """Agreeing, as somebody else than who asked."""

    required_scopes: ClassVar = {"POST": EVERYTHING}

    @extend_schema(
        operation_id="policies_approve",
        request=AgreeBody,
        responses=PolicyChangeShape,
        examples=[
            OpenApiExample("The one looked at", {"number": 1}, request_only=True),
            OpenApiExample("In force", APPROVED, response_only=True),
        ],
    )
    def post(self, request: Request) -> Any:
        """Agree to the change that waits. 403 `same_operator` for who asked, `people_only` where law guards;
        409 `nothing_submitted`, `submission_changed`."""
        body = self.body(AgreeBody)
        return self.changed(
            lambda: _answer(policychanges.approve(actor=self.caller(), now=clock.now(), **body))
        )


class RejectPolicies(_PolicyView):
    """Turning down."""

    required_scopes: ClassVar = {"POST": EVERYTHING}

    @extend_schema(
        operation_id="policies_reject",
        request=RejectBody,
        responses=PolicyChangeShape,
        examples=[
            OpenApiExample("Why", {"reason": "Not this year", "number": 1}, request_only=True),
            OpenApiExample(
                "Turned down", {**submitted.ended("rejected", "Not this year"), **_OF}, response_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Any:
        """Turn down the change that waits; the policies stay."""
        body = self.body(RejectBody)
        return self.changed(
            lambda: _answer(policychanges.reject(actor=self.caller(), now=clock.now(), **body))
        )


class WithdrawPolicies(_PolicyView):
    """Taking back."""

    required_scopes: ClassVar = {"POST": EVERYTHING}

    @extend_schema(
        operation_id="policies_withdraw",
        request=WithdrawBody,
        responses=PolicyChangeShape,
        examples=[
            OpenApiExample("Why", {"reason": "A mistake"}, request_only=True),
            OpenApiExample(
                "Taken back", {**submitted.ended("withdrawn", "A mistake"), **_OF}, response_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Any:
        """Take back the change that waits; the policies stay."""
        body = self.body(WithdrawBody)
        return self.changed(
            lambda: _answer(policychanges.withdraw(actor=self.caller(), now=clock.now(), **body))
        )


def change_json(change: PolicyChange) -> dict[str, Any]:
    """A change as the API tells it."""
    return {
        **submitted_json(change),
        "policies": change.body,
        "before": change.before,
        "needs_approval": change.needs_approval,
    }


def _answer(change: PolicyChange) -> Response:
    return Response(change_json(change))


def _told() -> dict[str, Any]:
    held = policychanges.in_force()
    waiting = PolicyChange.objects.filter(status__in=PolicyChange.OPEN).first()
    items = [
        {
            "policy": key,
            "value": held[key],
            "default": DEFAULTS[key],
            "name": str(words.name),
            "help": str(words.help),
            "loosening_needs_approval": key in policyrules.CONTROLS,
        }
        for key, words in WORDS.items()
    ]
    return {"items": items, "waiting": change_json(waiting) if waiting else None}


def _change(policies: Mapping[str, Any], **more: Any) -> PolicyChange | None:
    """Raises Invalid with pointers below `/policies`."""
    try:
        return policychanges.change(changes=policies, **more)
    except Invalid as invalid:
        raise Invalid(
            FieldError(f"/policies{each.pointer}", each.code, each.detail) for each in invalid.errors
        ) from None
