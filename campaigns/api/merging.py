"""`/members/{id}/merge`: what a member has lies in several rooms, so the call is in the highest of them."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from campaigns.services import merging
from loyalty.lib import clock, fields
from loyalty.lib.api import ApiView, StrictSerializer
from points.api import schemas, shapes

_MERGED = {
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a22",
    "into": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "status": "merged",
    "accounts": [{"points_currency": "points", "available": 39, "pending": 0, "held": 0, "debt": 0}],
}


class MergeBody(StrictSerializer):
    """Who stays."""

    into = fields.Id()


class Merged(serializers.Serializer[Any]):
    """Who was merged into whom, and what the one who stays holds now."""

    member_id = serializers.UUIDField()
    into = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["merged"])
    accounts = schemas.Account(many=True)


class MergeView(ApiView):
    """Two members who are one person."""

    required_scopes: ClassVar = {"POST": "members:write"}

    @extend_schema(
        operation_id="members_merge",
        request=MergeBody,
        responses=Merged,
        examples=[
            OpenApiExample("Into the older card", {"into": _MERGED["into"]}, request_only=True),
            OpenApiExample("Merged", _MERGED, response_only=True),
        ],
    )
    def post(self, request: Any, member_id: UUID) -> Any:
        """Merge the member of the address into `into`. Repeating it changes nothing.

        Points with their expiry, pending points, holds, debt, tier, orders and identities move; both ledgers
        keep their history. Later calls that name the merged member by id or identity reach the one who
        stays. Raises MemberNotFound, MemberNotActive (either was merged or closed before).
        """
        body = self.body(MergeBody)

        def work() -> Response:
            done = merging.merge_members(
                member_id=member_id, into_id=body["into"], actor=self.caller(), now=clock.now()
            )
            answer = {
                "member_id": str(done.member_id),
                "into": str(done.into),
                "status": "merged",
                "accounts": [shapes.account(account) for account in done.accounts],
            }
            return Response(answer)

        return self.once(work)
