"""``/compliance``: the matrix of law as it stands for the brand. A key reads it and locks cells.

To unlock one takes two people and counsel's note, in the console: a key is nobody whom the law could ask.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib import clock, fields, instants, pagination, submitted
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.foureyes import LONGEST_NOTE
from loyalty.lib.submitted import SubmittedAnswer, submitted_json
from tenants.context import current_brand
from tenants.operators import compliancechanges
from tenants.operators.compliancematrix import Row, matrix
from tenants.operators.models import ComplianceChange

STATES: Final = ("allowed", "some", "blocked", "unlocked", "never")
READERS: Final = "rules:write|mall:write|members:write"
_CELL: Final[dict[str, Any]] = {
    "act": "bonus",
    "state": "unlocked",
    "restriction": "",
    "unlocked_at": "2026-11-22T03:00:00Z",
    "unlocked_by": ["operator:anna@acme.example", "operator:boris@acme.example"],
    "by_platform": False,
    "asked_for": False,
}
MATRIX: Final[dict[str, Any]] = {
    "policy": "strict",
    "rows": [{"tag": "wechat_share", "name": "sharing and inviting in WeChat channels", "cells": [_CELL]}],
}
_OF: Final[dict[str, Any]] = {
    "tag": "wechat_share",
    "act": "bonus",
    "unlocks": True,
    "counsel": "Lawyer Li, 3 May 2026: within the limits of the channel's rules of that day",
    "alone": False,
}
UNLOCKED: Final[dict[str, Any]] = {**submitted.PUBLISHED, **_OF}
LOCKED: Final[dict[str, Any]] = {
    **UNLOCKED,
    "number": 2,
    "version": 2,
    "unlocks": False,
    "counsel": "",
    "note": "The rules changed",
    "submitted_by": "key:0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a30",
    "approved_by": None,
    "approved_at": None,
}


class CellShape(serializers.Serializer[Any]):
    """A cell: `never` unlocked (infants), `blocked` by law, `unlocked`, for `some` people, or `allowed`."""

    act = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    restriction = serializers.CharField(allow_blank=True)
    unlocked_at = serializers.DateTimeField(allow_null=True)
    unlocked_by = serializers.ListField(child=serializers.CharField())
    by_platform = serializers.BooleanField()
    asked_for = serializers.BooleanField()


class RowShape(serializers.Serializer[Any]):
    """One tag of articles, or of acts, with its cells."""

    tag = serializers.CharField()
    name = serializers.CharField()
    cells = CellShape(many=True)


class MatrixShape(serializers.Serializer[Any]):
    """The matrix of the policy in force, with what the brand unlocked."""

    policy = serializers.CharField()
    rows = RowShape(many=True)


class ComplianceChangeShape(SubmittedAnswer):
    """One cell unlocked or locked: counsel's note, the reason (`note`), who asked and who agreed."""

    tag = serializers.CharField()
    act = serializers.CharField()
    unlocks = serializers.BooleanField()
    counsel = serializers.CharField(allow_blank=True)
    alone = serializers.BooleanField()


class ComplianceChanges(serializers.Serializer[Any]):
    """A page of changes."""

    items = ComplianceChangeShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class LockCellBody(StrictSerializer):
    """Why."""

    reason = fields.Text(required=False, allow_blank=True, max_length=LONGEST_NOTE)


class ComplianceView(ApiView):
    """The matrix."""

    required_scopes: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="compliance_get",
        responses=MatrixShape,
        examples=[OpenApiExample("One cell of many", MATRIX, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Each tag and act, and whether it is allowed, blocked by law or unlocked, since when and by whom."""
        policy = current_brand().setting("compliance")
        asked = ComplianceChange.objects.filter(status__in=ComplianceChange.OPEN)
        rows = matrix(
            policy,
            compliancechanges.unlocked(),
            compliancechanges.last_decided(),
            set(asked.values_list("tag", "act")),
        )
        return Response({"policy": policy, "rows": [_row(each) for each in rows]})


class ComplianceChangesView(ApiView):
    """The history of the matrix."""

    required_scopes: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="compliance_changes",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=ComplianceChanges,
        examples=[OpenApiExample("One", {"items": [UNLOCKED], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Who asked for what, who agreed, when and why, the newest first; what waits is among them."""
        rows = ComplianceChange.objects.all()
        return Response(pagination.page(rows, request, change_json, order=("-number",)))


class LockCell(ApiView):
    """Locking: less risk never waits."""

    required_scopes: ClassVar = {"POST": "*"}

    @extend_schema(
        operation_id="compliance_lock",
        request=LockCellBody,
        responses=ComplianceChangeShape,
        examples=[
            OpenApiExample("Why", {"reason": "The rules changed"}, request_only=True),
            OpenApiExample("Locked", LOCKED, response_only=True),
        ],
    )
    def post(self, request: Request, tag: str, act: str) -> Any:
        """Lock a cell again at once, and withdraw what is asked for it. Needs a key with the scope `*`.

        Cells are unlocked in the console, by an owner and a second operator with counsel's note; no key can.
        In force within five seconds. 409 `nothing_submitted`: it is locked, and nobody asked.
        """
        body = self.body(LockCellBody)

        def work() -> Response:
            done = compliancechanges.lock(
                tag=tag, act=act, actor=self.caller(), now=clock.now(), reason=body.get("reason", "")
            )
            return Response(change_json(done))

        answer = self.once(work)
        compliancechanges.carry_over(current_brand())
        return answer


def change_json(change: ComplianceChange) -> dict[str, Any]:
    """A change as the API tells it."""
    return {
        **submitted_json(change),
        "tag": change.tag,
        "act": change.act,
        "unlocks": change.opens,
        "counsel": change.counsel,
        "alone": change.alone,
    }


def _row(row: Row) -> dict[str, Any]:
    cells = [
        {
            "act": cell.act,
            "state": cell.state,
            "restriction": str(cell.words),
            "unlocked_at": instants.text(cell.since) if cell.since else None,
            "unlocked_by": cell.by.split(" + ") if cell.by else [],
            "by_platform": cell.platform,
            "asked_for": cell.waits,
        }
        for cell in row.cells
    ]
    return {"tag": row.tag, "name": str(row.name), "cells": cells}
