"""Outbound webhooks: endpoints, a delivery for each event and endpoint, and every attempt at it."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from loyalty.outbox.models import OutboxEvent


class WebhookEndpoint(models.Model):
    """A partner's URL that is told of events."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")  # events are kept for it and sent when it goes on
        DISABLED = "disabled", _("disabled")  # events are not kept; it can be recovered

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    url = models.CharField(_("URL"), max_length=2048)
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    # Empty lists let everything through.
    event_types = models.JSONField(_("event types"), default=list, blank=True)
    channels = models.JSONField(_("channels"), default=list, blank=True)
    stores = models.JSONField(_("stores"), default=list, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ACTIVE)
    disabled_reason = models.CharField(_("why it is disabled"), max_length=20, blank=True, default="")
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True)
    # Sealed with loyalty.lib.crypto; shown at creation and rotation only.
    secret = models.TextField(editable=False)
    previous_secret = models.TextField(editable=False, blank=True, default="")
    previous_until = models.DateTimeField(_("previous secret signs until"), null=True, blank=True)
    # Since when every attempt has failed; null after a success.
    first_failure_at = models.DateTimeField(_("failing since"), null=True, blank=True)
    slow_until = models.DateTimeField(_("asked to slow down until"), null=True, blank=True)
    # Events up to here are none of this endpoint's business, unless it is recovered.
    after_position = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "paused", "disabled"]),
                name="webhook_endpoint_status_known",
            ),
        ]

    def __str__(self) -> str:
        return self.url

    def sealed_secrets(self, now: datetime) -> list[str]:
        """The sealed secrets that sign at `now`, the newest first."""
        if self.previous_secret and self.previous_until is not None and now < self.previous_until:
            return [self.secret, self.previous_secret]
        return [self.secret]


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    # Neither has a constraint in the database: endpoints and events are never deleted before their
    # deliveries, and checking every row of a batch costs a tenth of the dispatcher's speed.
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        models.CASCADE,
        related_name="deliveries",
        verbose_name=_("endpoint"),
        db_constraint=False,
        db_index=False,  # the unique constraint begins with it
    )
    event = models.ForeignKey(
        OutboxEvent,
        models.DO_NOTHING,
        related_name="+",
        verbose_name=_("event"),
        db_constraint=False,
        db_index=False,
    )
    event_type = models.CharField(_("event type"), max_length=64)
    position = models.BigIntegerField(_("position"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    # Attempts of the present series: a resend begins a new one.
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    # While a dispatcher has it. After this time another one may take it: a killed one loses nothing.
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"))
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "delivered", "failed"]),
                name="webhook_delivery_status_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="pending") | models.Q(next_attempt_at__isnull=False),
                name="webhook_delivery_pending_is_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=models.Q(status="pending"),
                name="webhook_delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} → {self.endpoint_id}"


class WebhookAttempt(models.Model):
    """One request to an endpoint and what came back; bodies are kept up to their first 20 kB."""

    class Status(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")
        BLOCKED = "blocked", _("blocked")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    delivery = models.ForeignKey(
        WebhookDelivery, models.CASCADE, related_name="tries", verbose_name=_("delivery"), db_constraint=False
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        models.CASCADE,
        related_name="+",
        verbose_name=_("endpoint"),
        db_constraint=False,
        db_index=False,  # an index begins with it
    )
    at = models.DateTimeField(_("at"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices)
    url = models.CharField(_("URL"), max_length=2048)
    request_headers = models.JSONField(_("request headers"))
    request_body = models.TextField(_("request body"))
    response_status = models.SmallIntegerField(_("response status"), null=True, blank=True)
    response_headers = models.JSONField(_("response headers"), null=True, blank=True)
    response_body = models.TextField(_("response body"), blank=True, default="")
    latency_ms = models.IntegerField(_("latency (ms)"))
    error = models.CharField(_("error"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        indexes = [models.Index(fields=["endpoint", "at"], name="webhook_attempt_of_endpoint")]

    def __str__(self) -> str:
        return f"{self.status} ({self.response_status or self.error})"


class WebhookRecovery(models.Model):
    """An order to send again what an endpoint missed; worked off in portions, position by position."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="recoveries", verbose_name=_("endpoint")
    )
    since = models.DateTimeField(_("since"))
    failed = models.BooleanField(_("those that failed"), default=True)
    missing = models.BooleanField(_("those never sent"), default=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.RUNNING)
    from_position = models.BigIntegerField()
    to_position = models.BigIntegerField()
    position = models.BigIntegerField(_("position"))
    queued = models.BigIntegerField(_("deliveries put in line"), default=0)
    created_at = models.DateTimeField(_("created at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook recovery")
        verbose_name_plural = _("webhook recoveries")

    def __str__(self) -> str:
        return f"{self.endpoint_id} ≥ {self.since}"
