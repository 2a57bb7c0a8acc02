"""Who we talk to, and what we told them."""

from partners.models.batches import BatchLine
from partners.models.keys import ApiKey
from partners.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookRecovery

__all__ = [
    "ApiKey",
    "BatchLine",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookRecovery",
]
