"""``/campaigns``: rules that run together for a time, within a budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.campaignjson import campaign_json, campaigns_json
from campaigns.errors import CampaignNotFound
from campaigns.models import Campaign
from campaigns.services import campaigns
from campaigns.services.campaigns import exchange
from campaigns.services.campaigns.content import Content
from loyalty.lib import clock, fields, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.errors import Invalid

EXAMPLE: dict[str, Any] = {
    "code": "double-12",
    "name": {"zh-hans": "双 12 双倍积分", "en": "Double points on 12/12"},
    "kind": "double_points",
    "starts_at": "2026-12-12T00:00:00+08:00",
    "ends_at": "2026-12-13T00:00:00+08:00",
    "multiplier": "2",
    "budget_points": 1_000_000,
    "announcement": {"zh-hans": "今天双倍积分", "en": "Double points today"},
}
EXCHANGE: dict[str, Any] = {
    "code": "exchange-12",
    "name": {"zh-hans": "双 12 兑换日", "en": "Exchange day on 12/12"},
    "kind": "exchange_day",
    "starts_at": "2026-12-12T00:00:00+08:00",
    "ends_at": "2026-12-13T00:00:00+08:00",
    "discount": {"percent": 20, "categories": ["home"]},
    "budget_points": 100_000,
}
ANSWER: dict[str, Any] = {
    "code": "double-12",
    "name": EXAMPLE["name"],
    "kind": "double_points",
    "status": "draft",
    "starts_at": "2026-12-11T16:00:00Z",
    "ends_at": "2026-12-12T16:00:00Z",
    "ended_at": None,
    "rrule": None,
    "rules": ["double-12-x"],
    "announcement": EXAMPLE["announcement"],
    "cost_centre": "",
    "control_percent": 0,
    "budget_points": 1_000_000,
    "budget_amount": None,
    "discount": None,
    "redemption_cost": "0.00",
    "given": {"points": 0, "amount": "0.00", "share": "0.0000"},
    "submitted_by": None,
    "approved_by": None,
    "actions": ["start", "submit"],
    "created_at": "2026-11-22T02:00:00Z",
    "updated_at": "2026-11-22T02:00:00Z",
}
SHOWN: dict[str, Any] = {
    **ANSWER,
    "spans": [{"starts_at": "2026-12-11T16:00:00Z", "ends_at": "2026-12-12T16:00:00Z"}],
    "pauses": [],
    "history": [
        {"step": "created", "at": "2026-11-22T02:00:00Z", "actor": "operator:anna@acme.example", "note": ""}
    ],
}


class Texts(StrictSerializer):
    """A text in the languages that members read."""

    def get_fields(self) -> dict[str, Any]:
        """`zh-hans` is no name that Python allows."""
        return {
            "zh-hans": fields.Text(required=False, allow_blank=True, max_length=500),
            "en": fields.Text(required=False, allow_blank=True, max_length=500),
        }


class Discount(StrictSerializer):
    """What rewards cost less on an exchange day: `percent` or `points`, of those named, or of all."""

    percent = fields.Whole(required=False, allow_null=True, min_value=1, max_value=exchange.MOST_PERCENT)
    points = fields.Points(required=False, allow_null=True)
    rewards = serializers.ListField(child=fields.Id(), required=False, max_length=exchange.MOST)
    categories = serializers.ListField(
        child=fields.Text(max_length=100), required=False, max_length=exchange.MOST
    )


class CampaignFields(StrictSerializer):
    """What of a campaign can be changed."""

    name = Texts(required=False)
    kind = fields.Choice(choices=Campaign.Kind.choices, required=False)
    starts_at = fields.Instant(required=False)
    ends_at = fields.Instant(required=False)
    rrule = fields.Text(required=False, allow_null=True, allow_blank=True, max_length=200)
    rules = serializers.ListField(child=fields.Text(max_length=64), required=False, max_length=20)
    announcement = Texts(required=False)
    cost_centre = fields.Text(required=False, allow_blank=True, max_length=64)
    control_percent = fields.Whole(required=False, min_value=0, max_value=50)
    budget_points = fields.Points(required=False, allow_null=True)
    budget_amount = fields.Amount(required=False, allow_null=True, above=0)
    discount = Discount(required=False, allow_null=True)


class CampaignBody(CampaignFields):
    """A new campaign: with rules by code, copies of templates, or a multiplier of base points."""

    code = fields.Text(max_length=60)
    name = Texts()
    starts_at = fields.Instant()
    ends_at = fields.Instant()
    templates = serializers.ListField(child=fields.Text(max_length=64), required=False, max_length=10)
    multiplier = fields.Text(required=False, max_length=20)


class Given(serializers.Serializer[Any]):
    """What a campaign's rules gave so far, counted some seconds later; `share` is that of its budget."""

    points = serializers.IntegerField()
    amount = serializers.CharField()
    share = serializers.CharField()


class Stretch(serializers.Serializer[Any]):
    """From an instant until before another one."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class HistoryStep(serializers.Serializer[Any]):
    """A step in the life of a campaign."""

    step = serializers.CharField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    note = serializers.CharField(allow_blank=True)


class CampaignAnswer(serializers.Serializer[Any]):
    """A campaign; `actions` are the steps that are possible next."""

    code = serializers.CharField()
    name = serializers.DictField()
    kind = serializers.ChoiceField(choices=Campaign.Kind.choices)
    status = serializers.ChoiceField(choices=Campaign.Status.choices)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    rrule = serializers.CharField(allow_null=True)
    rules = serializers.ListField(child=serializers.CharField())
    announcement = serializers.DictField()
    cost_centre = serializers.CharField(allow_blank=True)
    control_percent = serializers.IntegerField()
    budget_points = serializers.IntegerField(allow_null=True)
    budget_amount = serializers.CharField(allow_null=True)
    discount = serializers.DictField(allow_null=True)
    redemption_cost = serializers.CharField(
        help_text="Of what was redeemed at the prices of an exchange day."
    )
    given = Given()
    submitted_by = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(allow_null=True)
    actions = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    spans = Stretch(many=True, required=False)
    pauses = Stretch(many=True, required=False)
    history = HistoryStep(many=True, required=False)


class CampaignList(serializers.Serializer[Any]):
    """A page of campaigns."""

    items = CampaignAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ListQuery(StrictSerializer):
    """Filters of the list."""

    status = fields.Choice(choices=Campaign.Status.choices, required=False)
    cursor = serializers.CharField(required=False)
    limit = serializers.CharField(required=False)


class NoteBody(StrictSerializer):
    """Why."""

    note = fields.Text(required=False, allow_blank=True, max_length=500)


class ReasonBody(StrictSerializer):
    """Why not."""

    reason = fields.Text(max_length=500)


class Campaigns(ApiView):
    """All campaigns of the brand."""

    required_scopes: ClassVar = {"GET": "rules:write", "POST": "rules:write"}

    @extend_schema(
        operation_id="campaigns_list",
        parameters=[OpenApiParameter("status", enum=list(Campaign.Status.values))],
        responses={200: CampaignList},
        examples=[OpenApiExample("A page", {"items": [ANSWER], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List campaigns, the newest first."""
        filters = self.query(ListQuery)
        found = Campaign.objects.all()
        if "status" in filters:
            found = found.filter(status=filters["status"])
        page = pagination.page(found, request, lambda campaign: campaign, order=("-id",))
        page["items"] = campaigns_json(page["items"])
        return Response(page)

    @extend_schema(
        operation_id="campaigns_create",
        request=CampaignBody,
        responses={201: CampaignAnswer},
        examples=[
            OpenApiExample("A double-points day", EXAMPLE, request_only=True),
            OpenApiExample("An exchange day", EXCHANGE, request_only=True),
            OpenApiExample("The draft", SHOWN, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Save a new campaign as a draft."""
        body = _clean(self.body(CampaignBody))
        templates, multiplier = body.pop("templates", ()), body.pop("multiplier", None)
        content = Content(**{"kind": Campaign.Kind.OTHER, **body})

        def work() -> Response:
            made = campaigns.create(
                content=content,
                templates=templates,
                multiplier=multiplier,
                actor=self.caller(),
                now=clock.now(),
            )
            return Response(campaign_json(made), status=201)

        answer: Response = self.once(work)
        return answer


class OneCampaign(ApiView):
    """One campaign."""

    required_scopes: ClassVar = {"GET": "rules:write", "PATCH": "rules:write"}

    @extend_schema(
        operation_id="campaigns_retrieve",
        responses={200: CampaignAnswer},
        examples=[OpenApiExample("A campaign", SHOWN, response_only=True)],
    )
    def get(self, request: Request, code: str) -> Response:
        """A campaign with when it runs and its history."""
        found = Campaign.objects.filter(code=code).first()
        if found is None:
            raise CampaignNotFound
        return Response(campaign_json(found))

    @extend_schema(
        operation_id="campaigns_update",
        request=CampaignFields,
        responses={200: CampaignAnswer},
        examples=[
            OpenApiExample("A higher budget", {"budget_points": 2_000_000}, request_only=True),
            OpenApiExample("The campaign", SHOWN, response_only=True),
        ],
    )
    def patch(self, request: Request, code: str) -> Response:
        """Change the fields given. Of a campaign under way only its texts and budgets can be changed.

        Where the brand wants a second operator, a budget that is raised or removed waits for `approve`.
        """
        if isinstance(request.data, dict) and request.data.get("code", code) != code:
            raise Invalid.at("/code", "read_only", _("The code of a campaign never changes."))
        changes = _clean(self.body(CampaignFields))
        changed = campaigns.change(
            code=code, changes=changes, actor=self.caller(), now=clock.now(), by_api=True
        )
        return Response(campaign_json(changed))


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


def _clean(data: Any) -> dict[str, Any]:
    """The body's fields as the service takes them."""
    found = {name: value for name, value in data.items() if name != "code" or value}
    if found.get("rrule", "") is None:
        found["rrule"] = ""
    for name in ("name", "announcement"):
        if name in found:
            found[name] = {language: text for language, text in found[name].items() if text}
    if "rules" in found:
        found["rules"] = tuple(found["rules"])
    if "discount" in found:
        found["discount"] = exchange.stored(found["discount"])
    return found
