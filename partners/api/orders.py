"""``/orders`` and their returns: parse, one service, render."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.services import orders
from campaigns.services.orders import selecting
from campaigns.services.orders.reading import Reader
from loyalty.lib import clock, fields, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from members.models import ParkedReturn
from partners.api import orderdocs as docs
from partners.api import orderexamples as examples
from tenants.context import current_brand

SCOPE = "orders:write"


class Orders(ApiView):
    """Orders as they come from tills and shops."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="orders_record",
        parameters=[docs.KEY],
        request={docs.JSON: docs.ORDER},
        responses={201: docs.RECORDED, 200: docs.RECORDED},
        examples=[
            docs.asked(examples.ORDER_EXAMPLE),
            docs.answered(examples.RECORDED_EXAMPLE, "Recorded", "201"),
            docs.answered(examples.RECORDED_EXAMPLE, "The same order again", "200"),
        ],
    )
    def post(self, request: Request) -> Any:
        """Record an order: points, balance, tier and events at once.

        The same `order_id` with the same content answers 200 with the first points and entries and the
        account as it is now; with other content 409 `order_conflict`.
        """
        now = clock.now()
        content = orders.parse(request.data, currency=current_brand().currency, now=now)

        def work() -> Response:
            told = orders.record_order(content=content, now=now)
            return Response(told.body(), status=201 if told.created else 200)

        return self.once(work)


class PreviewQuery(StrictSerializer):
    """When, and with which draft."""

    at = fields.Instant(required=False)
    rule = fields.Text(required=False, max_length=64)


class Preview(ApiView):
    """What an order would earn."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="orders_preview",
        parameters=[
            OpenApiParameter("at", str, description="Another instant for `ordered_at`."),
            OpenApiParameter("rule", str, description="Code of a rule whose draft is to count as published."),
        ],
        request={docs.JSON: docs.ORDER},
        responses={200: docs.RECORDED},
        examples=[docs.asked(examples.ORDER_EXAMPLE), docs.answered(examples.PREVIEW_EXAMPLE)],
    )
    def post(self, request: Request) -> Response:
        """What would be earned and why; writes nothing."""
        now = clock.now()
        query = self.query(PreviewQuery)
        content = orders.parse(request.data, currency=current_brand().currency, now=now)
        told = orders.preview_order(content=content, now=now, at=query.get("at"), rule=query.get("rule"))
        return Response(told.body())


class Order(ApiView):
    """One order."""

    required_scopes: ClassVar = {"GET": "members:read", "PUT": SCOPE}

    @extend_schema(
        operation_id="orders_retrieve",
        responses={200: docs.STORED},
        examples=[docs.answered(examples.STORED_EXAMPLE)],
    )
    def get(self, request: Request, order_id: str) -> Response:
        """An order as it was recorded, with its points, and what came back of it."""
        return Response(selecting.order_json(orders.find(order_id), clock.now()))

    @extend_schema(
        operation_id="orders_correct",
        parameters=[docs.KEY],
        request={docs.JSON: docs.CORRECTION},
        responses={200: docs.CORRECTED},
        examples=[docs.asked(examples.CORRECTION_EXAMPLE), docs.answered(examples.CORRECTED_EXAMPLE)],
    )
    def put(self, request: Request, order_id: str) -> Any:
        """Correct an order with a higher `revision`; the difference is booked.

        It is judged anew by the rules of its first recording. The same revision with the same content
        changes nothing; with other content 409 `order_conflict`, a lower one 409 `revision_outdated`.
        """
        now = clock.now()
        content, revision = orders.parse_correction(
            request.data, order_id=order_id, currency=current_brand().currency, now=now
        )

        def work() -> Response:
            told = orders.correct_order(order_id=order_id, content=content, revision=revision, now=now)
            return Response(told.body())

        return self.once(work)


class Completion(ApiView):
    """The completion of an order."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="orders_complete",
        parameters=[docs.KEY],
        request={docs.JSON: docs.COMPLETE},
        responses={200: docs.COMPLETED},
        examples=[
            docs.asked({"completed_at": "2026-11-29T10:15:00+08:00"}),
            docs.answered(examples.COMPLETED_EXAMPLE),
        ],
    )
    def post(self, request: Request, order_id: str) -> Any:
        """Complete an order: what waited for it becomes available. Repeating it changes nothing."""
        now = clock.now()
        body = Reader(request.data, "", frozenset({"completed_at"}))
        completed_at = body.instant("completed_at", latest=now + orders.AHEAD)
        body.raise_errors()

        def work() -> Response:
            return Response(
                orders.complete_order(order_id=order_id, completed_at=completed_at, now=now).body()
            )

        return self.once(work)


class Cancellation(ApiView):
    """The cancellation of an order."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="orders_cancel",
        parameters=[docs.KEY],
        request={docs.JSON: docs.NOTHING},
        responses={200: docs.CANCELLED},
        examples=[docs.asked({}), docs.answered(examples.CANCELLED_EXAMPLE)],
    )
    def post(self, request: Request, order_id: str) -> Any:
        """Cancel an order: everything that is left of it comes back. Repeating it changes nothing."""
        now = clock.now()
        Reader(request.data, "", frozenset()).raise_errors()

        def work() -> Response:
            return Response(orders.cancel_order(order_id=order_id, now=now).body())

        return self.once(work)


class Returns(ApiView):
    """The returns of an order."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="orders_return",
        parameters=[docs.KEY],
        request={docs.JSON: docs.RETURN},
        responses={201: docs.RETURNED, 200: docs.RETURNED, 202: docs.PARKED},
        examples=[
            docs.asked(examples.RETURN_EXAMPLE, "Some"),
            docs.asked({"return_id": "R-1", "all": True}, "Everything"),
            docs.answered(examples.RETURNED_EXAMPLE, "Applied", "201"),
            docs.answered(examples.RETURNED_EXAMPLE, "The same return again", "200"),
            docs.answered(examples.PARKED_EXAMPLE, "Parked until the order comes", "202"),
        ],
    )
    def post(self, request: Request, order_id: str) -> Any:
        """Take back what an order no longer deserves without what came back.

        A return of an order that is not known yet is parked for 30 days. The same `return_id` with other
        content: 409 `return_conflict`.
        """
        now = clock.now()
        content = orders.parse_return(request.data, now=now)

        def work() -> Response:
            returned = orders.record_return(order_id=order_id, content=content, now=now)
            status = 202 if returned.parked else 201 if returned.created else 200
            return Response(returned.body(), status=status)

        return self.once(work)


class ParkedQuery(StrictSerializer):
    """Which parked returns."""

    status = fields.Choice(choices=["parked", "applied", "dropped"], required=False)
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class ParkedReturns(ApiView):
    """Returns that came before their order."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="returns_parked_list",
        parameters=[
            OpenApiParameter("status", enum=["parked", "applied", "dropped"]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses={200: docs.PARKED_PAGE},
        examples=[docs.answered({"items": [examples.PARKED_EXAMPLE], "next_cursor": None})],
    )
    def get(self, request: Request) -> Response:
        """List parked returns, newest first; `status` is `parked` unless another is asked for."""
        query: Any = self.query(ParkedQuery)
        found = selecting.parked_returns(query.get("status", "parked"))

        def render(parked: ParkedReturn) -> dict[str, Any]:
            return orders.parked_json(parked)

        return Response(pagination.page(found, request, render, order=("-parked_at", "-id")))
