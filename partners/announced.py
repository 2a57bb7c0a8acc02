"""Event types that partners may subscribe to before the first of them is sent (webhooks.md).

Each moves to its own room's `events.py` when that room begins to publish it.
"""

from typing import Any, Final

from loyalty.outbox.types import EventType

_ID: Final = {"type": "string", "format": "uuid"}
_TEXT: Final = {"type": "string"}
_MEMBER: Final = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
_OTHER: Final = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a22"


def _announced(name: str, description: str, properties: dict[str, Any], example: dict[str, Any]) -> EventType:
    schema = {"type": "object", "required": sorted(example), "properties": properties}
    return EventType(
        name=name, description=f"{description} Announced; not sent yet.", schema=schema, example=example
    )


_COUPON: Final = {"code": _TEXT, "member_id": _ID}
ANNOUNCED: Final = (
    _announced(
        "redemption.paid",
        "The cash part of a redemption was paid.",
        {"redemption_id": _ID, "member_id": _ID},
        {"redemption_id": _OTHER, "member_id": _MEMBER},
    ),
    _announced(
        "coupon.issued", "A member was given a coupon.", _COUPON, {"code": "C5-7QK2", "member_id": _MEMBER}
    ),
    _announced(
        "coupon.redeemed", "A coupon was used at a till.", _COUPON, {"code": "C5-7QK2", "member_id": _MEMBER}
    ),
)
