"""What the points calls take, and the fields that several of them share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from loyalty.lib import fields
from loyalty.lib.api import StrictSerializer
from members.api.refs import MemberRefSerializer
from points.models import Entry
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand

MAX_HOLD_S = 30 * 86_400
CURRENCY = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")


class Currency(fields.Text):
    """Which of the brand's points currencies; `points` unless named."""

    default_error_messages = {
        "code": _("Lower-case letters, digits and underscores, such as “stars”."),
        "unknown_currency": _("Unknown points currency “{currency}”."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "default": DEFAULT_CURRENCY, "max_length": 32, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if not CURRENCY.match(code):
            self.fail("code")
        known = current_brand().setting("points_currencies")
        if known is not None and code not in (DEFAULT_CURRENCY, *known):
            self.fail("unknown_currency", currency=code)
        return code


class Reference(fields.Text):
    """The caller's own number of the business fact; repeating it repeats nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=200, trim_whitespace=True, **kwargs)


class Reason(fields.Text):
    """Why, in words that people read later."""

    def __init__(self, **kwargs: Any) -> None:
        if not kwargs.get("required"):
            kwargs = {"required": False, "default": "", "allow_blank": True, **kwargs}
        super().__init__(max_length=500, **kwargs)


class BurnBody(StrictSerializer):
    member = MemberRefSerializer()
    points = fields.Points(min_value=1)
    reference = Reference()
    reason = Reason()
    points_currency = Currency()


class HoldBody(StrictSerializer):
    member = MemberRefSerializer()
    points = fields.Points(min_value=1)
    reference = Reference()
    expires_in_s = fields.Whole(min_value=1, max_value=MAX_HOLD_S, required=False, default=900)
    reason = Reason()
    points_currency = Currency()


class CaptureBody(StrictSerializer):
    points = fields.Points(min_value=1, required=False)
    reason = Reason()
    # Known from the hold already; every points call takes it.
    points_currency = Currency()


class VoidBody(StrictSerializer):
    points_currency = Currency()


class NothingBody(StrictSerializer):
    """An empty object."""


class ReverseBody(StrictSerializer):
    points = fields.Points(min_value=1, required=False)
    reference = Reference(required=False)
    reason = Reason()
    points_currency = Currency()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "points" in attrs and "reference" not in attrs:
            raise serializers.ValidationError(
                {
                    "reference": [
                        serializers.ErrorDetail(
                            str(_("A partial reversal needs a reference of its own.")), code="required"
                        )
                    ]
                }
            )
        return attrs


class AdjustmentBody(StrictSerializer):
    member = MemberRefSerializer()
    points = fields.Points(min_value=-fields.MAX_POINTS)
    reference = Reference()
    reason = Reason(required=True, min_length=1)
    points_currency = Currency()

    def validate_points(self, value: int) -> int:
        if value == 0:
            raise serializers.ValidationError(_("Must not be 0."), code="zero")
        return value


class TransferBody(StrictSerializer):
    points = fields.Points(min_value=1)
    reference = Reference()
    reason = Reason()
    points_currency = Currency()

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python, so these two cannot stand as class attributes.
        return {"from": MemberRefSerializer(), "to": MemberRefSerializer(), **super().get_fields()}


class AccountQuery(StrictSerializer):
    at = fields.Instant(required=False)
    points_currency = Currency()


class EntriesQuery(StrictSerializer):
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)
    kind = fields.Choice(choices=Entry.Kind.values, required=False)
    source = fields.Text(required=False, max_length=100)  # type: ignore[assignment]
    reference = fields.Text(required=False, max_length=255)
    points_currency = Currency(default=None)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python, so these two cannot stand as class attributes.
        span = {name: fields.Instant(required=False) for name in ("from", "to")}
        return {**super().get_fields(), **span}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "from" in attrs and "to" in attrs and attrs["to"] <= attrs["from"]:
            raise serializers.ValidationError({"to": [_later_than_from()]})
        return attrs


def _later_than_from() -> serializers.ErrorDetail:
    return serializers.ErrorDetail(str(_("Must be later than “from”.")), code="not_after_from")


def filters(query: Mapping[str, Any]) -> dict[str, Any]:
    """Of a valid EntriesQuery, what `selectors.entries_of` takes."""
    names = {"points_currency": "currency", "from": "since", "to": "before"}
    taken = ("points_currency", "kind", "source", "reference", "from", "to")
    return {names.get(name, name): query.get(name) for name in taken}
