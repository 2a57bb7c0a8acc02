"""Event types of this room."""

from typing import Any, Final

from campaigns.orderevents import ORDER_EVENTS
from loyalty.outbox.registry import declare
from loyalty.outbox.types import EventType

_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["rule", "version"],
    "properties": {
        "rule": {"type": "string", "description": "Code of the rule."},
        "version": {"type": "integer", "minimum": 1},
        "actor": {"type": "string"},
    },
    "additionalProperties": True,
}
_EXAMPLE: Final = {"rule": "weekend-fresh", "version": 2, "actor": "operator:anna@acme.example"}

EVENTS: Final = (
    EventType(
        name="rule.published",
        description="A version of an earning rule came into force.",
        schema=_SCHEMA,
        example=_EXAMPLE,
    ),
    EventType(
        name="rule.retired",
        description="An earning rule no longer runs.",
        schema=_SCHEMA,
        example=_EXAMPLE,
    ),
)
declare((*EVENTS, *ORDER_EVENTS))
