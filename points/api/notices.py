"""`/expiry-notice`: whether points may end although their member was not told."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import clock, fields
from loyalty.lib.api import ApiView, StrictSerializer
from points import services as points
from points.services.notices import MOST_DAYS
from tenants.context import current_brand

_EXAMPLE = {"required_days": 7, "stages": [30, 7, 1]}


class NoticeBody(StrictSerializer):
    """Full days between notice and end; null: points end with or without a notice."""

    required_days = fields.Whole(min_value=1, max_value=MOST_DAYS, allow_null=True)


class Notice(serializers.Serializer[Any]):
    """What is demanded, and on which days before the last valid day members are told."""

    required_days = serializers.IntegerField(allow_null=True)
    stages = serializers.ListField(child=serializers.IntegerField())


class ExpiryNoticeView(ApiView):
    """The brand's demand for a notice."""

    required_scopes = {"GET": "points:read", "PUT": "points:write"}

    @extend_schema(
        operation_id="expiry_notice_get",
        responses=Notice,
        examples=[OpenApiExample("A week", _EXAMPLE, response_only=True)],
    )
    def get(self, request: Any) -> Response:
        """What is demanded now."""
        return Response(_told())

    @extend_schema(
        operation_id="expiry_notice_put",
        request=NoticeBody,
        responses=Notice,
        examples=[
            OpenApiExample("Demand a week", {"required_days": 7}, request_only=True),
            OpenApiExample("A week", _EXAMPLE, response_only=True),
        ],
    )
    def put(self, request: Any) -> Response:
        """Demand a notice, or no longer.

        Points whose member was not told in time do not end on their day: they are announced then
        (`points.expiring`), and end at midnight after so many more days.
        """
        body = self.body(NoticeBody)
        points.require_notice(days=body["required_days"], actor=self.caller(), now=clock.now())
        return Response(_told())


def _told() -> dict[str, Any]:
    return {
        "required_days": points.notice_days(),
        "stages": sorted(current_brand().setting("expiry_notices"), reverse=True),
    }
