"""Row locks of this room: endpoints by primary key, then their deliveries, then recoveries."""

from collections.abc import Collection
from uuid import UUID

from partners.models import WebhookDelivery, WebhookEndpoint, WebhookRecovery


def endpoint(endpoint_id: UUID) -> WebhookEndpoint | None:
    """This endpoint, locked; None if there is none or it was deleted."""
    return WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id, deleted_at__isnull=True).first()


def endpoints(endpoint_ids: Collection[UUID]) -> list[WebhookEndpoint]:
    """These endpoints, locked one after the other in the order of their keys."""
    if not endpoint_ids:
        return []
    return list(
        WebhookEndpoint.objects.select_for_update()
        .filter(pk__in=endpoint_ids, deleted_at__isnull=True)
        .order_by("pk")
    )


def delivery(delivery_id: UUID) -> WebhookDelivery | None:
    """This delivery, locked."""
    return WebhookDelivery.objects.select_for_update().filter(pk=delivery_id).first()


def running_recovery() -> WebhookRecovery | None:
    """The oldest recovery that is not done, locked; None if there is none that nobody else works at."""
    return (
        WebhookRecovery.objects.select_for_update(skip_locked=True)
        .filter(status=WebhookRecovery.Status.RUNNING)
        .order_by("created_at", "pk")
        .first()
    )
