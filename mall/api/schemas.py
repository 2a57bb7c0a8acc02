"""What the mall's calls answer, for the OpenAPI document, with an example of each request and answer."""

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from loyalty.lib import fields
from mall.models import Redemption, Reward

_MEMBER = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
_REWARD = "0199f3a2-8d1c-7a10-8c2d-3e4f5a6b7c8d"
_OFFER = "0199f3a2-8d1c-7a11-9d3e-4f5a6b7c8d9e"
_REDEMPTION = "0199f3a2-8d1c-7b21-9d4e-5f6a7b8c9d0e"
_ACCOUNT = {"points_currency": "points", "available": 29, "pending": 0, "held": 0, "debt": 0}


class Terms(serializers.Serializer[Any]):
    """Price and conditions."""

    points = serializers.IntegerField()
    points_currency = serializers.CharField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    limit_per_member = serializers.IntegerField(allow_null=True)
    tier_min = serializers.CharField(allow_blank=True)


class OfferShape(Terms):
    """An offer of a reward."""

    offer_id = serializers.UUIDField()
    reward_id = serializers.UUIDField()
    enabled = serializers.BooleanField()
    main = serializers.BooleanField()


class RewardShape(Terms):
    """A reward with its offers; the terms beside it are those of the main offer."""

    reward_id = serializers.UUIDField()
    name = fields.LocalText()
    description = serializers.DictField(child=serializers.CharField())
    kind = serializers.ChoiceField(choices=Reward.Kind.values)
    sku = serializers.CharField(allow_blank=True)
    stock = serializers.IntegerField(allow_null=True, help_text="null: not limited.")
    image = serializers.CharField(allow_blank=True)
    category = serializers.CharField(allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField())
    sort = serializers.IntegerField()
    points_now = serializers.IntegerField(help_text="By the price cut of `campaign`, where one holds now.")
    campaign = serializers.CharField(allow_null=True)
    unit_cost = serializers.CharField(allow_null=True, help_text="Of a piece; null: what its points cost.")
    cost_currency = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Reward.Status.values)
    offers = OfferShape(many=True)
    published_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    actions = serializers.ListField(child=serializers.CharField())


class StockShape(serializers.Serializer[Any]):
    """The stock of an article."""

    sku = serializers.CharField()
    on_hand = serializers.IntegerField()
    low_at = serializers.IntegerField()
    low = serializers.BooleanField()
    taken = serializers.IntegerField()
    updated_at = serializers.DateTimeField()


class AccountAfter(serializers.Serializer[Any]):
    """The member's account after the operation."""

    points_currency = serializers.CharField()
    available = serializers.IntegerField()
    pending = serializers.IntegerField()
    held = serializers.IntegerField()
    debt = serializers.IntegerField()


class _Delivery(serializers.Serializer[Any]):
    code = serializers.CharField(allow_null=True)
    address = serializers.DictField(allow_null=True)
    carrier = serializers.CharField(allow_blank=True)
    tracking_number = serializers.CharField(allow_blank=True)
    placed_at = serializers.DateTimeField()
    shipped_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)
    actions = serializers.ListField(child=serializers.CharField())
    account = AccountAfter(required=False)


class RedemptionShape(_Delivery):
    """A redemption."""

    redemption_id = serializers.UUIDField()
    reference = serializers.CharField()
    member_id = serializers.UUIDField()
    reward_id = serializers.UUIDField()
    offer_id = serializers.UUIDField()
    reward_name = fields.LocalText()
    kind = serializers.ChoiceField(choices=Reward.Kind.values)
    sku = serializers.CharField(allow_blank=True)
    quantity = serializers.IntegerField()
    points = serializers.IntegerField()
    full_points = serializers.IntegerField(help_text="Without the price cut of `campaign`.")
    campaign = serializers.CharField(allow_null=True)
    points_currency = serializers.CharField()
    status = serializers.ChoiceField(choices=Redemption.Status.values)
    entry_id = serializers.UUIDField()
    reversal_id = serializers.UUIDField(allow_null=True)
    actor = serializers.CharField()


class Step(serializers.Serializer[Any]):
    """One step in the life of a redemption."""

    to = serializers.ChoiceField(choices=Redemption.Status.values)
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    note = serializers.CharField(allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python, so it cannot stand as a class attribute.
        return {
            "from": serializers.ChoiceField(choices=Redemption.Status.values, allow_null=True),
            **super().get_fields(),
        }


class RedemptionInFull(RedemptionShape):
    """A redemption with its history."""

    steps = Step(many=True)


class OwnRedemption(_Delivery):
    """A redemption, as its member sees it."""

    redemption_id = serializers.UUIDField()
    reference = serializers.CharField()
    reward_id = serializers.UUIDField()
    name = serializers.CharField()
    image = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=Reward.Kind.values)
    quantity = serializers.IntegerField()
    points = serializers.IntegerField()
    full_points = serializers.IntegerField(help_text="Without the price cut of that time.")
    points_currency = serializers.CharField()
    status = serializers.ChoiceField(choices=Redemption.Status.values)


class Blocked(serializers.Serializer[Any]):
    """Why a reward cannot be had now; figures by code."""

    code = serializers.CharField()
    text = serializers.CharField()
    points_missing = serializers.IntegerField(required=False)
    tier_min = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)
    limit_per_member = serializers.IntegerField(required=False)
    redeemed = serializers.IntegerField(required=False)
    left = serializers.IntegerField(required=False)


class CatalogItem(serializers.Serializer[Any]):
    """A reward, as one member sees it."""

    reward_id = serializers.UUIDField()
    offer_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=Reward.Kind.values)
    image = serializers.CharField(allow_blank=True)
    category = serializers.CharField(allow_blank=True)
    points = serializers.IntegerField(allow_null=True)
    full_points = serializers.IntegerField(allow_null=True, help_text="Without the price cut of `campaign`.")
    campaign = serializers.CharField(allow_null=True)
    campaign_ends_at = serializers.DateTimeField(allow_null=True)
    points_currency = serializers.CharField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    tier_min = serializers.CharField(allow_blank=True)
    limit_per_member = serializers.IntegerField(allow_null=True)
    redeemed = serializers.IntegerField()
    left = serializers.IntegerField(allow_null=True, help_text="null: not limited.")
    actions = serializers.ListField(child=serializers.CharField())
    blocked = Blocked(allow_null=True)


class RewardPage(serializers.Serializer[Any]):
    items = RewardShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class OfferPage(serializers.Serializer[Any]):
    items = OfferShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class StockPage(serializers.Serializer[Any]):
    items = StockShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RedemptionPage(serializers.Serializer[Any]):
    items = RedemptionShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class OwnRedemptionPage(serializers.Serializer[Any]):
    items = OwnRedemption(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CatalogPage(serializers.Serializer[Any]):
    items = CatalogItem(many=True)
    next_cursor = serializers.CharField(allow_null=True)


OFFER: dict[str, Any] = {
    "offer_id": _OFFER,
    "reward_id": _REWARD,
    "points": 50,
    "points_currency": "points",
    "starts_at": None,
    "ends_at": None,
    "limit_per_member": 1,
    "tier_min": "",
    "enabled": True,
    "main": True,
}
REWARD: dict[str, Any] = {
    "reward_id": _REWARD,
    "name": {"zh-hans": "马克杯", "en": "Mug"},
    "description": {},
    "kind": "physical",
    "sku": "MUG",
    "stock": 10,
    "points": 50,
    "points_currency": "points",
    "starts_at": None,
    "ends_at": None,
    "limit_per_member": 1,
    "tier_min": "",
    "image": "",
    "category": "home",
    "tags": [],
    "sort": 0,
    "points_now": 40,
    "campaign": "exchange-12",
    "unit_cost": "12.50",
    "cost_currency": "CNY",
    "status": "published",
    "offers": [OFFER],
    "published_at": "2026-11-22T02:15:00Z",
    "created_at": "2026-11-22T02:15:00Z",
    "updated_at": "2026-11-22T02:15:00Z",
    "actions": ["archive"],
}
STOCK: dict[str, Any] = {
    "sku": "MUG",
    "on_hand": 9,
    "low_at": 5,
    "low": False,
    "taken": 1,
    "updated_at": "2026-11-22T02:15:00Z",
}
_DELIVERY: dict[str, Any] = {
    "code": None,
    "address": None,
    "carrier": "",
    "tracking_number": "",
    "placed_at": "2026-11-22T02:15:00Z",
    "shipped_at": None,
    "completed_at": None,
    "cancelled_at": None,
}
REDEMPTION: dict[str, Any] = {
    "redemption_id": _REDEMPTION,
    "reference": "mini-0001",
    "member_id": _MEMBER,
    "reward_id": _REWARD,
    "offer_id": _OFFER,
    "reward_name": REWARD["name"],
    "kind": "physical",
    "sku": "MUG",
    "quantity": 1,
    "points": 40,
    "full_points": 50,
    "campaign": "exchange-12",
    "points_currency": "points",
    "status": "placed",
    "entry_id": "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b",
    "reversal_id": None,
    **_DELIVERY,
    "actor": "key:0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b",
    "actions": ["set_address", "ship", "complete", "cancel"],
}
REDEMPTION_DONE = {**REDEMPTION, "account": _ACCOUNT}
REDEMPTION_SHIPPED = {
    **REDEMPTION,
    "status": "shipped",
    "address": {"name": "陈静", "phone": "+8613800000000", "street": "体育西路 1 号", "city": "广州"},
    "carrier": "SF",
    "tracking_number": "SF1001",
    "shipped_at": "2026-11-23T02:15:00Z",
    "actions": ["complete"],
}
REDEMPTION_IN_FULL = {
    **REDEMPTION,
    "steps": [
        {"from": None, "to": "placed", "at": "2026-11-22T02:15:00Z", "actor": REDEMPTION["actor"], "note": ""}
    ],
}
OWN_REDEMPTION: dict[str, Any] = {
    "redemption_id": _REDEMPTION,
    "reference": "mini-0001",
    "reward_id": _REWARD,
    "name": "马克杯",
    "image": "",
    "kind": "physical",
    "quantity": 1,
    "points": 40,
    "full_points": 50,
    "points_currency": "points",
    "status": "placed",
    **_DELIVERY,
    "actions": ["set_address", "cancel"],
}
CATALOG_ITEM: dict[str, Any] = {
    "reward_id": _REWARD,
    "offer_id": _OFFER,
    "name": "马克杯",
    "description": "",
    "kind": "physical",
    "image": "",
    "category": "home",
    "points": 40,
    "full_points": 50,
    "campaign": "exchange-12",
    "campaign_ends_at": "2026-12-12T16:00:00Z",
    "points_currency": "points",
    "ends_at": None,
    "tier_min": "",
    "limit_per_member": 1,
    "redeemed": 0,
    "left": 10,
    "actions": [],
    "blocked": {"code": "insufficient_points", "text": "还差 12 积分", "points_missing": 12},
}


def page(item: dict[str, Any]) -> OpenApiExample:
    """A page with one item."""
    return OpenApiExample("A page", {"items": [item], "next_cursor": None}, response_only=True)


def request(name: str, body: dict[str, Any]) -> OpenApiExample:
    """What is sent."""
    return OpenApiExample(name, body, request_only=True)


def answer(name: str, body: dict[str, Any]) -> OpenApiExample:
    """What comes back."""
    return OpenApiExample(name, body, response_only=True)
