"""Publishing: the event is part of the transaction, or it did not happen."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from loyalty.lib import ids
from loyalty.lib.idempotency import KEPT
from loyalty.outbox import news
from loyalty.outbox.models import IdempotencyRecord, OutboxEvent
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


def is_any_answer_old(now: datetime) -> bool:
    """Whether `forget_answers` would find any."""
    return IdempotencyRecord.objects.filter(created_at__lte=now - KEPT).exists()


def forget_answers(*, now: datetime, limit: int) -> int:
    """Delete up to `limit` answers that are too old for any Idempotency-Key to call for; returns how many."""
    old = IdempotencyRecord.objects.filter(created_at__lte=now - KEPT).order_by("created_at")
    deleted, _by_model = IdempotencyRecord.objects.filter(pk__in=old.values("pk")[:limit]).delete()
    return deleted
