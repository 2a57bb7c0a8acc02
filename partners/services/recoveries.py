"""Sending again what an endpoint missed, in portions that a restart takes up again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from loyalty.lib.errors import NotFound
from loyalty.outbox import relay
from partners import locks
from partners.models import WebhookRecovery
from partners.webhooks import queue

PORTION = 2_000

# The first event recorded since then; positions have no gaps, so the start is found by halving.
_RECORDED_AT = "SELECT created_at FROM outbox_event WHERE position >= %s ORDER BY position LIMIT 1"

_AGAIN = """
UPDATE partners_webhookdelivery SET status = 'pending', attempts = 0, next_attempt_at = %(now)s,
    lease_until = NULL
WHERE endpoint_id = %(endpoint)s AND position > %(low)s AND position <= %(high)s
  AND (status = 'failed' OR (status = 'pending' AND lease_until IS NULL AND next_attempt_at > %(now)s))
  AND event_id IN (SELECT id FROM outbox_event
    WHERE position > %(low)s AND position <= %(high)s AND created_at >= %(since)s)
"""
_MISSING = f"""
INSERT INTO partners_webhookdelivery (id, endpoint_id, event_id, event_type, position, status, attempts,
    next_attempt_at, lease_until, created_at)
SELECT {queue.DELIVERY_ID}, e.id, o.id, o.type, o.position, 'pending', 0, %(now)s, NULL, %(now)s
FROM outbox_event o JOIN partners_webhookendpoint e ON e.id = %(endpoint)s AND {queue.WANTED}
CROSS JOIN LATERAL (SELECT md5(e.id::text || o.id::text) AS hash) m
WHERE o.position > %(low)s AND o.position <= %(high)s AND o.created_at >= %(since)s
ON CONFLICT (endpoint_id, event_id) DO NOTHING
"""  # noqa: S608 - constants only


def recover(
    *, endpoint_id: UUID, since: datetime, failed: bool = True, missing: bool = True, now: datetime
) -> WebhookRecovery:
    """Send again what failed (or waits for a later attempt) and what was never sent.

    That is, of the events that were recorded since then. The first portion is put in line at once, the rest
    by the dispatcher. Raises NotFound.
    """
    with transaction.atomic():
        endpoint = locks.endpoint(endpoint_id)
        if endpoint is None:
            raise NotFound
        relay.run()
        end = relay.head()
        start = min(_before(since), end)
        recovery = WebhookRecovery.objects.create(
            endpoint=endpoint,
            since=since,
            failed=failed,
            missing=missing,
            from_position=start,
            to_position=end,
            position=start,
            created_at=now,
        )
        _portion(recovery, now)
        return recovery


def advance(*, now: datetime) -> bool:
    """Work off one portion of the oldest recovery of the current brand; False when none is left."""
    with transaction.atomic():
        recovery = locks.running_recovery()
        if recovery is None:
            return False
        _portion(recovery, now)
        return True


def _portion(recovery: WebhookRecovery, now: datetime) -> None:
    low = recovery.position
    high = min(low + PORTION, recovery.to_position)
    values: dict[str, Any] = {
        "now": now,
        "endpoint": recovery.endpoint_id,
        "low": low,
        "high": high,
        "since": recovery.since,
    }
    with connection.cursor() as cursor:
        if recovery.failed:
            cursor.execute(_AGAIN, values)
            recovery.queued += cursor.rowcount
        if recovery.missing:
            cursor.execute(_MISSING, values)
            recovery.queued += cursor.rowcount
    recovery.position = high
    if high >= recovery.to_position:
        recovery.status, recovery.finished_at = WebhookRecovery.Status.SUCCEEDED, now
    recovery.save()


def _before(since: datetime) -> int:
    """The highest position before which everything was recorded earlier than `since`, give or take.

    Events that were recorded at about the same time may stand in another order; the exact comparison is
    made row by row, so a little too early is right.
    """
    low, high = 0, relay.head()
    with connection.cursor() as cursor:
        while low < high:
            middle = (low + high) // 2
            cursor.execute(_RECORDED_AT, [middle + 1])
            row = cursor.fetchone()
            if row is not None and row[0] < since:
                low = middle + 1
            else:
                high = middle
    return max(0, low - PORTION)
