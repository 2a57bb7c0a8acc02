"""`/programme-budget`: what redemptions may cost, and what they cost so far."""

from decimal import Decimal
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import ProgrammePlan
from campaigns.services import programme
from loyalty.analytics.services.programme import reckon
from loyalty.lib import clock, fields, instants, money
from loyalty.lib.api import ApiView, StrictSerializer
from tenants.context import current_brand

PLAN: dict[str, Any] = {"period": "quarter", "amount": "1000000.00", "percent": 15}
EXAMPLE: dict[str, Any] = {
    "plan": {"period": "quarter", "amount": "1000000.00", "percent": 15, "limit": "150000.00"},
    "status": "within",
    "starts_at": "2026-09-30T16:00:00Z",
    "ends_at": "2026-12-31T16:00:00Z",
    "spent": "60400.50",
    "forecast": "104171.25",
    "currency": "CNY",
}


class PlanBody(StrictSerializer):
    """So many per cent of a marketing budget for each period; no amount: no limit."""

    period = fields.Choice(choices=ProgrammePlan.Period.choices)
    amount = fields.Amount(above=Decimal(0), allow_null=True)
    percent = fields.Whole(min_value=1, max_value=100, required=False)


class PlanAnswer(serializers.Serializer[Any]):
    """The plan, and the limit that it comes to."""

    period = serializers.ChoiceField(choices=ProgrammePlan.Period.choices)
    amount = serializers.CharField()
    percent = serializers.IntegerField()
    limit = serializers.CharField()


class ProgrammeAnswer(serializers.Serializer[Any]):
    """How the cost of redemptions stands against its limit in the period at hand; all null without one."""

    plan = PlanAnswer(allow_null=True)
    status = serializers.ChoiceField(choices=["within", "alarm", "reached"], allow_null=True)
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    spent = serializers.CharField(allow_null=True)
    forecast = serializers.CharField(allow_null=True)
    currency = serializers.CharField()


class ProgrammeView(ApiView):
    """The programme's budget."""

    required_scopes: ClassVar = {"GET": "points:read", "PUT": "rules:write"}

    @extend_schema(
        operation_id="programme_budget_retrieve",
        responses={200: ProgrammeAnswer},
        examples=[OpenApiExample("As it stands", EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """What redemptions of the period cost so far, what they will have cost by its end, and the limit."""
        return Response(_told())

    @extend_schema(
        operation_id="programme_budget_update",
        request=PlanBody,
        responses={200: ProgrammeAnswer},
        examples=[
            OpenApiExample("15 % of a quarter's budget", PLAN, request_only=True),
            OpenApiExample("As it stands", EXAMPLE, response_only=True),
        ],
    )
    def put(self, request: Request) -> Response:
        """Say what redemptions may cost. At the limit bonus rules and new campaigns stop."""
        body = self.body(PlanBody)
        programme.set_plan(
            period=body["period"],
            amount=body["amount"],
            percent=body.get("percent", programme.PERCENT),
            actor=self.caller(),
            now=clock.now(),
        )
        return Response(_told())


def _told() -> dict[str, Any]:
    """Reckoned anew, so that it is never older than the answer."""
    found, plan = reckon(now=clock.now()), programme.plan()
    if found is None or plan is None:
        empty = dict.fromkeys(("plan", "status", "starts_at", "ends_at", "spent", "forecast"))
        return {**empty, "currency": current_brand().currency}
    return {
        "plan": {
            "period": plan.period,
            "amount": money.plain(plan.amount or Decimal(0)),
            "percent": plan.percent,
            "limit": money.plain(found.limit),
        },
        "status": found.status,
        "starts_at": instants.text(found.starts_at),
        "ends_at": instants.text(found.ends_at),
        "spent": money.plain(found.spent),
        "forecast": money.plain(found.forecast),
        "currency": current_brand().currency,
    }
