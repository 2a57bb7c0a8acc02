"""Events of this room. Payloads are codes and numbers; what a check found stays in the console."""

from loyalty.outbox.registry import declare
from loyalty.outbox.types import EventType

declare(
    [
        EventType(
            name="ledger.verification_failed",
            description="A run of all checks found that the books contradict themselves. Look at once: the"
            " console says which check found what.",
            schema={
                "type": "object",
                "required": ["verification_id", "started_at", "finished_at", "violated"],
                "properties": {
                    "verification_id": {"type": "string", "format": "uuid"},
                    "started_at": {"type": "string", "format": "date-time"},
                    "finished_at": {"type": "string", "format": "date-time"},
                    "violated": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["code", "title", "rows"],
                            "properties": {
                                "code": {"type": "string"},
                                "title": {"type": "string"},
                                "rows": {"type": "integer"},
                            },
                        },
                    },
                },
            },
            example={
                "verification_id": "0199f3a2-8d1c-7b77-9d4e-5f6a7b8c9d0e",
                "started_at": "2026-11-22T20:17:00Z",
                "finished_at": "2026-11-22T20:17:09Z",
                "violated": [
                    {
                        "code": "I2",
                        "title": "available, pending, held and debt are never negative",
                        "rows": 8120,
                    }
                ],
            },
        ),
    ]
)
