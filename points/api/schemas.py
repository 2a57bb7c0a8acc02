"""What the points calls answer, for the OpenAPI document, with an example of each request and answer."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from points.models import Entry

_MEMBER = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
_ENTRY = "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b"
_HOLD = "0199f3a2-8d1c-7a55-8b1c-2d3e4f5a6b7c"
_ACCOUNT = {"points_currency": "points", "available": 29, "pending": 0, "held": 0, "debt": 0}


class Account(serializers.Serializer[Any]):
    points_currency = serializers.CharField()
    available = serializers.IntegerField()
    pending = serializers.IntegerField()
    held = serializers.IntegerField()
    debt = serializers.IntegerField()


class Expiring(serializers.Serializer[Any]):
    expires_at = serializers.DateTimeField()
    points = serializers.IntegerField()


class NextTier(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.JSONField()
    points_missing = serializers.JSONField()
    by = serializers.DateTimeField(allow_null=True)
    text = serializers.CharField()


class KeepTier(serializers.Serializer[Any]):
    by = serializers.DateTimeField()
    points_missing = serializers.JSONField()
    text = serializers.CharField()


class Tier(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.JSONField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    qualify_by = serializers.ChoiceField(choices=["points", "spend", "visits"])
    qualifying_points = serializers.JSONField()
    next = NextTier(allow_null=True)
    keep = KeepTier(allow_null=True)


class AccountFull(Account):
    lifetime_accrued = serializers.IntegerField()
    expiring = Expiring(many=True)
    earn_frozen = serializers.BooleanField()
    burn_frozen = serializers.BooleanField()
    at = serializers.DateTimeField()
    tier = Tier(allow_null=True)


class LotPart(serializers.Serializer[Any]):
    lot_id = serializers.UUIDField()
    points = serializers.IntegerField()
    entry_id = serializers.UUIDField()
    expires_at = serializers.DateTimeField(allow_null=True)


class LedgerEntry(serializers.Serializer[Any]):
    entry_id = serializers.UUIDField()
    member_id = serializers.UUIDField()
    points = serializers.IntegerField()
    points_currency = serializers.CharField()
    kind = serializers.CharField()
    journal = serializers.UUIDField()
    source = serializers.CharField()  # type: ignore[assignment]
    reference = serializers.CharField()
    rule = serializers.CharField(allow_blank=True)
    rule_name = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(allow_null=True)
    reverses = serializers.UUIDField(allow_null=True)
    effective_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    balance_after = serializers.IntegerField()
    reason = serializers.CharField(allow_blank=True)
    actor = serializers.CharField(allow_blank=True)
    cost_centre = serializers.CharField(allow_blank=True)
    lots = LotPart(many=True)
    explanation = serializers.JSONField()
    text = serializers.CharField()


class EntryPage(serializers.Serializer[Any]):
    items = LedgerEntry(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class Moved(serializers.Serializer[Any]):
    entry_id = serializers.UUIDField()
    kind = serializers.CharField()
    points = serializers.IntegerField()
    balance_after = serializers.IntegerField()
    reverses = serializers.UUIDField(required=False)
    account = Account()


class Held(serializers.Serializer[Any]):
    hold_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["open", "captured", "voided", "expired"])
    points = serializers.IntegerField()
    captured = serializers.IntegerField()
    released = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    entry_id = serializers.UUIDField(allow_null=True)
    account = Account()


class Waiting(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["pending_approval", "rejected"])
    adjustment_id = serializers.UUIDField()
    points = serializers.IntegerField()


class TransferSide(Moved):
    member_id = serializers.UUIDField()


class Transfer(serializers.Serializer[Any]):
    journal = serializers.UUIDField()
    points = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": TransferSide(), "to": TransferSide()}


ACCOUNT_FULL, ENTRY, ENTRY_PAGE, MOVED = AccountFull, LedgerEntry, EntryPage, Moved
HOLD, WAITING, TRANSFER = Held, Waiting, Transfer

_CURRENCY = OpenApiParameter("points_currency", str, description="Default: `points`.")
ACCOUNT_QUERY = [
    OpenApiParameter("at", OpenApiTypes.DATETIME, description="The account as at this instant, projected."),
    _CURRENCY,
]
ENTRIES_QUERY = [
    OpenApiParameter("cursor", str),
    OpenApiParameter("limit", int),
    OpenApiParameter("kind", str, enum=Entry.Kind.values),
    OpenApiParameter("source", str, description="The kind of business fact, such as `order` or `return`."),
    OpenApiParameter("reference", str, description="The number of the business fact, such as an `order_id`."),
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="Recorded at this instant or later."),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="Recorded before this instant."),
    OpenApiParameter("points_currency", str, description="Default: entries of every currency."),
]

_MOVED = {"entry_id": _ENTRY, "kind": "burn", "points": -10, "balance_after": 29, "account": _ACCOUNT}
_HELD = {
    "hold_id": _HOLD,
    "status": "open",
    "points": 10,
    "captured": 0,
    "released": 0,
    "expires_at": "2026-11-22T02:30:00Z",
    "entry_id": None,
    "account": {**_ACCOUNT, "held": 10},
}


def _pair(asked: dict[str, Any], answer: dict[str, Any], *, status: str = "201") -> list[OpenApiExample]:
    return [
        OpenApiExample("request", value=asked, request_only=True),
        OpenApiExample("answer", value=answer, response_only=True, status_codes=[status]),
    ]


BURN_EXAMPLES = _pair(
    {"member": {"member_id": _MEMBER}, "points": 10, "reference": "till-7-0001", "reason": "checkout"}, _MOVED
)
HOLD_EXAMPLES = _pair(
    {"member": {"external_id": "C123"}, "points": 10, "reference": "till-7-0002", "expires_in_s": 900}, _HELD
)
CAPTURE_EXAMPLES = _pair(
    {"points": 10},
    {**_HELD, "status": "captured", "captured": 10, "entry_id": _ENTRY, "account": _ACCOUNT},
    status="200",
)
VOID_EXAMPLES = _pair(
    {}, {**_HELD, "status": "voided", "released": 10, "account": {**_ACCOUNT, "available": 39}}, status="200"
)
REVERSE_EXAMPLES = _pair(
    {"reason": "rung up twice"},
    {**_MOVED, "kind": "reversal", "points": 10, "balance_after": 39, "reverses": _ENTRY},
)
ADJUSTMENT_EXAMPLES = _pair(
    {"member": {"member_id": _MEMBER}, "points": -50, "reason": "booked twice", "reference": "care-77"},
    {**_MOVED, "kind": "adjustment", "points": -50},
)
TRANSFER_EXAMPLES = _pair(
    {"from": {"member_id": _MEMBER}, "to": {"external_id": "C124"}, "points": 10, "reference": "gift-1"},
    {
        "journal": "0199f3a2-8d1c-7f01-9c8d-7e6f5a4b3c2d",
        "points": 10,
        "from": {"member_id": _MEMBER, **_MOVED, "kind": "transfer"},
        "to": {
            "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a22",
            **_MOVED,
            "kind": "transfer",
            "points": 10,
            "balance_after": 10,
        },
    },
)


def _answer(value: dict[str, Any]) -> list[OpenApiExample]:
    return [OpenApiExample("Answer", value=value, response_only=True, status_codes=["200"])]


_LINE = {
    "entry_id": _ENTRY,
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "points": 39,
    "points_currency": "points",
    "kind": "accrual",
    "journal": "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5c",
    "source": "order",
    "reference": "S01-20261122-0007",
    "rule": "base",
    "rule_name": "Base rate",
    "version": 1,
    "reverses": None,
    "effective_at": "2026-11-22T02:15:00Z",
    "recorded_at": "2026-11-22T02:15:01Z",
    "balance_after": 39,
    "reason": "",
    "actor": "",
    "cost_centre": "",
    "lots": [
        {"lot_id": _ENTRY, "entry_id": _ENTRY, "points": 39, "expires_at": "2027-11-22T16:00:00Z"},
    ],
    "explanation": {"basis": "39.8", "lines": ["1"], "effect": "per_amount"},
    "text": "Base rate: 39.80 × 1 point per CNY → 39",
}
ENTRY_EXAMPLES = _answer(_LINE)
ENTRY_PAGE_EXAMPLES = _answer({"items": [_LINE], "next_cursor": None})
ACCOUNT_EXAMPLES = _answer(
    {
        **_ACCOUNT,
        "available": 39,
        "lifetime_accrued": 39,
        "expiring": [{"expires_at": "2027-11-22T16:00:00Z", "points": 39}],
        "earn_frozen": False,
        "burn_frozen": False,
        "at": "2026-11-22T02:16:00Z",
        "tier": {
            "code": "silver",
            "name": {"zh-hans": "银卡", "en": "Silver"},
            "since": "2026-01-01T00:00:00Z",
            "until": None,
            "qualify_by": "points",
            "qualifying_points": 39,
            "next": {
                "code": "gold",
                "name": {"zh-hans": "金卡", "en": "Gold"},
                "points_missing": 4961,
                "by": None,
                "text": "4,961 more points to Gold",
            },
            "keep": None,
        },
    }
)
