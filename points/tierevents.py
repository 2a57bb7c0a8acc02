"""Events of tiers; declared with the room's others in `events.py`."""

from __future__ import annotations

from loyalty.outbox.types import EventType

_ID = {"type": "string", "format": "uuid"}
_AT = {"type": "string", "format": "date-time"}
_CHANGE = {
    "type": "object",
    "required": ["member_id", "from", "to", "why", "since", "until", "qualifying"],
    "properties": {
        "member_id": _ID,
        "from": {"type": "string"},
        "to": {"type": "string"},
        "why": {"enum": ["earned", "renewed", "granted", "period_end", "return", "program"]},
        "since": _AT,
        "until": {"type": ["string", "null"], "format": "date-time"},
        "qualifying": {"type": ["integer", "string"]},
        "reference": {"type": "string"},
    },
}
_EXAMPLE = {
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "from": "silver",
    "to": "gold",
    "why": "earned",
    "since": "2026-11-22T02:15:00+00:00",
    "until": "2027-11-22T16:00:00+00:00",
    "qualifying": 5039,
    "reference": "S01-20261122-0007",
}
TIER_EVENTS = (
    EventType(
        name="tier.upgraded",
        description="A member reached a higher tier.",
        schema=_CHANGE,
        example=_EXAMPLE,
    ),
    EventType(
        name="tier.downgraded",
        description="A member fell to a lower tier: at the end of a period, or by a return.",
        schema=_CHANGE,
        example={**_EXAMPLE, "from": "gold", "to": "silver", "why": "period_end", "until": None},
    ),
    EventType(
        name="tier.downgrade_upcoming",
        description="A member will fall to a lower tier unless they buy what is missing in time.",
        schema={
            "type": "object",
            "required": ["member_id", "from", "to", "at", "qualify_by", "missing"],
            "properties": {
                "member_id": _ID,
                "from": {"type": "string"},
                "to": {"type": "string"},
                "at": _AT,
                "qualify_by": {"enum": ["points", "spend", "visits"]},
                "missing": {"type": ["integer", "string"]},
            },
        },
        example={
            "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
            "from": "gold",
            "to": "silver",
            "at": "2026-12-31T16:00:00Z",
            "qualify_by": "points",
            "missing": 380,
        },
    ),
    EventType(
        name="tiers.changed",
        description="The brand changed its tier programme.",
        schema={
            "type": "object",
            "required": ["version", "codes"],
            "properties": {
                "version": {"type": "integer", "minimum": 1},
                "codes": {"type": "array", "items": {"type": "string"}},
                "actor": {"type": "string"},
            },
        },
        example={"version": 2, "codes": ["silver", "gold", "diamond"], "actor": "operator:anna"},
    ),
)
