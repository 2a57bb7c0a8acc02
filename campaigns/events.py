"""Event types of this room."""

from typing import Any, Final

from campaigns.audienceevents import AUDIENCE_EVENTS
from campaigns.campaignevents import CAMPAIGN_EVENTS
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
_SUBMISSION: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["rule", "number"],
    "properties": {
        "rule": {"type": "string", "description": "Code of the rule."},
        "number": {"type": "integer", "minimum": 1, "description": "Number of the submission."},
        "publish_at": {"type": ["string", "null"], "format": "date-time"},
        "actor": {"type": "string"},
        "note": {"type": "string", "description": "Why."},
    },
    "additionalProperties": True,
}
_SUBMITTED: Final = {
    "rule": "weekend-fresh",
    "number": 2,
    "publish_at": "2026-11-27T16:00:00Z",
    "actor": "operator:anna@acme.example",
    "note": "Double points for the anniversary",
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
        name="rule.submitted",
        description="A draft of an earning rule waits for a second operator.",
        schema=_SUBMISSION,
        example=_SUBMITTED,
    ),
    EventType(
        name="rule.approved",
        description="A second operator approved a submitted rule; `rule.published` tells when it runs.",
        schema=_SUBMISSION,
        example=_SUBMITTED,
    ),
    EventType(
        name="rule.rejected",
        description="A second operator turned a submitted rule down.",
        schema=_SUBMISSION,
        example={**_SUBMITTED, "note": "Too expensive"},
    ),
    EventType(
        name="rule.publication_failed",
        description="A scheduled rule no longer held when its time came (a tier was deleted, say).",
        schema=_SUBMISSION,
        example={**_SUBMITTED, "note": "/when/all/0/value unknown_tier"},
    ),
    EventType(
        name="rule.retired",
        description="An earning rule no longer runs.",
        schema=_SCHEMA,
        example=_EXAMPLE,
    ),
)
declare((*EVENTS, *ORDER_EVENTS, *AUDIENCE_EVENTS, *CAMPAIGN_EVENTS))
