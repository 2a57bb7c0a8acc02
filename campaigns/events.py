"""Event types of this room."""

from typing import Any, Final

from campaigns.audienceevents import AUDIENCE_EVENTS
from campaigns.campaignevents import CAMPAIGN_EVENTS
from campaigns.claimevents import CLAIM_EVENTS
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
        "retires": {"type": "boolean", "description": "Whether it is about the end of the rule."},
    },
    "additionalProperties": True,
}
_OF_A_RULE: Final = ("rule", "retires")
_SUBMITTED: Final = {
    "rule": "weekend-fresh",
    "number": 2,
    "publish_at": "2026-11-27T16:00:00Z",
    "actor": "operator:anna@acme.example",
    "note": "Double points for the anniversary",
    "retires": False,
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
_TIERS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["number"],
    "properties": {name: what for name, what in _SUBMISSION["properties"].items() if name not in _OF_A_RULE},
}
_TIERS_SUBMITTED: Final = {name: said for name, said in _SUBMITTED.items() if name not in _OF_A_RULE}
TIER_EVENTS: Final = (
    EventType(
        name="tiers.submitted",
        description="A tier programme waits for a second operator.",
        schema=_TIERS,
        example=_TIERS_SUBMITTED,
    ),
    EventType(
        name="tiers.approved",
        description="A second operator approved the tiers; `tiers.changed` tells when they are in force.",
        schema=_TIERS,
        example=_TIERS_SUBMITTED,
    ),
    EventType(
        name="tiers.rejected",
        description="A second operator turned the tiers down.",
        schema=_TIERS,
        example={**_TIERS_SUBMITTED, "note": "Too expensive"},
    ),
    EventType(
        name="tiers.publication_failed",
        description="Scheduled tiers no longer held when their time came (they were changed meanwhile, say).",
        schema=_TIERS,
        example={**_TIERS_SUBMITTED, "note": "tiers_changed"},
    ),
)
MESSAGE_EVENTS: Final = (
    EventType(
        name="message.sent",
        description="A message to a member by the webhook: whoever subscribes brings it to them.",
        schema={
            "type": "object",
            "required": ["message_id", "member_id", "template", "occasion", "purpose", "facts"],
            "properties": {
                "message_id": {"type": "string", "format": "uuid"},
                "member_id": {"type": "string", "format": "uuid"},
                "template": {"type": "string", "description": "Code of the message template."},
                "occasion": {"type": "string", "description": "What it is about; the same one comes once."},
                "purpose": {"enum": ["transactional", "marketing"]},
                "facts": {"type": "object", "description": "What the text is filled with."},
            },
        },
        example={
            "message_id": "0199f3a2-8d1c-7b21-9d4e-5f6a7b8c9d0e",
            "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
            "template": "points-arrived",
            "occasion": "event:0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b",
            "purpose": "transactional",
            "facts": {"points": 39, "balance": 120},
        },
    ),
)
declare(
    (
        *EVENTS,
        *TIER_EVENTS,
        *ORDER_EVENTS,
        *CLAIM_EVENTS,
        *AUDIENCE_EVENTS,
        *CAMPAIGN_EVENTS,
        *MESSAGE_EVENTS,
    )
)
