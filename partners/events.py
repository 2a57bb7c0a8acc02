"""Events of this room."""

from loyalty.outbox.registry import declare
from loyalty.outbox.types import EventType
from partners.announced import ANNOUNCED

EVENTS = (
    EventType(
        name="webhook_endpoint.disabled",
        description=(
            "A webhook endpoint is no longer called: it answered 410 Gone (reason `gone`), "
            "or it only failed for five days (reason `failing`). It can be enabled again."
        ),
        schema={
            "type": "object",
            "required": ["endpoint_id", "url", "reason", "failing_since", "disabled_at"],
            "properties": {
                "endpoint_id": {"type": "string", "format": "uuid"},
                "url": {"type": "string"},
                "reason": {"type": "string", "enum": ["gone", "failing"]},
                "failing_since": {"type": ["string", "null"], "format": "date-time"},
                "disabled_at": {"type": "string", "format": "date-time"},
            },
        },
        example={
            "endpoint_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
            "url": "https://partner.example/hooks/loyalty",
            "reason": "failing",
            "failing_since": "2026-11-17T02:15:00Z",
            "disabled_at": "2026-11-22T02:15:00Z",
        },
    ),
)
declare((*EVENTS, *ANNOUNCED))
