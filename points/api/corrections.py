"""`/entries/{id}/reverse`, `/adjustments`, `/transfers`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from loyalty.lib import clock
from loyalty.lib.api import ApiView
from members.api.refs import resolve
from points import selectors
from points import services as points
from points.api import bodies, schemas, shapes
from points.errors import NotReversible
from points.models import AdjustmentRequest
from points.postings import UNDONE_ELSEWHERE


class ReverseView(ApiView):
    """Undoing an entry."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="entry_reverse",
        request=bodies.ReverseBody,
        responses={201: schemas.MOVED, 200: schemas.MOVED, 202: schemas.WAITING},
        examples=schemas.REVERSE_EXAMPLES,
    )
    def post(self, request: Any, entry_id: UUID) -> Any:
        """Reverse all that is left of an entry, or a part. Raises EntryNotFound, ReversalExceedsEntry …

        202 where it moves more points than one operator may adjust alone: it waits for a second one.
        """
        body = self.body(bodies.ReverseBody)

        def work() -> Response:
            if selectors.entry(entry_id).source in UNDONE_ELSEWHERE:
                raise NotReversible(_("Cancel the redemption: its article goes back to stock with it."))
            result = points.request_reversal(
                entry_id=entry_id,
                points=body.get("points"),
                reference=body.get("reference") or str(entry_id),
                reason=body["reason"],
                actor=self.caller(),
                now=clock.now(),
            )
            if isinstance(result, AdjustmentRequest):
                return _waiting(result)
            answer = {**shapes.moved(result.entry, result.account), "reverses": str(entry_id)}
            return Response(answer, status=200 if result.replayed else 201)

        return self.once(work)


def _waiting(asked: AdjustmentRequest) -> Response:
    waiting = {"status": asked.status, "adjustment_id": str(asked.id), "points": asked.points}
    return Response(waiting, status=202)


class AdjustmentsView(ApiView):
    """Giving or taking points with a reason."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="adjust",
        request=bodies.AdjustmentBody,
        responses={201: schemas.MOVED, 200: schemas.MOVED, 202: schemas.WAITING},
        examples=schemas.ADJUSTMENT_EXAMPLES,
    )
    def post(self, request: Any) -> Any:
        """Adjust; 202 where a second operator must agree. Raises InsufficientPoints …"""
        body = self.body(bodies.AdjustmentBody)

        def work() -> Response:
            now = clock.now()
            member = resolve(body["member"], now=now)
            result = points.request_adjustment(
                member_id=member.id,
                points=body["points"],
                reference=body["reference"],
                reason=body["reason"],
                currency=body["points_currency"],
                actor=self.caller(),
                now=now,
            )
            if isinstance(result, AdjustmentRequest):
                return _waiting(result)
            return Response(
                shapes.moved(result.entry, result.account), status=200 if result.replayed else 201
            )

        return self.once(work)


class TransfersView(ApiView):
    """One member gives points to another."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="transfer",
        request=bodies.TransferBody,
        responses={201: schemas.TRANSFER, 200: schemas.TRANSFER},
        examples=schemas.TRANSFER_EXAMPLES,
    )
    def post(self, request: Any) -> Any:
        """Transfer points, each lot with its own end. Raises InsufficientPoints, TransferLimitReached …"""
        body = self.body(bodies.TransferBody)

        def work() -> Response:
            now = clock.now()
            giver = resolve(body["from"], now=now)
            taker = resolve(body["to"], now=now)
            result = points.transfer(
                from_member_id=giver.id,
                to_member_id=taker.id,
                points=body["points"],
                reference=body["reference"],
                reason=body["reason"],
                currency=body["points_currency"],
                actor=self.caller(),
                now=now,
            )
            answer = {
                "journal": str(result.journal_id),
                "points": body["points"],
                "from": {"member_id": str(giver.id), **shapes.moved(result.sent, result.from_account)},
                "to": {"member_id": str(taker.id), **shapes.moved(result.received, result.to_account)},
            }
            return Response(answer, status=200 if result.replayed else 201)

        return self.once(work)
