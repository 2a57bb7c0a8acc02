"""The body of a webhook, the same for every endpoint and every attempt."""

import json
from datetime import datetime
from functools import cache
from typing import Any

from loyalty.lib.instants import text as instant
from loyalty.outbox.models import OutboxEvent


def envelope(event: OutboxEvent, brand: str) -> dict[str, Any]:
    """What is said of an event: by webhook, and by `GET /events` beside its id."""
    return {
        "type": event.type,
        "timestamp": instant(event.occurred_at),
        "data": event.payload,
        "brand": brand,
        "sequence": event.position,
        "member_sequence": event.member_seq,
    }


def body(
    *, kind: str, at: datetime, data_json: str, brand: str, sequence: int | None, member_sequence: int | None
) -> str:
    """The envelope as JSON, around data that is JSON already: parsing it would cost half of the time."""
    return (
        f'{{"type": {_quoted(kind)}, "timestamp": "{instant(at)}", "data": {data_json}, '
        f'"brand": {_quoted(brand)}, "sequence": {"null" if sequence is None else sequence}, '
        f'"member_sequence": {"null" if member_sequence is None else member_sequence}}}'
    )


@cache
def _quoted(name: str) -> str:
    """A brand's or an event type's name as JSON; there are few of them."""
    return json.dumps(name)
