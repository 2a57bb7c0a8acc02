"""``/campaigns/{code}/results``: what a campaign gave and brought."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import results
from campaigns.errors import CampaignNotFound
from campaigns.models import Campaign
from loyalty.lib import clock
from loyalty.lib.api import ApiView

_SOME: dict[str, Any] = {"members": 9000, "buyers": 1800, "orders": 2100, "amount": "210000.00"}
_FEW: dict[str, Any] = {"members": 1000, "buyers": 150, "orders": 160, "amount": "16000.00"}
EXAMPLE: dict[str, Any] = {
    "campaign": "double-12",
    "status": "ended",
    "as_of": "2026-12-14T02:00:00Z",
    "points": {"given": 210000, "taken_back": 1200, "members": 1750, "orders": 2050, "cost": "2100.00"},
    "reached": {**_SOME, "buyers_share": "0.2000", "amount_per_member": "23.33"},
    "control": {**_FEW, "buyers_share": "0.1500", "amount_per_member": "16.00"},
    "incremental": {
        "amount": "66000.00",
        "low": "41000.00",
        "high": "91000.00",
        "orders": "660.0",
        "certain": True,
    },
    "incremental_missing": None,
    "by_tier": [{"tier": "gold", "points": 90000, "reached": _SOME, "control": _FEW}],
    "by_channel": [{"channel": "store", "points": 120000, "reached": _SOME, "control": _FEW}],
}


class Bought(serializers.Serializer[Any]):
    """What a group of members bought while the campaign ran."""

    members = serializers.IntegerField()
    buyers = serializers.IntegerField()
    orders = serializers.IntegerField()
    amount = serializers.CharField()


class WholeGroup(Bought):
    """All of a group."""

    buyers_share = serializers.CharField()
    amount_per_member = serializers.CharField()


class PointsGiven(serializers.Serializer[Any]):
    """What its rules gave, to how many members, on how many orders; `cost` is what the points cost."""

    given = serializers.IntegerField()
    taken_back = serializers.IntegerField()
    members = serializers.IntegerField()
    orders = serializers.IntegerField()
    cost = serializers.CharField()


class Incremental(serializers.Serializer[Any]):
    """What those who could get it spent more than the control group, with the 95 % interval; `certain` is
    false where that contains nothing at all."""

    amount = serializers.CharField()
    low = serializers.CharField()
    high = serializers.CharField()
    orders = serializers.CharField()
    certain = serializers.BooleanField()


class ByTier(serializers.Serializer[Any]):
    """One tier."""

    tier = serializers.CharField(allow_blank=True)
    points = serializers.IntegerField()
    reached = Bought()
    control = Bought()


class ByChannel(serializers.Serializer[Any]):
    """One channel; its members are not counted, for nobody belongs to one."""

    channel = serializers.CharField(allow_blank=True)
    points = serializers.IntegerField()
    reached = Bought()
    control = Bought()


class ResultsAnswer(serializers.Serializer[Any]):
    """The results so far; `incremental_missing` says why nothing is said of what it brought."""

    campaign = serializers.CharField()
    status = serializers.ChoiceField(choices=Campaign.Status.choices)
    as_of = serializers.DateTimeField()
    points = PointsGiven()
    reached = WholeGroup()
    control = WholeGroup(allow_null=True)
    incremental = Incremental(allow_null=True)
    incremental_missing = serializers.ChoiceField(choices=["no_control", "too_few"], allow_null=True)
    by_tier = ByTier(many=True)
    by_channel = ByChannel(many=True)


class CampaignResults(ApiView):
    """What became of a campaign."""

    required_scopes: ClassVar = {"GET": "rules:write"}

    @extend_schema(
        operation_id="campaigns_results",
        responses={200: ResultsAnswer},
        examples=[OpenApiExample("Of a day that is over", EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, code: str) -> Response:
        """What it gave, and what members bought who could get it beside those of the control group."""
        campaign = Campaign.objects.filter(code=code).first()
        if campaign is None:
            raise CampaignNotFound
        return Response(results.of(campaign, now=clock.now()))
