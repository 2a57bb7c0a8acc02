"""``/webhook-endpoints/{id}/deliveries`` and ``/webhook-deliveries``: what became of each event."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib import clock, fields, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from partners import selectors, services
from partners.api import shapes
from partners.api.endpoints import SCOPE, asked, example


class ListQuery(StrictSerializer):
    """Filters of the list."""

    status = fields.Choice(choices=["pending", "delivered", "failed"], required=False)
    event_type = shapes.EventTypeField(required=False)
    event_id = fields.Id(required=False)
    cursor = serializers.CharField(required=False)
    limit = serializers.CharField(required=False)


class Deliveries(ApiView):
    """The deliveries of an endpoint."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="webhook_deliveries_list",
        parameters=[
            OpenApiParameter("status", enum=["pending", "delivered", "failed"]),
            OpenApiParameter("event_type"),
            OpenApiParameter("event_id"),
            OpenApiParameter("cursor"),
            OpenApiParameter("limit", int),
        ],
        responses={200: shapes.DeliveryList},
        examples=[example({"items": [shapes.DELIVERY], "next_cursor": None})],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """List deliveries with every request and response, newest event first."""
        selectors.endpoint(endpoint_id)
        filters = self.query(ListQuery)
        found = selectors.deliveries(endpoint_id)
        for name in ("status", "event_type", "event_id"):
            if name in filters:
                found = found.filter(**{name: filters[name]})
        return Response(pagination.page(found, request, shapes.delivery, order=("-position", "-id")))


class Delivery(ApiView):
    """One delivery."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="webhook_deliveries_get",
        responses={200: shapes.DeliveryAnswer},
        examples=[example(shapes.DELIVERY)],
    )
    def get(self, request: Request, delivery_id: UUID) -> Response:
        """Show a delivery with all its attempts."""
        return Response(shapes.delivery(selectors.delivery(delivery_id)))


class Resend(ApiView):
    """Another series of attempts."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="webhook_deliveries_resend",
        request=shapes.NoBody,
        responses={202: shapes.DeliveryAnswer},
        examples=[
            asked({}),
            example(
                {**shapes.DELIVERY, "status": "pending", "attempts_made": 0, "delivered_at": None},
                status="202",
            ),
        ],
    )
    def post(self, request: Request, delivery_id: UUID) -> Any:
        """Send this event to the endpoint again, at once; its `webhook-id` stays the same."""
        selectors.delivery(delivery_id)
        self.body(shapes.NoBody)

        def work() -> Response:
            services.resend(delivery_id=delivery_id, now=clock.now())
            return Response(shapes.delivery(selectors.delivery(delivery_id)), status=202)

        return self.once(work)
