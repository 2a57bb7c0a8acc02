"""``/segments``: audiences that the brand names."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Segment
from campaigns.services import segments
from loyalty.lib import clock, fields, instants, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.errors import Invalid

CODE: Final = r"^[a-z0-9][a-z0-9_-]*$"
DEFINITION: Final[dict[str, Any]] = {
    "all": [
        {"fact": "member.days_since_last_order", "op": "gte", "value": 60},
        {"fact": "member.consent", "op": "has", "value": "marketing"},
    ],
    "none": [{"fact": "member.tags", "op": "has", "value": "staff"}],
}
EXAMPLE: Final[dict[str, Any]] = {
    "code": "sleeping",
    "name": {"zh-hans": "沉睡会员", "en": "Sleeping members"},
    "definition": DEFINITION,
}
ANSWER: Final[dict[str, Any]] = {
    **EXAMPLE,
    "text": "days since the last order ≥ 60; agreed to marketing; none of: tagged staff",
    "archived": False,
    "named_by_rules": False,
    "size": None,
    "refreshed_at": None,
    "created_at": "2026-11-22T02:00:00Z",
}
PREVIEW: Final[dict[str, Any]] = {
    "size": 12840,
    "estimated": False,
    "text": ANSWER["text"],
    "sample": [{"member_id": "01990000-0000-7000-8000-000000000001", "enrolled_at": "2026-01-05T02:00:00Z"}],
}


class SegmentBody(StrictSerializer):
    """A segment; docs/operators/audiences.md lists the facts of a definition."""

    code = fields.Text(max_length=64)
    name = fields.LocalText()
    definition = fields.JsonObject()

    def validate_code(self, value: str) -> str:
        """Lower case, so that it can stand in a path."""
        return plain_code(value)


class SegmentChanges(StrictSerializer):
    """What is to change; the code stays."""

    name = fields.LocalText(required=False)
    definition = fields.JsonObject(required=False)
    archived = fields.Flag(required=False)


class SegmentPreviewBody(StrictSerializer):
    """A definition that nobody saved yet."""

    definition = fields.JsonObject()


class SegmentAnswer(serializers.Serializer[Any]):
    """A segment. `size` and `refreshed_at` are of the last reading, which rules go by."""

    code = serializers.CharField()
    name = fields.LocalText()
    definition = serializers.DictField()
    text = serializers.CharField(allow_blank=True)
    archived = serializers.BooleanField()
    named_by_rules = serializers.BooleanField()
    size = serializers.IntegerField(allow_null=True)
    refreshed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class SegmentList(serializers.Serializer[Any]):
    """A page of segments."""

    items = SegmentAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class SegmentSampleMember(serializers.Serializer[Any]):
    """One of those who are meant."""

    member_id = serializers.UUIDField()
    enrolled_at = serializers.DateTimeField()


class SegmentPreview(serializers.Serializer[Any]):
    """How many members are meant just now (`estimated` where counting took too long), and some of them."""

    size = serializers.IntegerField()
    estimated = serializers.BooleanField()
    text = serializers.CharField()
    sample = SegmentSampleMember(many=True)


class SegmentsQuery(StrictSerializer):
    """Filters of the list."""

    archived = fields.Choice(choices=["true", "false"], required=False)
    cursor = serializers.CharField(required=False)
    limit = serializers.CharField(required=False)


class Segments(ApiView):
    """All segments."""

    required_scopes: ClassVar = {"GET": "rules:write", "POST": "rules:write"}

    @extend_schema(
        operation_id="segments_list",
        parameters=[OpenApiParameter("archived", enum=["true", "false"])],
        responses={200: SegmentList},
        examples=[OpenApiExample("A page", {"items": [ANSWER], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List segments by code."""
        filters = self.query(SegmentsQuery)
        found = Segment.objects.all()
        if "archived" in filters:
            found = found.filter(archived=filters["archived"] == "true")
        return Response(pagination.page(found, request, segment_json, order=("code",)))

    @extend_schema(
        operation_id="segments_create",
        request=SegmentBody,
        responses={201: SegmentAnswer},
        examples=[
            OpenApiExample("Who has not bought for 60 days", EXAMPLE, request_only=True),
            OpenApiExample("The segment", ANSWER, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Save a segment. A fault of the definition is told at its place."""
        body, now = self.body(SegmentBody), clock.now()

        def work() -> Response:
            made = segments.create(**body, actor=self.caller(), now=now)
            return Response(segment_json(made), status=201)

        answer: Response = self.once(work)
        return answer


class OneSegment(ApiView):
    """One segment."""

    required_scopes: ClassVar = {"GET": "rules:write", "PATCH": "rules:write"}

    @extend_schema(
        operation_id="segments_retrieve",
        responses={200: SegmentAnswer},
        examples=[OpenApiExample("The segment", ANSWER, response_only=True)],
    )
    def get(self, request: Request, code: str) -> Response:
        """A segment by its code."""
        return Response(segment_json(segments.find(code)))

    @extend_schema(
        operation_id="segments_update",
        request=SegmentChanges,
        responses={200: SegmentAnswer},
        examples=[
            OpenApiExample("Archive it", {"archived": True}, request_only=True),
            OpenApiExample("The segment", {**ANSWER, "archived": True}, response_only=True),
        ],
    )
    def patch(self, request: Request, code: str) -> Response:
        """Change what is named. 409 `segment_in_use` where one that is in use would be archived.

        So is another definition while a submitted, scheduled or running wake-up or audience grant names the
        segment; the answer names it (`wakeup` or `audience_grant`).
        """
        changes = self.body(SegmentChanges)
        return Response(segment_json(segments.update(code=code, changes=changes, now=clock.now())))


class PreviewSegment(ApiView):
    """Looking before anything is done."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    @extend_schema(
        operation_id="segments_preview",
        request=SegmentPreviewBody,
        responses={200: SegmentPreview},
        examples=[
            OpenApiExample("A definition", {"definition": DEFINITION}, request_only=True),
            OpenApiExample("Whom it means", PREVIEW, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """How many members a definition means now, and 20 of them. Nothing is written."""
        body = self.body(SegmentPreviewBody)
        found = segments.preview(definition=body["definition"], now=clock.now())
        return Response(
            {
                "size": found.count.members,
                "estimated": found.count.estimated,
                "text": found.sentence,
                "sample": [
                    {"member_id": str(each.pk), "enrolled_at": instants.text(each.enrolled_at)}
                    for each in found.members
                ],
            }
        )


def plain_code(value: str) -> str:
    """A code that can stand in a path. Raises ValidationError."""
    field = serializers.RegexField(CODE, max_length=64)
    return str(field.run_validation(value))


def segment_json(segment: Segment) -> dict[str, Any]:
    """A segment as the API tells it; one whose definition no longer holds has no text."""
    try:
        text = segments.sentence(segments.definition_of(segment))
    except Invalid:
        text = ""
    return {
        "code": segment.code,
        "name": segment.name,
        "definition": segment.definition,
        "text": text,
        "archived": segment.archived,
        "named_by_rules": segment.kept,
        "size": segment.size,
        "refreshed_at": instants.text(segment.refreshed_at),
        "created_at": instants.text(segment.created_at),
    }
