"""``/campaigns/{code}/…``: the steps in the life of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.campaignjson import campaign_json
from campaigns.api.campaignshapes import SHOWN, CampaignAnswer, NoteBody, ReasonBody
from campaigns.models import Campaign
from campaigns.services import campaigns
from loyalty.lib import clock
from loyalty.lib.api import ApiView


class _Step(ApiView):
    """A step in the life of a campaign."""

    required_scopes: ClassVar = {"POST": "rules:write"}

    def step(self, work: Callable[..., Campaign], code: str, **more: Any) -> Response:
        """Take the step once for the same key."""
        answer: Response = self.once(
            lambda: Response(campaign_json(work(code=code, actor=self.caller(), now=clock.now(), **more)))
        )
        return answer


_NOTE = OpenApiExample("Nothing to say", {}, request_only=True)
_TOLD = OpenApiExample("The campaign", SHOWN, response_only=True)


class StartCampaign(_Step):
    """Starting."""

    @extend_schema(
        operation_id="campaigns_start",
        request=NoteBody,
        responses={200: CampaignAnswer},
        examples=[_NOTE, _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """Let a draft run at its time, at once if that has come; its rules are published with it.

        409 `approval_required` where the brand wants a second operator: submit it instead.
        """
        self.body(NoteBody)
        return self.step(campaigns.start, code, by_api=True)


class SubmitCampaign(_Step):
    """Submitting."""

    @extend_schema(
        operation_id="campaigns_submit",
        request=NoteBody,
        responses={200: CampaignAnswer},
        examples=[_NOTE, _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """Put a draft forward to a second operator, with its rules as they are now."""
        return self.step(campaigns.submit, code, **self.body(NoteBody))


class ApproveCampaign(_Step):
    """Approving."""

    @extend_schema(
        operation_id="campaigns_approve",
        request=NoteBody,
        responses={200: CampaignAnswer},
        examples=[_NOTE, _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """Approve what somebody else submitted: it runs at its time."""
        return self.step(campaigns.approve, code, **self.body(NoteBody))


class RejectCampaign(_Step):
    """Rejecting."""

    @extend_schema(
        operation_id="campaigns_reject",
        request=ReasonBody,
        responses={200: CampaignAnswer},
        examples=[OpenApiExample("Why not", {"reason": "Too expensive"}, request_only=True), _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """Turn down what somebody else submitted; it is a draft again."""
        return self.step(campaigns.reject, code, **self.body(ReasonBody))


class WithdrawCampaign(_Step):
    """Withdrawing."""

    @extend_schema(
        operation_id="campaigns_withdraw",
        request=NoteBody,
        responses={200: CampaignAnswer},
        examples=[_NOTE, _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """Take back what waits for approval; it is a draft again."""
        self.body(NoteBody)
        return self.step(campaigns.withdraw, code)


class PauseCampaign(_Step):
    """Pausing."""

    @extend_schema(
        operation_id="campaigns_pause",
        request=NoteBody,
        responses={200: CampaignAnswer},
        examples=[_NOTE, _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """Let its rules give nothing for purchases from now on."""
        return self.step(campaigns.pause, code, **self.body(NoteBody))


class ResumeCampaign(_Step):
    """Going on."""

    @extend_schema(
        operation_id="campaigns_resume",
        request=NoteBody,
        responses={200: CampaignAnswer},
        examples=[_NOTE, _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """Let a paused campaign go on; one that its budget stopped goes on when the budget is raised."""
        return self.step(campaigns.resume, code, **self.body(NoteBody))


class EndCampaign(_Step):
    """Ending."""

    @extend_schema(
        operation_id="campaigns_end",
        request=NoteBody,
        responses={200: CampaignAnswer},
        examples=[_NOTE, _TOLD],
    )
    def post(self, request: Request, code: str) -> Response:
        """End a campaign for good before its time; what was given stays."""
        return self.step(campaigns.end, code, **self.body(NoteBody))
