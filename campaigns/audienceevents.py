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

AUDIENCE_EVENTS: Final = (
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
