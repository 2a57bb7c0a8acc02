"""What came of attempts, in batches: deliveries move on, attempts are kept, sick endpoints stand aside."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from loyalty.lib import ids, instants
from loyalty.outbox import services as outbox
from partners import locks
from partners.models import WebhookAttempt, WebhookEndpoint
from partners.webhooks import schedule
from partners.webhooks.queue import Job
from partners.webhooks.sender import DELIVERED, Answer
from partners.webhooks.wire import KEPT_BYTES

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Result:
    """An attempt that was made. `jitter` (-1 to 1) is drawn when it ends, so that writing may be repeated."""

    attempt_id: str
    job: Job
    url: str
    answer: Answer
    ended_at: datetime
    jitter: float
    # Set when writing failed in a way that may still have succeeded.
    doubtful: bool = False


_WELL = """
UPDATE partners_webhookdelivery d
SET status = 'delivered', attempts = d.attempts + 1, next_attempt_at = NULL, lease_until = NULL,
    delivered_at = r.at
FROM unnest(%s::uuid[], %s::timestamptz[]) AS r(id, at)
WHERE d.id = r.id AND d.status <> 'delivered'
"""
_AGAIN = """
UPDATE partners_webhookdelivery d
SET status = CASE WHEN r.next_attempt_at IS NULL THEN 'failed' ELSE 'pending' END, attempts = r.attempts,
    next_attempt_at = r.next_attempt_at, lease_until = NULL
FROM unnest(%s::uuid[], %s::smallint[], %s::timestamptz[], %s::timestamptz[])
    AS r(id, attempts, next_attempt_at, lease_until)
WHERE d.id = r.id AND d.lease_until = r.lease_until
"""
_ATTEMPTS = """
COPY partners_webhookattempt (id, delivery_id, endpoint_id, at, status, url, request_headers, request_body,
    response_status, response_headers, response_body, latency_ms, error) FROM STDIN
"""


def made(job: Job, url: str, answer: Answer, *, ended_at: datetime, jitter: float) -> Result:
    """The record of an attempt."""
    return Result(ids.text(), job, url, answer, ended_at, jitter)


def record(results: Sequence[Result], *, now: datetime) -> datetime | None:
    """Write these attempts and what follows from them, in one transaction. Written again they change nothing.

    Answers when the first of the deliveries is to be tried again. A failure whose lease ran out meanwhile
    does not undo what another dispatcher found; a success counts.
    """
    well = [result for result in results if result.answer.outcome == DELIVERED]
    bad = [result for result in results if result.answer.outcome != DELIVERED]
    again = [_again(result) for result in bad]
    with transaction.atomic():
        with connection.cursor() as cursor:
            if well:
                ended = (result.ended_at.isoformat() for result in well)
                cursor.execute(_WELL, [_array(result.job.delivery_id for result in well), _array(ended)])
            if bad:
                attempts = [result.job.attempts + 1 for result in bad]
                leases = [result.job.lease_until for result in bad]
                cursor.execute(
                    _AGAIN, [_array(result.job.delivery_id for result in bad), attempts, again, leases]
                )
            unwritten = _unwritten(results)
            with connection.wrap_database_errors, cursor.copy(_ATTEMPTS) as copy:
                for result in unwritten:
                    copy.write_row(_attempt(result))
        _tell_endpoints(well, bad, now)
    return min((at for at in again if at is not None), default=None)


def _array(texts: Iterable[str]) -> str:
    """An array literal of texts that need no quoting: ids and instants."""
    return "{" + ",".join(texts) + "}"


def _unwritten(results: Sequence[Result]) -> Sequence[Result]:
    doubtful = [result.attempt_id for result in results if result.doubtful]
    if not doubtful:
        return results
    written = {str(pk) for pk in WebhookAttempt.objects.filter(pk__in=doubtful).values_list("pk", flat=True)}
    return [result for result in results if result.attempt_id not in written]


def _again(result: Result) -> datetime | None:
    return schedule.next_attempt(
        result.job.attempts + 1, result.ended_at, jitter=result.jitter, retry_after=_retry_after(result)
    )


def _attempt(result: Result) -> tuple[Any, ...]:
    job, answer = result.job, result.answer
    return (
        result.attempt_id,
        job.delivery_id,
        str(job.endpoint_id),
        answer.at.isoformat(),
        answer.outcome,
        result.url,
        json.dumps(answer.request_headers),
        job.body if len(job.body) <= 5_000 else job.body.encode()[:KEPT_BYTES].decode(errors="ignore"),
        answer.status,
        json.dumps(answer.headers) if answer.headers is not None else None,
        answer.body,
        answer.latency_ms,
        answer.error,
    )


def _retry_after(result: Result) -> timedelta | None:
    headers = result.answer.headers or {}
    return schedule.retry_after(headers.get("retry-after"), result.ended_at)


def _tell_endpoints(well: Sequence[Result], bad: Sequence[Result], now: datetime) -> None:
    by_endpoint: dict[UUID, list[Result]] = {}
    for result in (*well, *bad):
        by_endpoint.setdefault(result.job.endpoint_id, []).append(result)
    # In the ordinary case, all well and nobody was failing, this is one read.
    failing = WebhookEndpoint.objects.filter(pk__in=by_endpoint, first_failure_at__isnull=False)
    troubled = {result.job.endpoint_id for result in bad} | set(failing.values_list("pk", flat=True))
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
        "failing_since": instants.text(endpoint.first_failure_at) if endpoint.first_failure_at else None,
        "disabled_at": instants.text(now),
    }
    outbox.publish(type="webhook_endpoint.disabled", payload=dict(payload), occurred_at=now)
    log.warning("webhook_endpoint_disabled", endpoint_id=str(endpoint.id), reason=reason)
