"""``/wakeups``: a message to an audience, at its times, with some held out to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api import wakeupshapes as shapes
from campaigns.api.decisions import STATES, NoStep, RejectStep, StateQuery, SubmitStep
from campaigns.models import Wakeup
from campaigns.services import wakeups
from loyalty.lib import clock, pagination
from loyalty.lib.api import ApiView

SCOPE: Final = "rules:write"


class WakeupList(serializers.Serializer[Any]):
    """A page of wake-ups."""

    items = shapes.WakeupAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class Wakeups(ApiView):
    """All wake-ups."""

    required_scopes: ClassVar = {"GET": SCOPE, "POST": SCOPE}

    @extend_schema(
        operation_id="wakeups_list",
        parameters=[OpenApiParameter("status", enum=STATES)],
        responses={200: WakeupList},
        examples=[
            OpenApiExample("A page", {"items": [shapes.ANSWER], "next_cursor": None}, response_only=True)
        ],
    )
    def get(self, request: Request) -> Response:
        """List wake-ups, the newest first."""
        filters = self.query(StateQuery)
        found = Wakeup.objects.select_related("segment")
        if "status" in filters:
            found = found.filter(status=filters["status"])
        return Response(pagination.page(found, request, shapes.wakeup_json, order=("-created_at", "-id")))

    @extend_schema(
        operation_id="wakeups_create",
        request=shapes.WakeupBody,
        responses={201: shapes.WakeupAnswer},
        examples=[
            OpenApiExample("Once, with points for coming back", shapes.EXAMPLE, request_only=True),
            OpenApiExample("Every Friday", shapes.WEEKLY, request_only=True),
            OpenApiExample("The draft", shapes.ANSWER, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Save a wake-up as a draft."""
        body, now = self.body(shapes.WakeupBody), clock.now()
        code = body.pop("code")

        def work() -> Response:
            values = shapes.values_of(body)
            made = wakeups.create(code=code, values=values, actor=self.caller(), now=now)
            return Response(shapes.wakeup_json(made), status=201)

        answer: Response = self.once(work)
        return answer


class OneWakeup(ApiView):
    """One wake-up."""

    required_scopes: ClassVar = {"GET": SCOPE, "PATCH": SCOPE}

    @extend_schema(
        operation_id="wakeups_retrieve",
        responses={200: shapes.WakeupAnswer},
        examples=[OpenApiExample("The wake-up", shapes.ANSWER, response_only=True)],
    )
    def get(self, request: Request, code: str) -> Response:
        """A wake-up by its code."""
        return Response(shapes.wakeup_json(wakeups.find(code)))

    @extend_schema(
        operation_id="wakeups_update",
        request=shapes.WakeupChanges,
        responses={200: shapes.WakeupAnswer},
        examples=[
            OpenApiExample("Hold more out", {"holdout_percent": 20}, request_only=True),
            OpenApiExample("The draft", {**shapes.ANSWER, "holdout_percent": 20}, response_only=True),
        ],
    )
    def patch(self, request: Request, code: str) -> Response:
        """Change a draft."""
        changes = shapes.values_of(self.body(shapes.WakeupChanges))
        return Response(shapes.wakeup_json(wakeups.update(code=code, changes=changes, now=clock.now())))


class WakeupReport(ApiView):
    """What came of one."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="wakeups_report",
        responses={200: shapes.ReportAnswer},
        examples=[OpenApiExample("The report", shapes.REPORT, response_only=True)],
    )
    def get(self, request: Request, code: str) -> Response:
        """Who was reached, who came back, and how many more than without it.

        The difference is between all who were not held out and those who were; `least` and `most` hold it
        with 95 %. `verdict` says `too_small` where either group has fewer than 100 members, and `too_early`
        while the days in which a return counts are not over for all.
        """
        found = wakeups.report(wakeup=wakeups.find(code), now=clock.now())
        return Response(shapes.report_json(found))


class _Step(ApiView):
    """One step of the life of a wake-up, taken once for the same key."""

    required_scopes: ClassVar = {"POST": SCOPE}

    def take(self, step: Callable[[], Wakeup]) -> Response:
        """The answer to the step."""
        answer: Response = self.once(lambda: Response(shapes.wakeup_json(step())))
        return answer


class SubmitWakeup(_Step):
    """Putting a draft forward."""

    @extend_schema(
        operation_id="wakeups_submit",
        request=SubmitStep,
        responses={200: shapes.WakeupAnswer},
        examples=[
            OpenApiExample("Why", {"note": "Before the holidays"}, request_only=True),
            OpenApiExample("It goes out", {**shapes.ANSWER, "status": "scheduled"}, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Submit a draft; where the brand asks for a second operator it waits for one."""
        body, now = self.body(SubmitStep), clock.now()
        return self.take(
            lambda: wakeups.submit(
                code=code, actor=self.caller(), now=now, note=body.get("note", ""), by_api=True
            )
        )


class ApproveWakeup(_Step):
    """Agreeing, as somebody else than who submitted."""

    @extend_schema(
        operation_id="wakeups_approve",
        request=NoStep,
        responses={200: shapes.WakeupAnswer},
        examples=[
            OpenApiExample("Nothing to say", {}, request_only=True),
            OpenApiExample("It goes out", {**shapes.ANSWER, "status": "scheduled"}, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Approve what was submitted: it goes out at its times."""
        self.body(NoStep)
        now = clock.now()
        return self.take(lambda: wakeups.approve(code=code, actor=self.caller(), now=now))


class RejectWakeup(_Step):
    """Turning down."""

    @extend_schema(
        operation_id="wakeups_reject",
        request=RejectStep,
        responses={200: shapes.WakeupAnswer},
        examples=[
            OpenApiExample("Why", {"reason": "Too soon after the last"}, request_only=True),
            OpenApiExample(
                "A draft again", {**shapes.ANSWER, "note": "Too soon after the last"}, response_only=True
            ),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Turn down what was submitted: it is a draft again."""
        body, now = self.body(RejectStep), clock.now()
        return self.take(
            lambda: wakeups.reject(code=code, actor=self.caller(), now=now, reason=body["reason"])
        )


class CancelWakeup(_Step):
    """Stopping."""

    @extend_schema(
        operation_id="wakeups_cancel",
        request=NoStep,
        responses={200: shapes.WakeupAnswer},
        examples=[
            OpenApiExample("Nothing to say", {}, request_only=True),
            OpenApiExample("Stopped", {**shapes.ANSWER, "status": "cancelled"}, response_only=True),
        ],
    )
    def post(self, request: Request, code: str) -> Response:
        """Queue no more messages, and withdraw those that no sender has taken yet (`suppressed.withdrawn`).

        One that is `done` can be cancelled as long as messages of it are waiting.
        """
        self.body(NoStep)
        now = clock.now()
        return self.take(lambda: wakeups.cancel(code=code, actor=self.caller(), now=now))
