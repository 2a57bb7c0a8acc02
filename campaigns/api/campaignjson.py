"""A campaign as the API tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaigns.models import Campaign, CampaignRule
from campaigns.services.campaigns import raising
from campaigns.services.campaigns.budgets import share
from campaigns.services.campaigns.turning import spans_of
from loyalty.lib import instants, money

STEPS_SHOWN = 100
SPANS_SHOWN = 100
DECISIONS = ["approve", "reject", "withdraw"]
ACTIONS = {
    "draft": ["start", "submit"],
    "pending_approval": DECISIONS,
    "scheduled": ["pause", "end"],
    "running": ["pause", "end"],
    "paused": ["resume", "end"],
    "stopped": ["end"],
    "ended": [],
}


def campaigns_json(found: Sequence[Campaign]) -> list[dict[str, Any]]:
    """Campaigns for a list; one more query for all of them."""
    rules: dict[Any, list[str]] = {}
    bound = CampaignRule.objects.filter(campaign__in=[each.pk for each in found]).order_by("rule__code")
    for campaign_id, code in bound.values_list("campaign_id", "rule__code"):
        rules.setdefault(campaign_id, []).append(code)
    return [_rendered(each, rules.get(each.pk, [])) for each in found]


def campaign_json(campaign: Campaign) -> dict[str, Any]:
    """A campaign with when it runs, its pauses and every step of its life."""
    steps = campaign.steps.order_by("recorded_at", "id")[:STEPS_SHOWN]
    pauses = campaign.pauses.order_by("starts_at")
    return {
        **campaigns_json([campaign])[0],
        "spans": [
            {"starts_at": instants.text(span.start), "ends_at": instants.text(span.end)}
            for span in spans_of(campaign)[:SPANS_SHOWN]
        ],
        "pauses": [
            {"starts_at": instants.text(each.starts_at), "ends_at": instants.text(each.ends_at)}
            for each in pauses
        ],
        "history": [
            {"step": each.kind, "at": instants.text(each.at), "actor": each.actor, "note": each.note}
            for each in steps
        ],
    }


def _rendered(campaign: Campaign, rules: list[str]) -> dict[str, Any]:
    amount = campaign.budget_amount
    return {
        "code": campaign.code,
        "name": campaign.name,
        "kind": campaign.kind,
        "status": campaign.status,
        "starts_at": instants.text(campaign.starts_at),
        "ends_at": instants.text(campaign.ends_at),
        "ended_at": instants.text(campaign.ended_at),
        "rrule": campaign.rrule or None,
        "rules": rules,
        "announcement": campaign.announcement,
        "cost_centre": campaign.cost_centre,
        "control_percent": campaign.control_percent,
        "budget_points": campaign.budget_points,
        "budget_amount": None if amount is None else money.plain(amount),
        "discount": campaign.discount,
        "redemption_cost": money.plain(campaign.redeemed_amount),
        "given": {
            "points": campaign.given_points,
            "amount": money.plain(campaign.given_amount),
            "share": f"{int(share(campaign) * 10_000) / 10_000:.4f}",
        },
        "submitted_by": campaign.submitted_by or None,
        "approved_by": campaign.approved_by or None,
        "actions": [*ACTIONS[campaign.status], *(DECISIONS if raising.waits(campaign) else ())],
        "created_at": instants.text(campaign.created_at),
        "updated_at": instants.text(campaign.updated_at),
    }
