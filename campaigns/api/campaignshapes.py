"""What the calls of ``/campaigns`` take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from campaigns.models import Campaign
from campaigns.services.campaigns import exchange
from loyalty.lib import fields
from loyalty.lib.api import StrictSerializer

EXAMPLE: dict[str, Any] = {
    "code": "double-12",
    "name": {"zh-hans": "双 12 双倍积分", "en": "Double points on 12/12"},
    "kind": "double_points",
    "starts_at": "2026-12-12T00:00:00+08:00",
    "ends_at": "2026-12-13T00:00:00+08:00",
    "multiplier": "2",
    "budget_points": 1_000_000,
    "announcement": {"zh-hans": "今天双倍积分", "en": "Double points today"},
}
EXCHANGE: dict[str, Any] = {
    "code": "exchange-12",
    "name": {"zh-hans": "双 12 兑换日", "en": "Exchange day on 12/12"},
    "kind": "exchange_day",
    "starts_at": "2026-12-12T00:00:00+08:00",
    "ends_at": "2026-12-13T00:00:00+08:00",
    "discount": {"percent": 20, "categories": ["home"]},
    "budget_points": 100_000,
}
ANSWER: dict[str, Any] = {
    "code": "double-12",
    "name": EXAMPLE["name"],
    "kind": "double_points",
    "status": "draft",
    "starts_at": "2026-12-11T16:00:00Z",
    "ends_at": "2026-12-12T16:00:00Z",
    "ended_at": None,
    "rrule": None,
    "rules": ["double-12-x"],
    "announcement": EXAMPLE["announcement"],
    "cost_centre": "",
    "control_percent": 0,
    "budget_points": 1_000_000,
    "budget_amount": None,
    "discount": None,
    "redemption_cost": "0.00",
    "given": {"points": 0, "amount": "0.00", "share": "0.0000"},
    "submitted_by": None,
    "approved_by": None,
    "actions": ["start", "submit"],
    "created_at": "2026-11-22T02:00:00Z",
    "updated_at": "2026-11-22T02:00:00Z",
}
SHOWN: dict[str, Any] = {
    **ANSWER,
    "spans": [{"starts_at": "2026-12-11T16:00:00Z", "ends_at": "2026-12-12T16:00:00Z"}],
    "pauses": [],
    "history": [
        {"step": "created", "at": "2026-11-22T02:00:00Z", "actor": "operator:anna@acme.example", "note": ""}
    ],
}


class Texts(StrictSerializer):
    """A text in the languages that members read."""

    def get_fields(self) -> dict[str, Any]:
        """`zh-hans` is no name that Python allows."""
        return {
            "zh-hans": fields.Text(required=False, allow_blank=True, max_length=500),
            "en": fields.Text(required=False, allow_blank=True, max_length=500),
        }


class Discount(StrictSerializer):
    """What rewards cost less on an exchange day: `percent` or `points`, of those named, or of all."""

    percent = fields.Whole(required=False, allow_null=True, min_value=1, max_value=exchange.MOST_PERCENT)
    points = fields.Points(required=False, allow_null=True)
    rewards = serializers.ListField(child=fields.Id(), required=False, max_length=exchange.MOST)
    categories = serializers.ListField(
        child=fields.Text(max_length=100), required=False, max_length=exchange.MOST
    )


class CampaignFields(StrictSerializer):
    """What of a campaign can be changed."""

    name = Texts(required=False)
    kind = fields.Choice(choices=Campaign.Kind.choices, required=False)
    starts_at = fields.Instant(required=False)
    ends_at = fields.Instant(required=False)
    rrule = fields.Text(required=False, allow_null=True, allow_blank=True, max_length=200)
    rules = serializers.ListField(child=fields.Text(max_length=64), required=False, max_length=20)
    announcement = Texts(required=False)
    cost_centre = fields.Text(required=False, allow_blank=True, max_length=64)
    control_percent = fields.Whole(required=False, min_value=0, max_value=50)
    budget_points = fields.Points(required=False, allow_null=True)
    budget_amount = fields.Amount(required=False, allow_null=True, above=0)
    discount = Discount(required=False, allow_null=True)


class CampaignBody(CampaignFields):
    """A new campaign: with rules by code, copies of templates, or a multiplier of base points."""

    code = fields.Text(max_length=60)
    name = Texts()
    starts_at = fields.Instant()
    ends_at = fields.Instant()
    templates = serializers.ListField(child=fields.Text(max_length=64), required=False, max_length=10)
    multiplier = fields.Text(required=False, max_length=20)


class Given(serializers.Serializer[Any]):
    """What a campaign's rules gave so far, counted some seconds later; `share` is that of its budget."""

    points = serializers.IntegerField()
    amount = serializers.CharField()
    share = serializers.CharField()


class Stretch(serializers.Serializer[Any]):
    """From an instant until before another one."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class HistoryStep(serializers.Serializer[Any]):
    """A step in the life of a campaign."""

    step = serializers.CharField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    note = serializers.CharField(allow_blank=True)


class CampaignAnswer(serializers.Serializer[Any]):
    """A campaign; `actions` are the steps that are possible next."""

    code = serializers.CharField()
    name = serializers.DictField()
    kind = serializers.ChoiceField(choices=Campaign.Kind.choices)
    status = serializers.ChoiceField(choices=Campaign.Status.choices)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    rrule = serializers.CharField(allow_null=True)
    rules = serializers.ListField(child=serializers.CharField())
    announcement = serializers.DictField()
    cost_centre = serializers.CharField(allow_blank=True)
    control_percent = serializers.IntegerField()
    budget_points = serializers.IntegerField(allow_null=True)
    budget_amount = serializers.CharField(allow_null=True)
    discount = serializers.DictField(allow_null=True)
    redemption_cost = serializers.CharField(
        help_text="Of what was redeemed at the prices of an exchange day."
    )
    given = Given()
    submitted_by = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(allow_null=True)
    actions = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    spans = Stretch(many=True, required=False)
    pauses = Stretch(many=True, required=False)
    history = HistoryStep(many=True, required=False)


class CampaignList(serializers.Serializer[Any]):
    """A page of campaigns."""

    items = CampaignAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ListQuery(StrictSerializer):
    """Filters of the list."""

    status = fields.Choice(choices=Campaign.Status.choices, required=False)
    cursor = serializers.CharField(required=False)
    limit = serializers.CharField(required=False)


class NoteBody(StrictSerializer):
    """Why."""

    note = fields.Text(required=False, allow_blank=True, max_length=500)


class ReasonBody(StrictSerializer):
    """Why not."""

    reason = fields.Text(max_length=500)
