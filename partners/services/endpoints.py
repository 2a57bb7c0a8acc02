"""Webhook endpoints: made, changed, their secrets rotated, deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from loyalty.lib import crypto
from loyalty.lib.errors import NotFound
from loyalty.outbox import news, relay
from partners import locks
from partners.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from partners.webhooks import signing, targets
from tenants.context import current_brand

CHANGEABLE = ("url", "description", "event_types", "channels", "stores", "status")
OVERLAP_DEFAULT_S = 86_400
OVERLAP_MAX_S = 7 * 86_400
# How long the history of a deleted endpoint can still be looked at in the database.
HISTORY_KEPT = timedelta(days=30)


def create_endpoint(
    *,
    url: str,
    now: datetime,
    description: str = "",
    event_types: Sequence[str] = (),
    channels: Sequence[str] = (),
    stores: Sequence[str] = (),
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint, and its secret, which is shown this once. It is told of what happens from now on.

    Raises UrlNotAllowed.
    """
    url = targets.check(url, targets.allowed_pairs(current_brand()))
    secret = signing.new_secret()
    relay.run()  # what happened before this moment has its position, and stays out
    endpoint = WebhookEndpoint.objects.create(
        url=url,
        description=description,
        event_types=list(event_types),
        channels=list(channels),
        stores=list(stores),
        secret=crypto.seal(secret),
        after_position=relay.head(),
        created_at=now,
        updated_at=now,
    )
    return endpoint, secret


def change_endpoint(*, endpoint_id: UUID, changes: Mapping[str, Any], now: datetime) -> WebhookEndpoint:
    """Change what is named. `active` ends a pause or a disablement, and what waits is sent.

    Raises NotFound, UrlNotAllowed.
    """
    changes = {name: value for name, value in changes.items() if name in CHANGEABLE}
    if "url" in changes:
        changes["url"] = targets.check(changes["url"], targets.allowed_pairs(current_brand()))
    with transaction.atomic():
        endpoint = locks.endpoint(endpoint_id)
        if endpoint is None:
            raise NotFound
        if changes.get("status") == WebhookEndpoint.Status.ACTIVE:
            endpoint.disabled_reason, endpoint.disabled_at = "", None
            endpoint.first_failure_at = endpoint.slow_until = None
        for name, value in changes.items():
            setattr(endpoint, name, value)
        endpoint.updated_at = now
        endpoint.save()
        news.after_commit()
        return endpoint


def rotate_secret(
    *, endpoint_id: UUID, now: datetime, overlap_s: int = OVERLAP_DEFAULT_S
) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once; the old one signs beside it for `overlap_s` more. Raises NotFound."""
    secret = signing.new_secret()
    with transaction.atomic():
        endpoint = locks.endpoint(endpoint_id)
        if endpoint is None:
            raise NotFound
        endpoint.previous_secret = endpoint.secret if overlap_s else ""
        endpoint.previous_until = now + timedelta(seconds=overlap_s) if overlap_s else None
        endpoint.secret = crypto.seal(secret)
        endpoint.updated_at = now
        endpoint.save(update_fields=["secret", "previous_secret", "previous_until", "updated_at"])
        news.after_commit()
        return endpoint, secret


def delete_endpoint(*, endpoint_id: UUID, now: datetime) -> None:
    """Send nothing more to it and forget its secrets; its history is removed later. Raises NotFound."""
    with transaction.atomic():
        endpoint = locks.endpoint(endpoint_id)
        if endpoint is None:
            raise NotFound
        endpoint.status = WebhookEndpoint.Status.DISABLED
        endpoint.disabled_reason, endpoint.disabled_at = "deleted", now
        endpoint.deleted_at = endpoint.updated_at = now
        endpoint.secret = endpoint.previous_secret = ""
        endpoint.save()
        news.after_commit()


def is_any_gone(now: datetime) -> bool:
    """Whether `forget_deleted` would find an endpoint."""
    return _gone(now).exists()


def _gone(now: datetime) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(deleted_at__lte=now - HISTORY_KEPT)


def forget_deleted(*, now: datetime, limit: int) -> int:
    """Remove up to `limit` deliveries, with their attempts, of endpoints deleted long ago; returns how many.

    An endpoint without deliveries is removed itself.
    """
    gone = _gone(now)
    with transaction.atomic():
        rows = WebhookDelivery.objects.filter(endpoint__in=gone).order_by("pk").values_list("pk", flat=True)
        found = list(rows[:limit])
        WebhookAttempt.objects.filter(delivery__in=found).delete()
        WebhookDelivery.objects.filter(pk__in=found).delete()
        if len(found) < limit:
            gone.delete()
    return len(found)


def resend(*, delivery_id: UUID, now: datetime) -> WebhookDelivery:
    """Begin a new series of attempts, at once, whatever became of the last one. Raises NotFound."""
    with transaction.atomic():
        delivery = locks.delivery(delivery_id)
        if delivery is None or delivery.endpoint.deleted_at is not None:
            raise NotFound
        delivery.status, delivery.attempts = WebhookDelivery.Status.PENDING, 0
        delivery.next_attempt_at, delivery.lease_until = now, None
        delivery.delivered_at = None
        delivery.save()
        news.after_commit()
        return delivery
