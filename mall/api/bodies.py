"""What the mall's calls take."""

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from loyalty.lib import fields
from loyalty.lib.api import StrictSerializer
from mall.models import Redemption, Reward
from mall.services.stock import MAX_PIECES
from members.api.refs import MemberRefSerializer

MAX_QUANTITY = 10_000
_IMAGE = re.compile(r"(https?://|/)[^\s\"'<>]+\Z")


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": True,
        "example": {"name": "陈静", "phone": "+8613800000000", "street": "体育西路 1 号", "city": "广州"},
    }
)
class Address(fields.JsonObject):
    """Where an article is sent: an object of the brand's own form, or one string."""

    default_error_messages = {"empty": _("May not be empty.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_bytes=2000, **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, str):
            data = {"text": data.strip()}
        value = super().to_internal_value(data)
        if not any(value.values()):
            self.fail("empty")
        return value


class RewardTags(serializers.ListField):
    """Up to 20 labels; those of the compliance matrix among them decide what may be shown."""

    child = fields.Text(max_length=40)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=20, required=False, **kwargs)


class OfferFields(StrictSerializer):
    """The price, and to whom and when the offer is open."""

    points = fields.Points(required=False)
    points_currency = fields.Text(required=False, max_length=40, source="currency")
    starts_at = fields.Instant(required=False, allow_null=True)
    ends_at = fields.Instant(required=False, allow_null=True)
    limit_per_member = fields.Whole(required=False, allow_null=True, min_value=1, max_value=1_000_000)
    tier_min = fields.Text(required=False, allow_blank=True, max_length=32)


class RewardChangeBody(OfferFields):
    """What is to change about a reward and its main offer."""

    name = fields.LocalText(required=False)
    description = fields.LocalText(required=False, max_length=2000)
    kind = fields.Choice(choices=Reward.Kind.choices, required=False)
    image = fields.Text(required=False, allow_blank=True, max_length=500)
    category = fields.Text(required=False, allow_blank=True, max_length=100)
    tags = RewardTags()
    sort = fields.Whole(required=False, min_value=-1_000_000, max_value=1_000_000)
    unit_cost = fields.Amount(required=False, allow_null=True, places=4, min_value=0, max_value=10**11)
    cost_currency = fields.Text(required=False, allow_null=True, max_length=3)
    status = fields.Choice(choices=Reward.Status.choices, required=False)

    def validate_image(self, value: str) -> str:
        """An address that a browser loads an image from, and nothing else."""
        if value and not _IMAGE.match(value):
            raise serializers.ValidationError(_("Must begin with https:// or with /."), code="image")
        return value


class RewardBody(RewardChangeBody):
    """A new reward with its main offer; `stock` begins to keep stock of it."""

    name = fields.LocalText()
    points = fields.Points()
    sku = fields.Text(required=False, allow_blank=True, max_length=64)
    stock = fields.Whole(required=False, min_value=0, max_value=MAX_PIECES)


class OfferChangeBody(OfferFields):
    """What is to change about an offer."""

    enabled = fields.Flag(required=False)


class OfferBody(OfferChangeBody):
    """One more offer of a reward."""

    reward_id = fields.Id()
    points = fields.Points()


class StockChangeBody(StrictSerializer):
    """Either how many there are, or how many more (or, negative, fewer) there are than before."""

    on_hand = fields.Whole(required=False, min_value=0, max_value=MAX_PIECES)
    add = fields.Whole(required=False, min_value=-MAX_PIECES, max_value=MAX_PIECES)
    low_at = fields.Whole(required=False, min_value=0, max_value=1_000_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of both; the low mark goes with a count."""
        if ("on_hand" in attrs) == ("add" in attrs):
            raise serializers.ValidationError(_("Say either on_hand or add."), code="on_hand_or_add")
        if "low_at" in attrs and "on_hand" not in attrs:
            raise serializers.ValidationError(
                {"low_at": [serializers.ErrorDetail(str(_("Goes with on_hand.")), code="needs_on_hand")]}
            )
        return attrs


class StockBody(StockChangeBody):
    """The same for an article named by its SKU."""

    sku = fields.Text(max_length=64)


class RedemptionBody(StrictSerializer):
    """Points of a member for a reward."""

    member = MemberRefSerializer()
    reward_id = fields.Id()
    quantity = fields.Whole(required=False, default=1, min_value=1, max_value=MAX_QUANTITY)
    reference = fields.Text(max_length=200)
    offer_id = fields.Id(required=False)
    address = Address(required=False)


class OwnRedemptionBody(StrictSerializer):
    """The member's own points for a reward."""

    reward_id = fields.Id()
    quantity = fields.Whole(required=False, default=1, min_value=1, max_value=MAX_QUANTITY)
    reference = fields.Text(max_length=100)
    offer_id = fields.Id(required=False)
    address = Address(required=False)


class CancelBody(StrictSerializer):
    """Why."""

    reason = fields.Text(required=False, default="", allow_blank=True, max_length=500)


class FulfilBody(StrictSerializer):
    """The step that was taken; without one an article was sent, anything else handed over."""

    step = fields.Choice(choices=["ship", "complete"], required=False)
    address = Address(required=False)
    carrier = fields.Text(required=False, default="", allow_blank=True, max_length=60)
    tracking_number = fields.Text(required=False, default="", allow_blank=True, max_length=80)
    note = fields.Text(required=False, default="", allow_blank=True, max_length=500)


class AddressBody(StrictSerializer):
    """Where to send it."""

    address = Address()


class RewardsQuery(StrictSerializer):
    """Filters of the list of rewards."""

    status = fields.Choice(choices=Reward.Status.choices, required=False)
    kind = fields.Choice(choices=Reward.Kind.choices, required=False)
    sku = fields.Text(required=False, max_length=64)
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class OffersQuery(StrictSerializer):
    """Filters of the list of offers."""

    reward_id = fields.Id(required=False)
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class PageQuery(StrictSerializer):
    """No filters."""

    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class CatalogQuery(StrictSerializer):
    """Filters of the catalogue."""

    kind = fields.Choice(choices=Reward.Kind.choices, required=False)
    category = fields.Text(required=False, max_length=100)
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class RedemptionsQuery(StrictSerializer):
    """Filters of the list of redemptions."""

    member_id = fields.Id(required=False)
    reward_id = fields.Id(required=False)
    status = fields.Choice(choices=Redemption.Status.choices, required=False)
    reference = fields.Text(required=False, max_length=255)
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class OwnRedemptionsQuery(StrictSerializer):
    """Filters of a member's list of redemptions."""

    status = fields.Choice(choices=Redemption.Status.choices, required=False)
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)
