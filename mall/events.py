"""Events of this room. Payloads are ids, numbers and codes; an address never leaves with an event."""

from typing import Any

from loyalty.outbox.registry import declare
from loyalty.outbox.types import EventType

_ID = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_EXAMPLE: dict[str, Any] = {
    "redemption_id": "0199f3a2-8d1c-7b21-9d4e-5f6a7b8c9d0e",
    "reference": "mini-0001",
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "reward_id": "0199f3a2-8d1c-7a10-8c2d-3e4f5a6b7c8d",
    "kind": "physical",
    "sku": "MUG",
    "quantity": 1,
    "points": 50,
    "points_currency": "points",
    "status": "placed",
    "entry_id": "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b",
    "actor": "key:0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b",
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": list(_EXAMPLE),
    "properties": {
        "redemption_id": _ID,
        "reference": _TEXT,
        "member_id": _ID,
        "reward_id": _ID,
        "kind": _TEXT,
        "sku": _TEXT,
        "quantity": _WHOLE,
        "points": _WHOLE,
        "points_currency": _TEXT,
        "full_points": {**_WHOLE, "description": "Without the price cut of `campaign`, where there was one."},
        "campaign": _TEXT,
        "status": {"enum": ["placed", "paid", "shipped", "completed", "cancelled"]},
        "entry_id": _ID,
        "actor": _TEXT,
        "reversal_id": _ID,
        "reason": _TEXT,
        "carrier": _TEXT,
        "tracking_number": _TEXT,
    },
}


def _redemption(name: str, description: str, **example: Any) -> EventType:
    return EventType(name=name, description=description, schema=_SCHEMA, example={**_EXAMPLE, **example})


def _stock(name: str, description: str, **example: Any) -> EventType:
    return EventType(
        name=name,
        description=description,
        schema={
            "type": "object",
            "required": ["sku", "on_hand"],
            "properties": {
                "sku": _TEXT,
                "on_hand": _WHOLE,
                "low_at": _WHOLE,
                "change": _WHOLE,
                "actor": _TEXT,
            },
        },
        example={"sku": "MUG", **example},
    )


EVENTS = (
    _redemption("redemption.placed", "A member gave points for a reward."),
    _redemption(
        "redemption.shipped", "An article was sent.", status="shipped", carrier="SF", tracking_number="SF1001"
    ),
    _redemption("redemption.completed", "The member has what the points were given for.", status="completed"),
    _redemption(
        "redemption.cancelled",
        "A redemption was undone: the points are back in their lots, the article is back in stock.",
        status="cancelled",
        reversal_id="0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5c",
        reason="changed my mind",
    ),
    _stock("reward.stock_low", "An article has run down to its low mark.", on_hand=5, low_at=5),
    _stock("stock.adjusted", "An operator or partner changed a stock.", on_hand=20, change=10, actor="key:1"),
)
_GRANT: dict[str, Any] = {
    "grant_id": "0199f3a2-8d1c-7b21-9d4e-5f6a7b8c9d0e",
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "kind": "benefit",
    "code": "double-7",
    "quantity": 1,
    "valid_from": "2026-11-22T02:15:00Z",
    "valid_until": "2026-11-29T16:00:00Z",
    "rule": "double-card",
    "source": "order",
    "reference": "S01-20261122-0007",
}
_GRANT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": list(_GRANT),
    "properties": {
        **dict.fromkeys(("code", "rule", "source", "reference", "valid_from"), _TEXT),
        "grant_id": _ID,
        "member_id": _ID,
        "kind": {"enum": ["coupon", "benefit", "tag", "draw"]},
        "quantity": _WHOLE,
        "valid_until": {"type": ["string", "null"]},
    },
}
GRANT_EVENTS = (
    EventType(
        name="grant.given",
        description="A rule gave a member something besides points.",
        schema=_GRANT_SCHEMA,
        example=_GRANT,
    ),
    EventType(
        name="grant.taken_back",
        description="What a rule gave besides points was taken back unused, with a return or a correction.",
        schema=_GRANT_SCHEMA,
        example=_GRANT,
    ),
)
declare((*EVENTS, *GRANT_EVENTS))
