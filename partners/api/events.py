"""``/events`` for partners behind a firewall, and ``/event-types``."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib.api import ApiView, StrictSerializer, query_error
from loyalty.outbox import registry, relay
from loyalty.outbox.models import OutboxEvent
from partners.api import shapes
from partners.api.endpoints import SCOPE, example
from partners.webhooks import payloads
from tenants.context import current_brand

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
MAX_POSITION = 2**63 - 1
EVENT = {"event_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21", **shapes.EVENT}


class EventAnswer(serializers.Serializer[Any]):
    """An event as a webhook says it, and its id, which is the `webhook-id`."""

    event_id = serializers.UUIDField()
    type = serializers.CharField()
    timestamp = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]
    brand = serializers.CharField()
    sequence = serializers.IntegerField()
    member_sequence = serializers.IntegerField(allow_null=True)


class EventList(serializers.Serializer[Any]):
    """Events in their order. Ask again with `after=next_after`."""

    items = EventAnswer(many=True)
    next_after = serializers.IntegerField()
    has_more = serializers.BooleanField()


class EventTypeAnswer(serializers.Serializer[Any]):
    """A kind of event: the JSON Schema of its `data`, and an example of it."""

    name = serializers.CharField()
    description = serializers.CharField()
    version = serializers.IntegerField()
    schema = serializers.DictField()
    example = serializers.DictField()


class EventTypeList(serializers.Serializer[Any]):
    """All kinds of events."""

    items = EventTypeAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class EventsQuery(StrictSerializer):
    """Where to go on, how many, which types."""

    after = serializers.CharField(required=False, allow_blank=True)
    limit = serializers.CharField(required=False)
    types = serializers.CharField(required=False)


class Events(ApiView):
    """The same events as webhooks tell, by polling."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="events_list",
        parameters=[
            OpenApiParameter("after", int, description="The `next_after` of the answer before; 0 to begin"),
            OpenApiParameter("limit", int, description="1 to 1000, default 100"),
            OpenApiParameter("types", description="Event types, separated by commas"),
        ],
        responses={200: EventList},
        examples=[example({"items": [EVENT], "next_after": 4711, "has_more": False})],
    )
    def get(self, request: Request) -> Response:
        """Events after a position, in their order, without gaps and none twice."""
        query = self.query(EventsQuery)
        after = _whole(query.get("after") or "0", "after", 0, MAX_POSITION)
        limit = _whole(query.get("limit", str(DEFAULT_LIMIT)), "limit", 1, MAX_LIMIT)
        head = relay.head()
        events = OutboxEvent.objects.filter(position__gt=after, position__lte=head).order_by("position")
        if "types" in query:
            events = events.filter(type__in=_types(query["types"]))
        found = list(events[: limit + 1])
        more, found = len(found) > limit, found[:limit]
        # With nothing left, what the filter passed over need not be looked at again.
        next_after = found[-1].position if more else max(after, head)
        brand = current_brand().slug
        items = [{"event_id": str(event.id), **payloads.envelope(event, brand)} for event in found]
        return Response({"items": items, "next_after": next_after, "has_more": more})


class EventTypes(ApiView):
    """The catalogue of events."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="event_types_list",
        responses={200: EventTypeList},
        examples=[
            example(
                {
                    "items": [
                        {
                            "name": "member.updated",
                            "description": "A member's profile changed.",
                            "version": 1,
                            "schema": {"type": "object"},
                            "example": {"changed": ["region"]},
                        }
                    ],
                    "next_cursor": None,
                }
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Every event type with the JSON Schema and an example of its `data`."""
        items = [
            {
                "name": kind.name,
                "description": kind.description,
                "version": kind.version,
                "schema": dict(kind.schema),
                "example": dict(kind.example),
            }
            for kind in registry.event_types().values()
        ]
        return Response({"items": items, "next_cursor": None})


def _whole(text: str, name: str, lowest: int, highest: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not lowest <= int(text) <= highest:
        raise query_error(
            name,
            "range",
            _("Must be a whole number from %(lowest)d to %(highest)d.")
            % {"lowest": lowest, "highest": highest},
        )
    return int(text)


def _types(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if not registry.known(name)]
    if unknown or not names:
        raise query_error("types", "unknown", _("Unknown event type. GET /event-types lists them."))
    return names
