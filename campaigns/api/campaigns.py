"""``/campaigns``: rules that run together for a time, within a budget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.campaignjson import campaign_json, campaigns_json
from campaigns.api.campaignshapes import (
    ANSWER,
    EXAMPLE,
    EXCHANGE,
    SHOWN,
    CampaignAnswer,
    CampaignBody,
    CampaignFields,
    CampaignList,
    ListQuery,
)
from campaigns.errors import CampaignNotFound
from campaigns.models import Campaign
from campaigns.services import campaigns
from campaigns.services.campaigns import exchange
from campaigns.services.campaigns.content import Content
from loyalty.lib import clock, pagination
from loyalty.lib.api import ApiView
from loyalty.lib.errors import FieldError, Invalid


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
        body = _clean(self.body_and(CampaignBody, _faults))
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
        own = Campaign.objects.filter(code=code).first()
        changes = _clean(self.body_and(CampaignFields, partial(_faults, own=own)))
        changed = campaigns.change(
            code=code, changes=changes, actor=self.caller(), now=clock.now(), by_api=True
        )
        return Response(campaign_json(changed))


def _faults(data: Mapping[str, Any], own: Campaign | None = None) -> list[FieldError]:
    said = _clean(data)
    templates, multiplier = said.pop("templates", ()), said.pop("multiplier", None)
    return campaigns.faults(said, own=own, templates=templates, multiplier=multiplier, now=clock.now())


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
