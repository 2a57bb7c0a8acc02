"""What came of attempts, in batches: deliveries move on, attempts are kept, sick endpoints stand aside."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from loyalty.lib import ids
from loyalty.outbox import services as outbox
from partners import locks
from partners.models import WebhookDelivery, WebhookEndpoint
from partners.webhooks import payloads, schedule
from partners.webhooks.queue import Job
from partners.webhooks.sender import DELIVERED, Answer

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Result:
    """An attempt that was made. `jitter` (-1 to 1) is drawn when it ends, so that writing may be repeated."""

    attempt_id: UUID
    job: Job
    url: str
    answer: Answer
    ended_at: datetime
    jitter: float


_DELIVERIES = """
UPDATE partners_webhookdelivery d
SET status = r.status, attempts = r.attempts, next_attempt_at = r.next_attempt_at,
    delivered_at = r.delivered_at, lease_until = NULL
FROM unnest(%s::uuid[], %s::text[], %s::smallint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
    AS r(id, status, attempts, next_attempt_at, delivered_at, lease_until)
WHERE d.id = r.id AND (d.lease_until = r.lease_until OR r.status = 'delivered')
"""
_ATTEMPTS = """
INSERT INTO partners_webhookattempt (id, delivery_id, endpoint_id, at, status, url, request_headers,
    request_body, response_status, response_headers, response_body, latency_ms, error)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[],
    %s::jsonb[], %s::text[], %s::smallint[], %s::jsonb[], %s::text[], %s::int[], %s::text[])
ON CONFLICT (id) DO NOTHING
"""


def made(job: Job, url: str, answer: Answer, *, ended_at: datetime, jitter: float) -> Result:
    """The record of an attempt."""
    return Result(ids.new(), job, url, answer, ended_at, jitter)


def record(results: Sequence[Result], *, now: datetime) -> datetime | None:
    """Write these attempts and what follows from them, in one transaction. Written again they change nothing.

    Answers when the first of the deliveries is to be tried again.

    A failure whose lease ran out meanwhile does not undo what another dispatcher found; a success counts.
    """
    deliveries = _columns(_delivery(result) for result in results)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_DELIVERIES, deliveries)
            cursor.execute(_ATTEMPTS, _columns(_attempt(result) for result in results))
        _tell_endpoints(results, now)
    return min((at for at in deliveries[3] if at is not None), default=None)


def _columns(rows: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _delivery(result: Result) -> tuple[Any, ...]:
    job, answer = result.job, result.answer
    attempts = job.attempts + 1
    if answer.outcome == DELIVERED:
        status, again, delivered_at = WebhookDelivery.Status.DELIVERED.value, None, result.ended_at
    else:
        delivered_at = None
        again = schedule.next_attempt(
            attempts, result.ended_at, jitter=result.jitter, retry_after=_retry_after(result)
        )
        if again is None:
            status = WebhookDelivery.Status.FAILED.value
        else:
            status = WebhookDelivery.Status.PENDING.value
    return job.delivery_id, status, attempts, again, delivered_at, job.lease_until


def _attempt(result: Result) -> tuple[Any, ...]:
    job, answer = result.job, result.answer
    return (
        result.attempt_id,
        job.delivery_id,
        job.endpoint_id,
        answer.at,
        answer.outcome,
        result.url,
        json.dumps(answer.request_headers),
        job.body if len(job.body) <= 5_000 else job.body.encode()[:20_480].decode(errors="ignore"),
        answer.status,
        json.dumps(answer.headers) if answer.headers is not None else None,
        answer.body,
        answer.latency_ms,
        answer.error,
    )


def _retry_after(result: Result) -> timedelta | None:
    headers = result.answer.headers or {}
    return schedule.retry_after(headers.get("retry-after"), result.ended_at)


def _tell_endpoints(results: Sequence[Result], now: datetime) -> None:
    by_endpoint: dict[UUID, list[Result]] = {}
    for result in results:
        by_endpoint.setdefault(result.job.endpoint_id, []).append(result)
    # In the ordinary case, all well and nobody was failing, this is one read.
    failing = set(
        WebhookEndpoint.objects.filter(pk__in=by_endpoint, first_failure_at__isnull=False).values_list(
            "pk", flat=True
        )
    )
    troubled = [
        endpoint_id
        for endpoint_id, its in by_endpoint.items()
        if endpoint_id in failing or any(result.answer.outcome != DELIVERED for result in its)
    ]
    for endpoint in locks.endpoints(troubled):
        _tell(endpoint, by_endpoint[endpoint.id], now)


def _tell(endpoint: WebhookEndpoint, results: Sequence[Result], now: datetime) -> None:
    failures = [result for result in results if result.answer.outcome != DELIVERED]
    if len(failures) < len(results):
        endpoint.first_failure_at = None
    elif endpoint.first_failure_at is None:
        endpoint.first_failure_at = min(result.answer.at for result in failures)
    slow_until = max((until for until in map(_slow_until, failures) if until is not None), default=None)
    if slow_until is not None and (endpoint.slow_until is None or endpoint.slow_until < slow_until):
        endpoint.slow_until = slow_until
    endpoint.save(update_fields=["first_failure_at", "slow_until"])
    if endpoint.status == WebhookEndpoint.Status.DISABLED:
        return
    if any(result.answer.status == schedule.GONE for result in failures):
        disable(endpoint, "gone", now)
    elif endpoint.first_failure_at is not None and now - endpoint.first_failure_at >= schedule.DISABLE_AFTER:
        disable(endpoint, "failing", now)


def _slow_until(result: Result) -> datetime | None:
    if result.answer.status not in schedule.SLOW_DOWN:
        return None
    return result.ended_at + (_retry_after(result) or schedule.PAUSE)


def disable(endpoint: WebhookEndpoint, reason: str, now: datetime) -> None:
    """Stop sending to an endpoint and say so. Call with the endpoint locked, in a transaction."""
    endpoint.status = WebhookEndpoint.Status.DISABLED
    endpoint.disabled_reason, endpoint.disabled_at, endpoint.updated_at = reason, now, now
    endpoint.save(update_fields=["status", "disabled_reason", "disabled_at", "updated_at"])
    payload: Mapping[str, Any] = {
        "endpoint_id": str(endpoint.id),
        "url": endpoint.url,
        "reason": reason,
        "failing_since": payloads.instant(endpoint.first_failure_at) if endpoint.first_failure_at else None,
        "disabled_at": payloads.instant(now),
    }
    outbox.publish(type="webhook_endpoint.disabled", payload=dict(payload), occurred_at=now)
    log.warning("webhook_endpoint_disabled", endpoint_id=str(endpoint.id), reason=reason)
