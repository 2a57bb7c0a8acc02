"""Events of this room."""

from loyalty.outbox.registry import declare
from loyalty.outbox.types import EventType

_ID = {"type": "string", "format": "uuid"}
_MEMBER = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
_OTHER = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a22"

EVENTS = (
    EventType(
        name="member.enrolled",
        description="A member joined.",
        schema={
            "type": "object",
            "required": ["member_id", "enrolled_at"],
            "properties": {
                "member_id": _ID,
                "source": {"type": "string"},
                "referrer_id": {"type": ["string", "null"]},
                "enrolled_at": {"type": "string", "format": "date-time"},
            },
        },
        example={
            "member_id": _MEMBER,
            "source": "store",
            "referrer_id": None,
            "enrolled_at": "2026-11-22T02:15:00+00:00",
        },
    ),
    EventType(
        name="member.signed_in",
        description="A member signed in to the mini-program or app.",
        schema={
            "type": "object",
            "required": ["member_id", "by"],
            "properties": {"member_id": _ID, "by": {"enum": ["wechat"]}},
        },
        example={"member_id": _MEMBER, "by": "wechat"},
    ),
    EventType(
        name="member.updated",
        description="A member's profile or identities changed; `changed` names the fields, not their values.",
        schema={
            "type": "object",
            "required": ["member_id", "changed"],
            "properties": {"member_id": _ID, "changed": {"type": "array", "items": {"type": "string"}}},
        },
        example={"member_id": _MEMBER, "changed": ["phone", "region"]},
    ),
    EventType(
        name="member.merged",
        description="A member was merged into another, who has their points, orders and identities now.",
        schema={
            "type": "object",
            "required": ["member_id", "into"],
            "properties": {
                "member_id": {**_ID, "description": "Who was merged; their id is not used any more."},
                "into": {**_ID, "description": "Who stays."},
                "journal": {**_ID, "description": "Of the ledger entries that moved the points."},
                "accounts": {"type": "array", "items": {"type": "object"}},
            },
        },
        example={
            "member_id": _OTHER,
            "into": _MEMBER,
            "journal": "0199f3a2-8d1c-7f01-9c8d-7e6f5a4b3c2d",
            "accounts": [{"points_currency": "points", "available": 39, "pending": 0, "held": 0, "debt": 0}],
        },
    ),
)
declare(EVENTS)
