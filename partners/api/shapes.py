"""Webhooks as the API takes and shows them."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from loyalty.lib import fields
from loyalty.lib.api import StrictSerializer
from loyalty.lib.instants import text as instant
from loyalty.outbox import registry
from partners.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookRecovery
from partners.services.endpoints import OVERLAP_DEFAULT_S, OVERLAP_MAX_S

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the example of the specification
EVENT = {
    "type": "points.accrued",
    "timestamp": "2026-11-22T02:15:00Z",
    "data": {"member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"},
    "brand": "acme",
    "sequence": 4711,
    "member_sequence": 17,
}
ENDPOINT: dict[str, Any] = {
    "endpoint_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "url": "https://partner.example/hooks/loyalty",
    "description": "ERP",
    "event_types": ["points.accrued"],
    "channels": [],
    "stores": [],
    "status": "active",
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "previous_secret_until": None,
    "created_at": "2026-11-22T02:15:00Z",
    "updated_at": "2026-11-22T02:15:00Z",
}
ATTEMPT: dict[str, Any] = {
    "attempt_id": "0199f3a2-9000-7000-8000-2f6d5c4b3a21",
    "at": "2026-11-22T02:15:01Z",
    "status": "delivered",
    "request": {
        "url": ENDPOINT["url"],
        "headers": {
            "webhook-id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
            "webhook-timestamp": "1795313701",
            "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        },
        "body": "{…}",
    },
    "response": {"status": 200, "headers": {"content-length": "2"}, "body": "ok"},
    "latency_ms": 38,
    "error": None,
}
DELIVERY: dict[str, Any] = {
    "delivery_id": "0199f3a2-8d1d-7000-8000-2f6d5c4b3a21",
    "endpoint_id": ENDPOINT["endpoint_id"],
    "event_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "event_type": "points.accrued",
    "sequence": 4711,
    "status": "delivered",
    "attempts_made": 1,
    "next_attempt_at": None,
    "created_at": "2026-11-22T02:15:01Z",
    "delivered_at": "2026-11-22T02:15:01Z",
    "attempts": [ATTEMPT],
}
RECOVERY: dict[str, Any] = {
    "recovery_id": "0199f3a2-8d1e-7000-8000-2f6d5c4b3a21",
    "endpoint_id": ENDPOINT["endpoint_id"],
    "since": "2026-11-20T00:00:00Z",
    "include": ["failed", "missing"],
    "status": "succeeded",
    "done": 4711,
    "total": 4711,
    "queued": 12,
    "created_at": "2026-11-22T02:15:00Z",
    "finished_at": "2026-11-22T02:15:00Z",
}


class EventTypeField(fields.Text):
    """The name of an event type that `GET /event-types` lists."""

    default_error_messages = {"unknown": _("Unknown event type. GET /event-types lists them.")}

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if not registry.known(name):
            self.fail("unknown")
        return name


def _texts(**more: Any) -> serializers.ListField:
    return serializers.ListField(
        child=fields.Text(max_length=64), max_length=200, required=False, help_text=str(more.pop("help", ""))
    )


class EndpointBody(StrictSerializer):
    """A new endpoint. Empty lists let everything through."""

    url = fields.Text(max_length=4096, help_text="https, and a public address")
    description = fields.Text(max_length=200, allow_blank=True, required=False)
    event_types = serializers.ListField(child=EventTypeField(), max_length=200, required=False)
    channels = _texts(help="only events that name one of these channels")
    stores = _texts(help="only events that name one of these stores")


class EndpointChanges(EndpointBody):
    """What is to change. A pause keeps events until it ends; `active` also ends a disablement."""

    url = fields.Text(max_length=4096, required=False)
    status = fields.Choice(choices=["active", "paused"], required=False)


class RotateBody(StrictSerializer):
    """How long the old secret signs beside the new one."""

    overlap_s = fields.Whole(
        min_value=0, max_value=OVERLAP_MAX_S, default=OVERLAP_DEFAULT_S, help_text="0 to 604800 seconds"
    )


class TestBody(StrictSerializer):
    """Which example to send; without one, the first type that the endpoint subscribes to."""

    event_type = EventTypeField(required=False)


class RecoverBody(StrictSerializer):
    """From when on; what failed and what was never sent, or one of them."""

    since = fields.Instant()
    include = serializers.ListField(
        child=fields.Choice(choices=["failed", "missing"]), required=False, min_length=1, max_length=2
    )


class NoBody(StrictSerializer):
    """A body without fields."""


class EndpointStats(serializers.Serializer[Any]):
    """The last 24 hours."""

    attempts = serializers.IntegerField()
    delivered = serializers.IntegerField()
    success_rate = serializers.CharField(allow_null=True)
    latency_p50_ms = serializers.IntegerField(allow_null=True)
    latency_p95_ms = serializers.IntegerField(allow_null=True)


class EndpointAnswer(serializers.Serializer[Any]):
    """An endpoint; `secret` at creation and rotation only, `last_24_hours` when it is asked for alone."""

    endpoint_id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField()
    event_types = serializers.ListField(child=serializers.CharField())
    channels = serializers.ListField(child=serializers.CharField())
    stores = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=["active", "paused", "disabled"])
    disabled_reason = serializers.ChoiceField(choices=["gone", "failing"], allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    previous_secret_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    secret = serializers.CharField(required=False)
    last_24_hours = EndpointStats(required=False)


class EndpointList(serializers.Serializer[Any]):
    """A page of endpoints."""

    items = EndpointAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RequestShown(serializers.Serializer[Any]):
    """What was sent; the body up to its first 20 kB."""

    url = serializers.CharField()
    headers = serializers.DictField()
    body = serializers.CharField()


class ResponseShown(serializers.Serializer[Any]):
    """What came back; the body up to its first 20 kB."""

    status = serializers.IntegerField()
    headers = serializers.DictField()
    body = serializers.CharField()


class AttemptAnswer(serializers.Serializer[Any]):
    """One request and its answer. `blocked`: the address was not public, nothing was sent."""

    attempt_id = serializers.UUIDField()
    at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=["delivered", "failed", "blocked"])
    request = RequestShown()
    response = ResponseShown(allow_null=True)
    latency_ms = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)


class TestAnswer(AttemptAnswer):
    """The attempt that a test made; it is not kept."""

    event_type = serializers.CharField()


class DeliveryAnswer(serializers.Serializer[Any]):
    """An event on its way to an endpoint. `attempts_made` counts the present series."""

    delivery_id = serializers.UUIDField()
    endpoint_id = serializers.UUIDField()
    event_id = serializers.UUIDField()
    event_type = serializers.CharField()
    sequence = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["pending", "delivered", "failed"])
    attempts_made = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptAnswer(many=True)


class DeliveryList(serializers.Serializer[Any]):
    """A page of deliveries, newest first."""

    items = DeliveryAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RecoveryAnswer(serializers.Serializer[Any]):
    """How far a recovery has come: events looked at, and deliveries put in line."""

    recovery_id = serializers.UUIDField()
    endpoint_id = serializers.UUIDField()
    since = serializers.DateTimeField()
    include = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=["running", "succeeded"])
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    queued = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RecoveryList(serializers.Serializer[Any]):
    """A page of recoveries, newest first."""

    items = RecoveryAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def endpoint(row: WebhookEndpoint, **more: Any) -> dict[str, Any]:
    """An endpoint without its secret."""
    return {
        "endpoint_id": str(row.id),
        "url": row.url,
        "description": row.description,
        "event_types": row.event_types,
        "channels": row.channels,
        "stores": row.stores,
        "status": row.status,
        "disabled_reason": row.disabled_reason or None,
        "disabled_at": instant(row.disabled_at),
        "failing_since": instant(row.first_failure_at),
        "previous_secret_until": instant(row.previous_until),
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
        **more,
    }


def attempt(row: WebhookAttempt) -> dict[str, Any]:
    """An attempt."""
    response = None
    if row.response_status is not None:
        response = {
            "status": row.response_status,
            "headers": row.response_headers or {},
            "body": row.response_body,
        }
    return {
        "attempt_id": str(row.id),
        "at": instant(row.at),
        "status": row.status,
        "request": {"url": row.url, "headers": row.request_headers, "body": row.request_body},
        "response": response,
        "latency_ms": row.latency_ms,
        "error": row.error or None,
    }


def delivery(row: WebhookDelivery) -> dict[str, Any]:
    """A delivery with all its attempts, the first one first."""
    return {
        "delivery_id": str(row.id),
        "endpoint_id": str(row.endpoint_id),
        "event_id": str(row.event_id),
        "event_type": row.event_type,
        "sequence": row.position,
        "status": row.status,
        "attempts_made": row.attempts,
        "next_attempt_at": instant(row.next_attempt_at),
        "created_at": instant(row.created_at),
        "delivered_at": instant(row.delivered_at),
        "attempts": [attempt(each) for each in row.tries.all()],
    }


def recovery(row: WebhookRecovery) -> dict[str, Any]:
    """A recovery and its progress."""
    return {
        "recovery_id": str(row.id),
        "endpoint_id": str(row.endpoint_id),
        "since": instant(row.since),
        "include": [name for name in ("failed", "missing") if getattr(row, name)],
        "status": row.status,
        "done": row.position - row.from_position,
        "total": row.to_position - row.from_position,
        "queued": row.queued,
        "created_at": instant(row.created_at),
        "finished_at": instant(row.finished_at),
    }
