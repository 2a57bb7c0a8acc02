"""`/tasks` of the member API: what there is to do for points."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import membertasks, ways
from campaigns.api import earning
from loyalty.lib import clock, money
from loyalty.lib.instants import text as instant
from members.api.base import MemberApiView
from members.models import Member
from tenants.context import current_brand

EXAMPLES: list[dict[str, Any]] = [
    {
        "task": "come-back:17",
        "kind": "come_back",
        "name": "Come back",
        "state": "open",
        "points": 100,
        "min_spend": "30.00",
        "currency": "CNY",
        "until": "2026-11-29T16:00:00Z",
        "missing": [],
        "ways": [],
        "actions": [],
    },
    {
        "task": "activity.check-in",
        "kind": "check_in",
        "name": "Check-in",
        "state": "open",
        "points": None,
        "min_spend": None,
        "currency": None,
        "until": None,
        "missing": [],
        "ways": [earning.WAY],
        "actions": ["check_in"],
    },
]


class TaskShape(serializers.Serializer[Any]):
    """A thing to do; `ways` say what it brings, `points` what was promised for an order of `min_spend`."""

    task = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(membertasks.ORDER))
    name = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=["open", "done"])
    points = serializers.IntegerField(allow_null=True)
    min_spend = serializers.DecimalField(max_digits=16, decimal_places=2, allow_null=True)
    currency = serializers.CharField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    missing = serializers.ListField(
        child=serializers.ChoiceField(choices=["name", "birthday", "region", "contact"])
    )
    ways = earning.Way(many=True)
    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=["check_in", "update_profile", "share"])
    )


class Tasks(serializers.Serializer[Any]):
    """All there is to do."""

    items = TaskShape(many=True)


class TasksView(MemberApiView):
    """Things to do for points."""

    @extend_schema(
        operation_id="tasks",
        responses=Tasks,
        examples=[OpenApiExample("Two tasks", {"items": EXAMPLES}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """What the member can do now: offers for coming back, the check-in of today, the profile, friends,
        and the activities that rules pay for. A task that is done for now stays, with `state` done."""
        return Response({"items": tasks_json(self.member)})


def tasks_json(member: Member) -> list[dict[str, Any]]:
    """The member's tasks, with their ways in the words of the request's language."""
    found = membertasks.tasks_of(member, clock.now())
    said = ways.member_words() if any(task.ways for task in found) else None
    return [
        {
            "task": task.code,
            "kind": task.kind,
            "name": task.name,
            "state": "done" if task.done else "open",
            "points": task.points,
            "min_spend": None if task.min_spend is None else money.plain(task.min_spend),
            "currency": None if task.min_spend is None else current_brand().currency,
            "until": instant(task.until),
            "missing": list(task.missing),
            "ways": [earning.way_json(way, said) for way in task.ways],
            "actions": list(task.actions),
        }
        for task in found
    ]
