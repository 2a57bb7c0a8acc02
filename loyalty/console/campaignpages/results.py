"""The results of a campaign, for those who decide whether to do it again."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from campaigns import results as found_results
from campaigns import selectors
from campaigns.models import Campaign
from loyalty.console.campaignpages.page import budget_of
from loyalty.console.menus import may_see
from loyalty.lib import clock, words
from loyalty.lib.display import instant
from members.wording import channel_words
from tenants.context import current_brand


def results(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """What it gave, and what members bought who could get it beside those of the control group."""
    if not may_see("campaigns.campaign")(request):
        raise PermissionDenied
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign is None:
        raise Http404
    now = clock.now()
    found = found_results.of(campaign, now=now)
    names = selectors.tier_names()
    context = {
        **admin.site.each_context(request),
        "title": _("Results of %(campaign)s") % {"campaign": campaign},
        "campaign": campaign,
        "found": _numbers(found),
        "as_of": instant(now),
        "bar": budget_of(campaign),
        "currency": current_brand().currency,
        "begun": campaign.starts_at <= now,
        "fewest": found_results.FEWEST,
        "tables": [
            (_("By tier"), _rows(found, "tier", lambda name: words.pick(names.get(name)) or name)),
            (_("By channel"), _rows(found, "channel", lambda name: channel_words(name) if name else name)),
        ],
    }
    return TemplateResponse(request, "console/campaigns/results.html", context)


def _numbers(found: dict[str, Any]) -> dict[str, Any]:
    """Amounts and shares as numbers, which templates write by the language."""
    told = dict(found)
    for name in ("reached", "control"):
        group = found[name]
        if group is not None:
            told[name] = {
                **group,
                "amount": Decimal(group["amount"]),
                "amount_per_member": Decimal(group["amount_per_member"]),
                "percent": Decimal(group["buyers_share"]) * 100,
            }
    if found["incremental"] is not None:
        worth = found["incremental"]
        told["incremental"] = worth | {
            name: Decimal(worth[name]) for name in ("amount", "low", "high", "orders")
        }
    told["points"] = {**found["points"], "cost": Decimal(found["points"]["cost"])}
    return told


def _rows(found: dict[str, Any], kind: str, named: Any) -> list[dict[str, Any]]:
    rows = [
        {
            "name": str(named(row[kind])) if row[kind] else _("none"),
            "points": row["points"],
            "reached": row["reached"] | {"amount": Decimal(row["reached"]["amount"])},
            "control": row["control"] | {"amount": Decimal(row["control"]["amount"])},
        }
        for row in found[f"by_{kind}"]
    ]
    return sorted(rows, key=lambda row: -row["reached"]["amount"])
