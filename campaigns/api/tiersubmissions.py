"""``/tiers/submit`` and what a second operator answers to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.tiershapes import ANSWER, ASKED, PROGRAM
from campaigns.models import TierSubmission
from campaigns.services import tierprogram, tiersubmissions
from loyalty.lib import clock, fields, submitted
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.errors import FieldError, Invalid
from loyalty.lib.foureyes import LONGEST_NOTE, NothingSubmitted
from loyalty.lib.submitted import (
    ApproveBody,
    RejectBody,
    SubmittedAnswer,
    WithdrawBody,
    submitted_json,
)
from points.services import tierconfig

_OF: Final[dict[str, Any]] = {"tiers": ANSWER, "instead_of": 0}
WAITING: Final[dict[str, Any]] = {**submitted.WAITING, **_OF}
SCHEDULED: Final[dict[str, Any]] = {**submitted.SUBMISSION, **_OF}
PUBLISHED: Final[dict[str, Any]] = {**submitted.PUBLISHED, **_OF}


@extend_schema_field(PROGRAM)
class _Program(serializers.JSONField):
    """A tier programme as `PUT /tiers` takes it."""


class TierSubmissionAnswer(SubmittedAnswer):
    """A tier programme that was put forward, and the version that it comes instead of (0: none)."""

    tiers = _Program()
    instead_of = serializers.IntegerField()


class SubmitTiersBody(StrictSerializer):
    """The programme, when it is to be in force once it is approved, and why."""

    tiers = _Program()
    at = fields.Instant(required=False, allow_null=True)
    note = fields.Text(required=False, allow_blank=True, max_length=LONGEST_NOTE)


def tier_submission_json(submission: TierSubmission) -> dict[str, Any]:
    """What was put forward of the tiers, by whom, and what became of it."""
    return {
        **submitted_json(submission),
        "tiers": tierconfig.shown(submission.body),
        "instead_of": submission.instead_of,
    }


class SubmitTiers(ApiView):
    """Putting a programme forward, and looking at the latest one that was."""

    required_scopes: ClassVar = {"GET": "rules:write", "POST": "rules:write"}

    @extend_schema(
        operation_id="tiers_submission_retrieve",
        responses={200: TierSubmissionAnswer},
        examples=[OpenApiExample("It waits", WAITING, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The latest submission of the tiers; 409 `nothing_submitted` where there never was one."""
        found = tiersubmissions.latest()
        if found is None:
            raise NothingSubmitted
        return Response(tier_submission_json(found))

    @extend_schema(
        operation_id="tiers_submit",
        request=SubmitTiersBody,
        responses={202: TierSubmissionAnswer},
        examples=[
            OpenApiExample(
                "For midnight", {"tiers": ASKED, "at": "2026-11-28T00:00:00+08:00"}, request_only=True
            ),
            OpenApiExample("It waits", WAITING, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request) -> Any:
        """Submit a programme. What is submitted is frozen; a later submission replaces it."""
        body, now = self.body(SubmitTiersBody), clock.now()
        config = _checked(body.pop("tiers"))

        def work() -> Response:
            made = tiersubmissions.submit(config=config, actor=self.caller(), now=now, **body)
            return Response(tier_submission_json(made), status=202)

        return self.once(work)


class _Decision(ApiView):
    """A step of the submission that is open."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    def decided(
        self, step: Callable[..., TierSubmission], serializer: type[StrictSerializer], *, later: int = 200
    ) -> Any:
        """Take a step by the body given; `later` is the status where it waits for its time."""
        body, now = self.body(serializer), clock.now()

        def work() -> Response:
            found = step(actor=self.caller(), now=now, **body)
            return Response(tier_submission_json(found), status=later if found.ended_at is None else 200)

        return self.once(work)


class ApproveTiers(_Decision):
    """Agreeing, as somebody else than who submitted."""

    @extend_schema(
        operation_id="tiers_approve",
        request=ApproveBody,
        responses={200: TierSubmissionAnswer, 202: TierSubmissionAnswer},
        examples=[
            OpenApiExample("The one looked at", {"number": 1}, request_only=True),
            OpenApiExample("It is in force", PUBLISHED, response_only=True, status_codes=["200"]),
            OpenApiExample("It is scheduled", SCHEDULED, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request) -> Any:
        """Put in force exactly what was submitted: at once (200), or at the time asked for (202)."""
        return self.decided(tiersubmissions.approve, ApproveBody, later=202)


class RejectTiers(_Decision):
    """Turning down."""

    @extend_schema(
        operation_id="tiers_reject",
        request=RejectBody,
        responses={200: TierSubmissionAnswer},
        examples=[
            OpenApiExample("Why", {"reason": "Too expensive", "number": 1}, request_only=True),
            OpenApiExample(
                "Turned down", {**submitted.ended("rejected", "Too expensive"), **_OF}, response_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Any:
        """Turn down what waits."""
        return self.decided(tiersubmissions.reject, RejectBody)


class WithdrawTiers(_Decision):
    """Taking back."""

    @extend_schema(
        operation_id="tiers_withdraw",
        request=WithdrawBody,
        responses={200: TierSubmissionAnswer},
        examples=[
            OpenApiExample("Why", {"reason": "Wrong month"}, request_only=True),
            OpenApiExample(
                "Taken back", {**submitted.ended("withdrawn", "Wrong month"), **_OF}, response_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Any:
        """Take back what waits for a decision or for its time."""
        return self.decided(tiersubmissions.withdraw, WithdrawBody)


def _checked(data: Any) -> dict[str, Any]:
    """The programme in its stored form. Raises Invalid with pointers below `/tiers`."""
    try:
        return tierprogram.checked(data)
    except Invalid as invalid:
        raise Invalid(
            FieldError(f"/tiers{each.pointer}", each.code, each.detail) for each in invalid.errors
        ) from None
