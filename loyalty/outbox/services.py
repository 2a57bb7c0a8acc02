"""Publishing: the event is part of the transaction, or it did not happen."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from loyalty.lib import ids
from loyalty.outbox import news
from loyalty.outbox.models import OutboxEvent
from loyalty.outbox.registry import known


def publish(
    *, type: str, payload: dict[str, Any], occurred_at: datetime, member_id: UUID | None = None
) -> UUID:
    """Record that something happened; returns the event's id, which is also its `webhook-id`.

    Raises RuntimeError outside a transaction and ValueError for a type that no app declared.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an event is written in the transaction of the fact")
    if not known(type):
        raise ValueError(f"unknown event type {type}")
    event_id = ids.new()
    OutboxEvent.objects.create(
        id=event_id, type=type, payload=payload, member_id=member_id, occurred_at=occurred_at
    )
    news.after_commit()
    return event_id
