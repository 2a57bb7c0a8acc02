"""`/members/{id}/entries` and `/entries/{id}`: the ledger, and why in words that come from the rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from campaigns.entryreasons import Reasons
from loyalty.lib import pagination
from loyalty.lib.api import ApiView
from members import services as members
from points import selectors
from points.api import bodies, schemas, shapes
from points.models import Entry


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
        """One page, and why each came in the language that was asked for. Raises MemberNotFound."""
        query = self.query(bodies.EntriesQuery)
        member = members.get(member_id)
        rows, order = selectors.entries_of(member.id, **bodies.filters(query))
        page = pagination.page(rows, request, lambda row: row, order=order)
        reasons = Reasons(page["items"])
        return Response({**page, "items": [_entry(row, reasons) for row in page["items"]]})


class EntryView(ApiView):
    """One ledger entry with its trace."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(operation_id="entry_get", responses=schemas.ENTRY, examples=schemas.ENTRY_EXAMPLES)
    def get(self, request: Any, entry_id: UUID) -> Response:
        """The entry, and why it came in the language that was asked for. Raises EntryNotFound."""
        row = selectors.entry(entry_id)
        return Response(_entry(row, Reasons([row])))


def _entry(row: Entry, reasons: Reasons) -> dict[str, Any]:
    return {**shapes.entry(row), "rule_name": reasons.rule(row), "text": reasons.why(row)}
