"""Shared reads of this room."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Prefetch, QuerySet

from loyalty.lib.errors import NotFound
from loyalty.outbox.models import Job
from partners.models import BatchLine, WebhookAttempt, WebhookDelivery, WebhookEndpoint

STATS_OVER = timedelta(hours=24)
_STATS = """
SELECT count(*), count(*) FILTER (WHERE status = 'delivered'),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ms),
    percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms)
FROM partners_webhookattempt WHERE endpoint_id = %s AND at > %s
"""


@dataclass(frozen=True, slots=True)
class EndpointStats:
    """The last 24 hours of an endpoint; rate and latencies None when there was no attempt."""

    attempts: int
    delivered: int
    success_rate: str | None
    latency_p50_ms: int | None
    latency_p95_ms: int | None


def endpoints() -> QuerySet[WebhookEndpoint]:
    """The endpoints that were not deleted."""
    return WebhookEndpoint.objects.filter(deleted_at__isnull=True)


def endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """The endpoint of this id. Raises NotFound."""
    found = endpoints().filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound
    return found


def deliveries(endpoint_id: UUID) -> QuerySet[WebhookDelivery]:
    """The deliveries of an endpoint with their attempts, oldest attempt first."""
    return WebhookDelivery.objects.filter(endpoint_id=endpoint_id).prefetch_related(
        Prefetch("tries", WebhookAttempt.objects.order_by("at", "pk"))
    )


def delivery(delivery_id: UUID) -> WebhookDelivery:
    """The delivery of this id with its attempts. Raises NotFound."""
    found = (
        WebhookDelivery.objects.filter(pk=delivery_id, endpoint__deleted_at__isnull=True)
        .prefetch_related(Prefetch("tries", WebhookAttempt.objects.order_by("at", "pk")))
        .first()
    )
    if found is None:
        raise NotFound
    return found


def stats(endpoint_id: UUID, now: datetime) -> EndpointStats:
    """How an endpoint did in the last 24 hours."""
    with connection.cursor() as cursor:
        cursor.execute(_STATS, [endpoint_id, now - STATS_OVER])
        attempts, delivered, p50, p95 = cursor.fetchone()
    rate = f"{delivered / attempts:.4f}" if attempts else None
    return EndpointStats(attempts, delivered, rate, p50, p95)


def refused_lines(job: Job) -> QuerySet[BatchLine]:
    """The lines of a batch that could not be taken."""
    return BatchLine.objects.filter(job=job, status=BatchLine.Status.FAILED)
