"""Events of members' claims; declared with the room's others in `events.py`."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_noop as _

from loyalty.outbox.types import EventType

_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["claim_id", "order_id", "member_id"],
    "properties": {
        "claim_id": {"type": "string", "format": "uuid"},
        "order_id": {"type": "string", "description": "The number as the member gave it."},
        "member_id": {"type": "string", "format": "uuid"},
        "amount": {"type": "string"},
        "outcome": {"enum": ["order", "adjustment", None]},
        "points": {"type": ["integer", "null"]},
        "reason": {"type": "string"},
        "actor": {"type": "string"},
    },
    "additionalProperties": True,
}
_FILED: Final[dict[str, Any]] = {
    "claim_id": "0199f3a2-8d1c-7d10-9a8b-7c6d5e4f3a2b",
    "order_id": "S01-20261122-0007",
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "amount": "39.80",
    "outcome": None,
    "points": None,
    "reason": "",
    "actor": "",
}

CLAIM_EVENTS: Final = tuple(
    EventType(name=name, description=description, schema=_SCHEMA, example={**_FILED, **example})
    for name, description, example in (
        (
            "claim.filed",
            _("A member claims an order or misses points, and the claim is open."),
            {},
        ),
        (
            "claim.accepted",
            _("A claim was accepted: its order is the member's, or an operator gave points."),
            {"outcome": "order", "points": 39, "actor": "receipt"},
        ),
        (
            "claim.rejected",
            _("An operator rejected a claim; the member reads the reason."),
            {"reason": "The receipt is another shop's", "actor": "operator:care@acme.example"},
        ),
        ("claim.withdrawn", _("A member took a claim back."), {"actor": f"member:{_FILED['member_id']}"}),
    )
)
