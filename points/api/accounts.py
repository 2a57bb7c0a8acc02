"""`/members/{id}/account`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from loyalty.lib import clock
from loyalty.lib.api import ApiView
from members import services as members
from points import selectors, tierwords
from points.api import bodies, schemas, shapes
from points.services import tiers


class AccountView(ApiView):
    """What a member holds in one points currency, now or at another instant."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(
        operation_id="account_get",
        parameters=schemas.ACCOUNT_QUERY,
        responses=schemas.ACCOUNT_FULL,
        examples=schemas.ACCOUNT_EXAMPLES,
    )
    def get(self, request: Any, member_id: UUID) -> Response:
        """The account, projected to `at` (default: now). Raises MemberNotFound."""
        query = self.query(bodies.AccountQuery)
        member = members.get(member_id)
        at = query.get("at") or clock.now()
        view = selectors.account_view(member.id, at, currency=query["points_currency"])
        return Response({**shapes.account_view(view), "tier": tierwords.told(tiers.tier_view(member.id, at))})
