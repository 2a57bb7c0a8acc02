"""Events about what reaches many members at once."""

from typing import Any, Final

from loyalty.outbox.types import EventType

_GRANT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["audience_grant", "segment"],
    "properties": {
        "audience_grant": {"type": "string", "description": "Code of the audience grant."},
        "segment": {"type": "string", "description": "Code of the segment."},
        "points": {"type": "integer", "description": "Points for each member; 0 where a gift is given."},
        "budget": {"type": "integer", "description": "Points, or pieces of the gift, at the most."},
        "given": {"type": "integer", "description": "Members who were given it so far."},
        "refused": {"type": "integer", "description": "Members whose account takes nothing."},
        "spent": {"type": "integer", "description": "Used of the budget."},
        "actor": {"type": "string"},
    },
    "additionalProperties": True,
}
_GRANT_EXAMPLE: Final = {
    "audience_grant": "sorry-for-the-delay",
    "segment": "waited-long",
    "points": 100,
    "budget": 500000,
    "given": 0,
    "refused": 0,
    "spent": 0,
    "actor": "operator:anna@acme.example",
}

_WAKEUP: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["wakeup"],
    "properties": {
        "wakeup": {"type": "string", "description": "Code of the wake-up."},
        "segment": {"type": "string", "description": "Code of the segment."},
        "channel": {"type": "string"},
        "next_run_at": {"type": ["string", "null"], "format": "date-time"},
        "actor": {"type": "string"},
    },
    "additionalProperties": True,
}
_WAKEUP_EXAMPLE: Final = {
    "wakeup": "come-back",
    "segment": "sleeping",
    "channel": "sms",
    "next_run_at": "2026-11-27T02:00:00Z",
    "actor": "operator:anna@acme.example",
}
_RUN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["wakeup", "run", "status"],
    "properties": {
        "wakeup": {"type": "string", "description": "Code of the wake-up."},
        "run": {"type": "integer", "minimum": 1, "description": "Number of the run."},
        "status": {"type": "string", "enum": ["done", "cancelled"]},
        "audience": {"type": "integer", "description": "Members that it went through."},
        "held_out": {"type": "integer", "description": "Members who were held out."},
    },
    "additionalProperties": True,
}

AUDIENCE_EVENTS: Final = (
    EventType(
        name="wakeup.submitted",
        description="A wake-up waits for a second operator.",
        schema=_WAKEUP,
        example={**_WAKEUP_EXAMPLE, "next_run_at": None},
    ),
    EventType(
        name="wakeup.scheduled",
        description="A wake-up goes out at its time.",
        schema=_WAKEUP,
        example=_WAKEUP_EXAMPLE,
    ),
    EventType(
        name="wakeup.cancelled",
        description="A wake-up sends no more.",
        schema=_WAKEUP,
        example={**_WAKEUP_EXAMPLE, "next_run_at": None},
    ),
    EventType(
        name="wakeup.run_finished",
        description="A run of a wake-up has gone through its audience: every message of it is queued.",
        schema=_RUN,
        example={"wakeup": "come-back", "run": 1, "status": "done", "audience": 12840, "held_out": 1281},
    ),
    EventType(
        name="audience_grant.submitted",
        description="A grant to a whole audience waits for a second operator.",
        schema=_GRANT,
        example=_GRANT_EXAMPLE,
    ),
    EventType(
        name="audience_grant.approved",
        description="A second operator approved a grant to a whole audience.",
        schema=_GRANT,
        example={**_GRANT_EXAMPLE, "actor": "operator:boris@acme.example"},
    ),
    EventType(
        name="audience_grant.done",
        description="Everybody of the audience was given it, or its budget is used up.",
        schema=_GRANT,
        example={**_GRANT_EXAMPLE, "given": 4980, "refused": 2, "spent": 498000, "actor": "worker"},
    ),
)
