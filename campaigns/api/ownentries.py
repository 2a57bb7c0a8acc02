"""`/me/entries` of the member API: a member's own ledger and why, without operators' notes for each other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from campaigns.entryreasons import Reasons
from loyalty.lib import pagination
from loyalty.lib.instants import text as instant
from members.api.base import MemberApiView
from points import selectors
from points.api import bodies, schemas
from points.errors import EntryNotFound
from points.models import Entry

EXAMPLE: dict[str, Any] = {
    "entry_id": "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b",
    "points": 39,
    "points_currency": "points",
    "kind": "accrual",
    "source": "order",
    "reference": "S01-20261122-0007",
    "rule": "base",
    "rule_name": "Base rate",
    "text": "Base rate: 39.80 × 1 point per CNY → 39",
    "effective_at": "2026-11-22T02:15:00Z",
    "recorded_at": "2026-11-22T02:15:01Z",
    "balance_after": 39,
    "available_at": None,
    "expires_at": "2027-11-30T16:00:00Z",
}


class OwnEntry(serializers.Serializer[Any]):
    """A ledger entry, as its member sees it; `points` is negative where they were spent."""

    entry_id = serializers.UUIDField()
    points = serializers.IntegerField()
    points_currency = serializers.CharField()
    kind = serializers.ChoiceField(choices=Entry.Kind.values)
    source = serializers.CharField()  # type: ignore[assignment]
    reference = serializers.CharField()
    rule = serializers.CharField(allow_blank=True)
    rule_name = serializers.CharField(allow_blank=True)
    text = serializers.CharField()
    effective_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    balance_after = serializers.IntegerField()
    available_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class OwnEntryPage(serializers.Serializer[Any]):
    """A page of the member's ledger."""

    items = OwnEntry(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class OwnEntriesView(MemberApiView):
    """The ledger of the member who calls."""

    @extend_schema(
        operation_id="me_entries_list",
        parameters=schemas.ENTRIES_QUERY,
        responses=OwnEntryPage,
        examples=[OpenApiExample("A page", {"items": [EXAMPLE], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Any) -> Response:
        """What was earned and spent, the newest first, and why in the language that was asked for."""
        query = self.query(bodies.EntriesQuery)
        rows, order = selectors.entries_of(self.member.id, **bodies.filters(query))
        page = pagination.page(rows, request, lambda row: row, order=order)
        reasons = Reasons(page["items"])
        return Response({**page, "items": [own_entry(row, reasons) for row in page["items"]]})


class OwnEntryView(MemberApiView):
    """One entry of the member who calls."""

    @extend_schema(
        operation_id="me_entries_get",
        responses=OwnEntry,
        examples=[OpenApiExample("An entry", EXAMPLE, response_only=True)],
    )
    def get(self, request: Any, entry_id: UUID) -> Response:
        """What came or went, and why. Raises EntryNotFound, also for an entry of another member."""
        row = selectors.entry(entry_id)
        if row.account.member_id != self.member.id:
            raise EntryNotFound
        return Response(own_entry(row, Reasons([row])))


def own_entry(row: Entry, reasons: Reasons) -> dict[str, Any]:
    """An entry without its actor, reason and cost centre, which are the brand's own."""
    opened = next(iter(selectors.opened_lots(row)), None)
    return {
        "entry_id": str(row.id),
        "points": row.signed_points,
        "points_currency": row.account.currency,
        "kind": row.kind,
        "source": row.source,
        # References that the member chose are told apart from those of others by the member's id.
        "reference": row.reference.removeprefix(f"member/{row.account.member_id}/"),
        "rule": row.rule,
        "rule_name": reasons.rule(row),
        "text": reasons.why(row),
        "effective_at": instant(row.effective_at),
        "recorded_at": instant(row.recorded_at),
        "balance_after": row.balance_after,
        "available_at": instant(opened.available_at) if opened else None,
        "expires_at": instant(opened.expires_at) if opened else None,
    }
