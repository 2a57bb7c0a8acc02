"""`/members/{id}/account`, `/members/{id}/entries`, `/entries/{id}`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from loyalty.lib import clock, pagination
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


class EntriesView(ApiView):
    """A member's ledger entries, newest first."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(
        operation_id="entries_list",
        parameters=schemas.ENTRIES_QUERY,
        responses=schemas.ENTRY_PAGE,
        examples=schemas.ENTRY_PAGE_EXAMPLES,
    )
    def get(self, request: Any, member_id: UUID) -> Response:
        """One page of entries. Raises MemberNotFound."""
        query = self.query(bodies.EntriesQuery)
        member = members.get(member_id)
        rows, order = selectors.entries_of(member.id, **bodies.filters(query))
        return Response(pagination.page(rows, request, shapes.entry, order=order))


class EntryView(ApiView):
    """One ledger entry with its trace."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(operation_id="entry_get", responses=schemas.ENTRY, examples=schemas.ENTRY_EXAMPLES)
    def get(self, request: Any, entry_id: UUID) -> Response:
        """The entry. Raises EntryNotFound."""
        return Response(shapes.entry(selectors.entry(entry_id)))
