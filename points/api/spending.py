"""`/burns`, `/holds`, `/holds/{id}/capture`, `/holds/{id}/void`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from loyalty.lib import clock
from loyalty.lib.api import ApiView
from members.api.refs import resolve
from points import services as points
from points.api import bodies, schemas, shapes
from points.errors import HoldEnded


class BurnsView(ApiView):
    """Spending at once."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="burn",
        request=bodies.BurnBody,
        responses={201: schemas.MOVED, 200: schemas.MOVED},
        examples=schemas.BURN_EXAMPLES,
    )
    def post(self, request: Any) -> Any:
        """Burn points. 201; 200 where the reference was burned before. Raises InsufficientPoints …"""
        body = self.body(bodies.BurnBody)

        def work() -> Response:
            now = clock.now()
            member = resolve(body["member"], now=now)
            result = points.burn(
                member_id=member.id,
                points=body["points"],
                reference=body["reference"],
                reason=body["reason"],
                currency=body["points_currency"],
                actor=self.caller(),
                now=now,
            )
            return Response(
                shapes.moved(result.entry, result.account), status=200 if result.replayed else 201
            )

        return self.once(work)


class HoldsView(ApiView):
    """Reserving points for a while."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="hold",
        request=bodies.HoldBody,
        responses={201: schemas.HOLD, 200: schemas.HOLD},
        examples=schemas.HOLD_EXAMPLES,
    )
    def post(self, request: Any) -> Any:
        """Place a hold. 201; 200 where the reference was held before. Raises InsufficientPoints …"""
        body = self.body(bodies.HoldBody)

        def work() -> Response:
            now = clock.now()
            member = resolve(body["member"], now=now)
            result = points.hold(
                member_id=member.id,
                points=body["points"],
                reference=body["reference"],
                reason=body["reason"],
                currency=body["points_currency"],
                expires_at=now + timedelta(seconds=body["expires_in_s"]),
                actor=self.caller(),
                now=now,
            )
            return Response(shapes.hold(result), status=200 if result.replayed else 201)

        return self.once(work)


class CaptureView(ApiView):
    """Spending what is held."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="hold_capture",
        request=bodies.CaptureBody,
        responses=schemas.HOLD,
        examples=schemas.CAPTURE_EXAMPLES,
    )
    def post(self, request: Any, hold_id: UUID) -> Any:
        """Capture all or a part; the rest returns. Raises HoldNotFound, HoldEnded, CaptureExceedsHold …"""
        body = self.body(bodies.CaptureBody)

        def work() -> Response:
            result = points.capture(
                hold_id=hold_id,
                points=body.get("points"),
                reason=body["reason"],
                actor=self.caller(),
                now=clock.now(),
            )
            if result.replayed:
                # Each hold ends once; the first answer comes again only by Idempotency-Key.
                raise HoldEnded(hold_status=result.status)
            return Response(shapes.hold(result))

        return self.once(work)


class VoidView(ApiView):
    """Giving back what is held."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="hold_void",
        request=bodies.VoidBody,
        responses=schemas.HOLD,
        examples=schemas.VOID_EXAMPLES,
    )
    def post(self, request: Any, hold_id: UUID) -> Any:
        """Void the hold; voiding it again changes nothing. Raises HoldNotFound, HoldEnded."""
        self.body(bodies.VoidBody)

        def work() -> Response:
            return Response(shapes.hold(points.void(hold_id=hold_id, now=clock.now())))

        return self.once(work)
