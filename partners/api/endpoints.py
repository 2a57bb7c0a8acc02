"""``/webhook-endpoints``: who is told of events."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib import clock, pagination
from loyalty.lib.api import ApiView
from partners import selectors, services
from partners.api import shapes
from partners.models import WebhookRecovery
from partners.webhooks import trial

SCOPE = "webhooks:write"
STATS: dict[str, Any] = {
    "attempts": 200,
    "delivered": 199,
    "success_rate": "0.9950",
    "latency_p50_ms": 38,
    "latency_p95_ms": 120,
}


def example(value: Any, name: str = "Example", status: str = "200") -> OpenApiExample:
    """An example of a response."""
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


def asked(value: Any) -> OpenApiExample:
    """An example of a request."""
    return OpenApiExample("Request", value, request_only=True)


class Endpoints(ApiView):
    """All endpoints of the brand."""

    required_scopes: ClassVar = {"GET": SCOPE, "POST": SCOPE}

    @extend_schema(
        operation_id="webhook_endpoints_list",
        parameters=[OpenApiParameter("cursor"), OpenApiParameter("limit", int)],
        responses={200: shapes.EndpointList},
        examples=[example({"items": [shapes.ENDPOINT], "next_cursor": None})],
    )
    def get(self, request: Request) -> Response:
        """List endpoints, newest first."""
        return Response(pagination.page(selectors.endpoints(), request, shapes.endpoint))

    @extend_schema(
        operation_id="webhook_endpoints_create",
        request=shapes.EndpointBody,
        responses={201: shapes.EndpointAnswer},
        examples=[
            asked({"url": shapes.ENDPOINT["url"], "event_types": ["points.accrued"]}),
            example({**shapes.ENDPOINT, "secret": shapes.SECRET}, status="201"),
        ],
    )
    def post(self, request: Request) -> Response:
        """Create an endpoint. Its secret is shown in this answer and never again.

        Because of the secret the answer is not stored for an Idempotency-Key.
        """
        body = self.body(shapes.EndpointBody)
        with transaction.atomic():
            endpoint, secret = services.create_endpoint(**body, now=clock.now())
        return Response(shapes.endpoint(endpoint, secret=secret), status=201)


class Endpoint(ApiView):
    """One endpoint."""

    required_scopes: ClassVar = {"GET": SCOPE, "PATCH": SCOPE, "DELETE": SCOPE}

    @extend_schema(
        operation_id="webhook_endpoints_get",
        responses={200: shapes.EndpointAnswer},
        examples=[example({**shapes.ENDPOINT, "last_24_hours": STATS})],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """Show an endpoint with its success rate and latencies of the last 24 hours."""
        endpoint = selectors.endpoint(endpoint_id)
        stats = selectors.stats(endpoint_id, clock.now())
        shown = {name: getattr(stats, name) for name in STATS}
        return Response(shapes.endpoint(endpoint, last_24_hours=shown))

    @extend_schema(
        operation_id="webhook_endpoints_change",
        request=shapes.EndpointChanges,
        responses={200: shapes.EndpointAnswer},
        examples=[asked({"status": "paused"}), example({**shapes.ENDPOINT, "status": "paused"})],
    )
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Change an endpoint, pause it, or let it go on after a pause or a disablement."""
        selectors.endpoint(endpoint_id)
        changes = self.body(shapes.EndpointChanges)
        changed = services.change_endpoint(endpoint_id=endpoint_id, changes=changes, now=clock.now())
        return Response(shapes.endpoint(changed))

    @extend_schema(operation_id="webhook_endpoints_delete", responses={204: None})
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Delete an endpoint. What was not delivered yet is not sent any more."""
        services.delete_endpoint(endpoint_id=endpoint_id, now=clock.now())
        return Response(status=204)


class RotateSecret(ApiView):
    """A new secret."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="webhook_endpoints_rotate_secret",
        request=shapes.RotateBody,
        responses={200: shapes.EndpointAnswer},
        examples=[
            asked({"overlap_s": 86_400}),
            example(
                {
                    **shapes.ENDPOINT,
                    "previous_secret_until": "2026-11-23T02:15:00Z",
                    "secret": shapes.SECRET,
                }
            ),
        ],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Replace the secret. Until the overlap ends, both the old and the new one sign every attempt.

        Because of the secret the answer is not stored for an Idempotency-Key.
        """
        selectors.endpoint(endpoint_id)
        body = self.body(shapes.RotateBody)
        endpoint, secret = services.rotate_secret(
            endpoint_id=endpoint_id, overlap_s=body["overlap_s"], now=clock.now()
        )
        return Response(shapes.endpoint(endpoint, secret=secret))


class Trial(ApiView):
    """An example, sent while the caller waits."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="webhook_endpoints_test",
        request=shapes.TestBody,
        responses={200: shapes.TestAnswer},
        examples=[
            asked({"event_type": "points.accrued"}),
            example({**shapes.ATTEMPT, "event_type": "points.accrued"}),
        ],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Deliver an example once, at once, signed like any other, and answer what came back.

        Takes up to 15 seconds. The answer is 200 whether the endpoint took it or not: see `status`.
        """
        endpoint = selectors.endpoint(endpoint_id)
        body = self.body(shapes.TestBody)
        event_type, attempt = trial.send_example(endpoint, event_type=body.get("event_type"), now=clock.now())
        return Response({**shapes.attempt(attempt), "event_type": event_type})


class Recover(ApiView):
    """Sending again what an endpoint missed."""

    required_scopes: ClassVar = {"GET": SCOPE, "POST": SCOPE}

    @extend_schema(
        operation_id="webhook_endpoints_recoveries",
        parameters=[OpenApiParameter("cursor"), OpenApiParameter("limit", int)],
        responses={200: shapes.RecoveryList},
        examples=[example({"items": [shapes.RECOVERY], "next_cursor": None})],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """List the endpoint's recoveries with their progress, newest first."""
        selectors.endpoint(endpoint_id)
        found = WebhookRecovery.objects.filter(endpoint_id=endpoint_id)
        return Response(pagination.page(found, request, shapes.recovery))

    @extend_schema(
        operation_id="webhook_endpoints_recover",
        request=shapes.RecoverBody,
        responses={202: shapes.RecoveryAnswer},
        examples=[asked({"since": "2026-11-20T00:00:00Z"}), example(shapes.RECOVERY, status="202")],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Any:
        """Send again everything since a time that failed or waits, and that was never sent.

        There is no cap: the first portion is put in line at once, the rest in the background.
        """
        selectors.endpoint(endpoint_id)
        body = self.body(shapes.RecoverBody)
        include = body.get("include", ["failed", "missing"])

        def work() -> Response:
            recovery = services.recover(
                endpoint_id=endpoint_id,
                since=body["since"],
                failed="failed" in include,
                missing="missing" in include,
                now=clock.now(),
            )
            return Response(shapes.recovery(recovery), status=202)

        return self.once(work)
