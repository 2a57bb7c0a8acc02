"""`/claims`: what members say is missing, for those who decide."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.claimjson import DESK, DeskClaim, DeskList, desk_json, orders_of
from campaigns.errors import ClaimNotFound
from campaigns.models import Claim
from campaigns.services import claims
from loyalty.lib import clock, fields, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.errors import FieldError, Invalid

_DONE: dict[str, Any] = {"decided_at": "2026-11-23T03:00:00Z", "decided_by": "key:0199f3a2", "actions": []}
_LINKED: dict[str, Any] = {**DESK, **_DONE, "status": "accepted", "outcome": "order", "points": 93}
_WAITS: dict[str, Any] = {
    **DESK,
    "points": 5000,
    "reason": "The till was offline",
    "adjustment_id": "0199f3a2-8d1c-7d20-8a7b-6c5d4e3f2a1b",
    "actions": [],
}
_REJECTED: dict[str, Any] = {**DESK, **_DONE, "status": "rejected", "reason": "The receipt is another shop's"}


class ClaimsQuery(StrictSerializer):
    """Filters of the list."""

    status = fields.Choice(choices=Claim.Status.values, required=False)
    member_id = fields.Id(required=False)
    order_id = serializers.CharField(required=False, max_length=100)
    cursor = serializers.CharField(required=False)
    limit = serializers.CharField(required=False)


class AcceptBody(StrictSerializer):
    """The guest order that it was (by default that of the claim's number), or points with a reason."""

    order_id = fields.Text(required=False, max_length=100)
    points = fields.Points(required=False)
    reason = fields.Text(required=False, allow_blank=True, max_length=500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two ways."""
        if "order_id" in attrs and "points" in attrs:
            detail = _("Name an order or points, not both.")
            raise Invalid([FieldError("/points", "one_way", detail)])
        return attrs


class RejectClaimBody(StrictSerializer):
    """Why; the member reads it."""

    reason = fields.Text(max_length=500)


class Claims(ApiView):
    """All claims."""

    required_scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(
        operation_id="claims_list",
        parameters=[
            OpenApiParameter("status", enum=Claim.Status.values),
            OpenApiParameter("member_id", str),
            OpenApiParameter("order_id", str),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses=DeskList,
        examples=[OpenApiExample("A page", {"items": [DESK], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Claims, the newest first, each with what is known of the order that it names."""
        asked = self.query(ClaimsQuery)
        filters = {name: asked[name] for name in ("status", "member_id", "order_id") if name in asked}
        found = pagination.page(
            Claim.objects.filter(**filters), request, lambda claim: claim, order=("-filed_at", "-id")
        )
        orders = orders_of(found["items"])
        items = [desk_json(claim, orders.get(claim.order_id)) for claim in found["items"]]
        return Response({**found, "items": items})


class OneClaim(ApiView):
    """One claim."""

    required_scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(
        operation_id="claims_get",
        responses=DeskClaim,
        examples=[OpenApiExample("Open", DESK, response_only=True)],
    )
    def get(self, request: Request, claim_id: UUID) -> Response:
        """A claim with what is known of the order that it names. 404 `claim_not_found`."""
        claim = Claim.objects.filter(pk=claim_id).first()
        if claim is None:
            raise ClaimNotFound
        return Response(_told(claim))


class AcceptClaim(ApiView):
    """Accepting."""

    required_scopes: ClassVar = {"POST": "points:write"}

    @extend_schema(
        operation_id="claim_accept",
        request=AcceptBody,
        responses={200: DeskClaim, 202: DeskClaim},
        examples=[
            OpenApiExample("It is this order", {"order_id": "S01-20261122-0007"}, request_only=True),
            OpenApiExample("By hand", {"points": 20, "reason": "The till was offline"}, request_only=True),
            OpenApiExample("Linked", _LINKED, response_only=True, status_codes=["200"]),
            OpenApiExample("Waits for a second", _WAITS, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request, claim_id: UUID) -> Any:
        """Accept a claim: link a guest order to the member, or give `points` by hand. Safe to repeat.

        The order is booked as if it had come with the member. Points above the brand's threshold wait for a
        second operator (202), and the claim is open until then. 404 `claim_not_found`, `not_found` (no such
        order); 409 `order_not_claimable` (`finding` says why), `claim_decided`, `claim_pending`,
        `approval_needed` (an order that the receipt does not fit gives more than the threshold).
        """
        body = self.body(AcceptBody)

        def work() -> Response:
            actor, now, reason = self.caller(), clock.now(), body.get("reason", "")
            if "points" in body:
                done = claims.give_points(
                    claim_id=claim_id, count=body["points"], actor=actor, reason=reason, now=now
                )
            else:
                order_id = body.get("order_id", "")
                done = claims.accept_order(
                    claim_id=claim_id, order_id=order_id, actor=actor, reason=reason, now=now
                )
            return Response(_told(done), status=202 if done.status == Claim.Status.OPEN else 200)

        return self.once(work)


class RejectClaim(ApiView):
    """Turning down."""

    required_scopes: ClassVar = {"POST": "points:write"}

    @extend_schema(
        operation_id="claim_reject",
        request=RejectClaimBody,
        responses=DeskClaim,
        examples=[
            OpenApiExample("Why", {"reason": _REJECTED["reason"]}, request_only=True),
            OpenApiExample("Turned down", _REJECTED, response_only=True),
        ],
    )
    def post(self, request: Request, claim_id: UUID) -> Any:
        """Turn a claim down; the member reads the reason. Safe to repeat.

        404 `claim_not_found`; 409 `claim_decided`, `claim_pending`.
        """
        body = self.body(RejectClaimBody)

        def work() -> Response:
            done = claims.reject(
                claim_id=claim_id, actor=self.caller(), reason=body["reason"], now=clock.now()
            )
            return Response(_told(done))

        return self.once(work)


def _told(claim: Claim) -> dict[str, Any]:
    return desk_json(claim, orders_of([claim]).get(claim.order_id))
