"""`/me/claims` of the member API: the receipt of an order without a member, points that did not come."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.claimjson import OPEN, OWN, ClaimList, ClaimShape, own_json
from campaigns.errors import ClaimNotFound
from campaigns.services import claims
from loyalty.lib import clock, fields, pagination
from loyalty.lib.api import StrictSerializer
from members.api.base import MemberApiView

_ASKED: dict[str, Any] = {"order_id": "S01-20261122-0007", "amount": "39.80", "ordered_on": "2026-11-22"}
_WITHDRAWN: dict[str, Any] = {**OPEN, "status": "withdrawn", "decided_at": OWN["decided_at"], "actions": []}


class ClaimBody(StrictSerializer):
    """What the receipt says: its number, its total, and its day, its store, or both."""

    order_id = fields.Text(max_length=100)
    amount = fields.Amount(places=2, min_value=0, max_value=10**12)
    ordered_on = fields.Day(required=False, allow_null=True)
    store_id = fields.Text(required=False, allow_blank=True, max_length=64)
    note = fields.Text(required=False, allow_blank=True, max_length=500)


class OwnClaims(MemberApiView):
    """The member's claims."""

    @extend_schema(
        operation_id="me_claims",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=ClaimList,
        examples=[OpenApiExample("One", {"items": [OWN], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """My claims, the newest first."""
        rows = claims.of_member(self.member.pk)
        return Response(pagination.page(rows, request, own_json, order=("-filed_at", "-id")))

    @extend_schema(
        operation_id="me_claims_file",
        request=ClaimBody,
        responses={201: ClaimShape, 200: ClaimShape},
        examples=[
            OpenApiExample("A receipt", _ASKED, request_only=True),
            OpenApiExample("It is yours", OWN, response_only=True, status_codes=["201"]),
            OpenApiExample("Not found yet", OPEN, response_only=True, status_codes=["201"]),
            OpenApiExample("Claimed before", OWN, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Any:
        """Claim an order that was recorded without a member, or points that did not come.

        If total and day or store are those of the order it becomes yours, and the rules give what they would
        have given (`status` `accepted`). Otherwise the claim is `open`, for whatever reason: it is accepted
        by itself if the order comes within the brand's days and fits, or an operator decides. The same order
        again is the first claim (200).

        422 `too_late` at `/ordered_on` for a day further back than the brand takes; 409 `claim_limit_reached`
        after as many claims in a month as the brand allows, withdrawn ones included.
        """
        body = self.body(ClaimBody)
        receipt = claims.Receipt(
            order_id=body["order_id"],
            amount=body["amount"],
            ordered_on=body.get("ordered_on"),
            store_id=body.get("store_id", ""),
            note=body.get("note", ""),
        )

        def work() -> Response:
            claim, created = claims.file(member_id=self.member.pk, receipt=receipt, now=clock.now())
            return Response(own_json(claim), status=201 if created else 200)

        return self.once(work)


class OwnClaim(MemberApiView):
    """One claim of the member."""

    @extend_schema(
        operation_id="me_claim",
        responses=ClaimShape,
        examples=[OpenApiExample("Accepted", OWN, response_only=True)],
    )
    def get(self, request: Request, claim_id: UUID) -> Response:
        """One of my claims. 404 `claim_not_found`, also for somebody else's."""
        claim = claims.of_member(self.member.pk).filter(pk=claim_id).first()
        if claim is None:
            raise ClaimNotFound
        return Response(own_json(claim))


class WithdrawClaim(MemberApiView):
    """Taking back."""

    @extend_schema(
        operation_id="me_claim_withdraw",
        request=None,
        responses=ClaimShape,
        examples=[OpenApiExample("Withdrawn", _WITHDRAWN, response_only=True)],
    )
    def post(self, request: Request, claim_id: UUID) -> Any:
        """Take back an open claim, for example to file it with the right total. Safe to repeat.

        409 `claim_decided` or `claim_pending` where an operator has decided, or is about to.
        """

        def work() -> Response:
            done = claims.withdraw(claim_id=claim_id, member_id=self.member.pk, now=clock.now())
            return Response(own_json(done))

        return self.once(work)
