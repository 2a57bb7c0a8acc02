"""`/members/{id}/freeze` and `/unfreeze`: a member's accounts, closed for earning or spending."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import clock, fields
from loyalty.lib.api import ApiView, StrictSerializer
from members.api.refs import MemberRef, resolve
from points import services as points
from points.api import bodies, schemas, shapes
from points.postings import AccountState

_ACCOUNT = {"points_currency": "points", "available": 29, "pending": 0, "held": 0, "debt": 0}
_FROZEN = {
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "accounts": [{**_ACCOUNT, "earn_frozen": False, "burn_frozen": True}],
}


class FreezeBody(StrictSerializer):
    """What is frozen, and why."""

    earn = fields.Flag(required=False, default=False)
    burn = fields.Flag(required=False, default=False)
    reason = bodies.Reason(required=True, min_length=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["earn"] and not attrs["burn"]:
            raise serializers.ValidationError(_("Say what to freeze: earn, burn, or both."), code="nothing")
        return attrs


class FrozenAccount(schemas.Account):
    earn_frozen = serializers.BooleanField()
    burn_frozen = serializers.BooleanField()


class FrozenAccounts(serializers.Serializer[Any]):
    member_id = serializers.UUIDField()
    accounts = FrozenAccount(many=True)


class FreezeView(ApiView):
    """Closing a member's accounts for a while."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="member_freeze",
        request=FreezeBody,
        responses=FrozenAccounts,
        examples=[
            OpenApiExample("Spending", {"burn": True, "reason": "card reported stolen"}, request_only=True),
            OpenApiExample("Frozen", _FROZEN, response_only=True),
        ],
    )
    def post(self, request: Any, member_id: UUID) -> Any:
        """Freeze earning, spending or both, in place of what was frozen before. Raises MemberNotFound.

        Until it is lifted, what is frozen answers 403 `account_frozen`. Repeating it changes nothing.
        """
        body = self.body(FreezeBody)

        def work() -> Response:
            member = resolve(MemberRef(member_id), now=clock.now())
            frozen = points.freeze(
                member_id=member.id,
                earn=body["earn"],
                burn=body["burn"],
                reason=body["reason"],
                now=clock.now(),
            )
            return Response(_told(member.id, frozen))

        return self.once(work)


class UnfreezeView(ApiView):
    """Opening them again."""

    required_scopes = {"POST": "points:write"}

    @extend_schema(
        operation_id="member_unfreeze",
        request=bodies.NothingBody,
        responses=FrozenAccounts,
        examples=[
            OpenApiExample("Nothing", {}, request_only=True),
            OpenApiExample(
                "Open",
                {**_FROZEN, "accounts": [{**_ACCOUNT, "earn_frozen": False, "burn_frozen": False}]},
                response_only=True,
            ),
        ],
    )
    def post(self, request: Any, member_id: UUID) -> Any:
        """Lift any freeze of the member's accounts. Raises MemberNotFound."""
        self.body(bodies.NothingBody)

        def work() -> Response:
            member = resolve(MemberRef(member_id), now=clock.now())
            return Response(_told(member.id, points.unfreeze(member_id=member.id, now=clock.now())))

        return self.once(work)


def _told(member_id: UUID, accounts: Iterable[AccountState]) -> dict[str, Any]:
    return {
        "member_id": str(member_id),
        "accounts": [
            {
                **shapes.account(account),
                "earn_frozen": account.earn_frozen,
                "burn_frozen": account.burn_frozen,
            }
            for account in accounts
        ],
    }
