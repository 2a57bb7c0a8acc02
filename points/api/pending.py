"""`/entries/{id}/activate` and `/entries/{id}/cancel`: pending points, one entry at a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import clock
from loyalty.lib.api import ApiView, StrictSerializer
from points import services as points
from points.api import bodies, schemas, shapes

_ENTRY = "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b"


class ActivateBody(StrictSerializer):
    """Why, if anybody asks."""

    reason = bodies.Reason()


class CancelPendingBody(StrictSerializer):
    """Why, and the caller's own number of the decision."""

    reference = bodies.Reference(required=False)
    reason = bodies.Reason()


class Activated(serializers.Serializer[Any]):
    """What became available; `debt_repaid` of it paid a debt."""

    entry_id = serializers.UUIDField()
    points = serializers.IntegerField()
    debt_repaid = serializers.IntegerField()
    account = schemas.Account()


class ActivateView(ApiView):
    """Pending points that need not wait any longer."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="entry_activate",
        request=ActivateBody,
        responses=Activated,
        examples=[
            OpenApiExample("Approved", {"reason": "review approved"}, request_only=True),
            OpenApiExample(
                "Available",
                {
                    "entry_id": _ENTRY,
                    "points": 39,
                    "debt_repaid": 0,
                    "account": {
                        "points_currency": "points",
                        "available": 39,
                        "pending": 0,
                        "held": 0,
                        "debt": 0,
                    },
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Any, entry_id: UUID) -> Any:
        """Make an entry's pending points available now. Repeating it frees nothing more (`points` 0).

        Raises EntryNotFound, NotPending.
        """
        body = self.body(ActivateBody)

        def work() -> Response:
            done = points.activate_entry(
                entry_id=entry_id, reason=body["reason"], actor=self.caller(), now=clock.now()
            )
            answer = {
                "entry_id": str(entry_id),
                "points": done.points,
                "debt_repaid": done.debt_repaid,
                "account": shapes.account(done.account),
            }
            return Response(answer)

        return self.once(work)


class CancelPendingView(ApiView):
    """Pending points that are not given after all."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="entry_cancel",
        request=CancelPendingBody,
        responses={201: schemas.MOVED, 200: schemas.MOVED},
        examples=[
            OpenApiExample("Rejected", {"reason": "review rejected"}, request_only=True),
            *(example for example in schemas.REVERSE_EXAMPLES if not example.request_only),
        ],
    )
    def post(self, request: Any, entry_id: UUID) -> Any:
        """Take back what of an entry is still pending; what became available stays. 200 when repeated.

        Raises EntryNotFound, NotPending, ReferenceConflict.
        """
        body = self.body(CancelPendingBody)

        def work() -> Response:
            result = points.cancel_pending(
                entry_id=entry_id,
                reference=body.get("reference") or str(entry_id),
                reason=body["reason"],
                actor=self.caller(),
                now=clock.now(),
            )
            answer = {**shapes.moved(result.entry, result.account), "reverses": str(entry_id)}
            return Response(answer, status=200 if result.replayed else 201)

        return self.once(work)
