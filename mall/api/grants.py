"""What rules gave a member besides points: coupons, benefits, tags, chances to draw."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import clock, pagination
from loyalty.lib.api import ApiView
from loyalty.lib.instants import text as instant
from mall import selectors
from mall.models import Grant
from members import services as members
from members.api.base import MemberApiView

_GRANT: dict[str, Any] = {
    "grant_id": "0199f3a2-8d1c-7b21-9d4e-5f6a7b8c9d0e",
    "kind": "benefit",
    "code": "double-7",
    "quantity": 1,
    "used": 0,
    "status": "active",
    "valid_from": "2026-11-22T02:15:00Z",
    "valid_until": "2026-11-29T16:00:00Z",
    "rule": "double-card",
    "granted_at": "2026-11-22T02:15:00Z",
    "attributes": {},
}


class GrantShape(serializers.Serializer[Any]):
    """One thing given; `valid_until` is exclusive, null for ever."""

    grant_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Grant.Kind.values)
    code = serializers.CharField()
    quantity = serializers.IntegerField()
    used = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["active", "used", "expired", "revoked"])
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField(allow_null=True)
    rule = serializers.CharField()
    granted_at = serializers.DateTimeField()
    attributes = serializers.DictField()


class GrantPage(serializers.Serializer[Any]):
    """A page of grants."""

    items = GrantShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


_LIST: dict[str, Any] = {
    "parameters": [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
    "responses": GrantPage,
    "examples": [OpenApiExample("A page", {"items": [_GRANT], "next_cursor": None}, response_only=True)],
}


class MemberGrantsView(ApiView):
    """Of any member."""

    required_scopes: ClassVar = {"GET": "mall:read"}

    @extend_schema(operation_id="member_grants", **_LIST)
    def get(self, request: Any, member_id: UUID) -> Response:
        """What rules gave the member besides points, the newest first."""
        members.get(member_id)
        return Response(_page(member_id, request))


class OwnGrantsView(MemberApiView):
    """Of the member who calls."""

    @extend_schema(operation_id="me_grants", **_LIST)
    def get(self, request: Any) -> Response:
        """What rules gave you besides points, the newest first."""
        return Response(_page(self.member.id, request))


def _page(member_id: UUID, request: Any) -> dict[str, Any]:
    now = clock.now()
    rows = selectors.grants_of(member_id)
    return pagination.page(rows, request, lambda row: _told(row, now), order=("-granted_at", "-id"))


def _told(row: Grant, now: datetime) -> dict[str, Any]:
    return {
        "grant_id": str(row.pk),
        "kind": row.kind,
        "code": row.code,
        "quantity": row.quantity,
        "used": row.used,
        "status": row.state(now),
        "valid_from": instant(row.valid_from),
        "valid_until": instant(row.valid_until),
        "rule": row.rule,
        "granted_at": instant(row.granted_at),
        "attributes": row.attributes,
    }
