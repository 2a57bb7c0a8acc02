"""A larger budget for a campaign that is under way, where the brand asks for a second operator.

It is put forward beside the campaign, which goes on meanwhile as it was approved; lowering a budget needs
nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from campaigns.models import Campaign, CampaignStep
from campaigns.services import rulewriting
from campaigns.services.campaigns import budgets
from campaigns.services.campaigns.steps import refused, step, tell
from loyalty.lib import money

BUDGETS: Final = ("budget_points", "budget_amount")
# What of the row a budget that is turned down leaves as it was.
_KEPT: Final = ("submitted", "submitted_by", "approved_by")
Kind = CampaignStep.Kind


def larger(campaign: Campaign, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The budgets among `changes` that would let it give more: those that are raised or removed."""
    before = {name: getattr(campaign, name) for name in BUDGETS if name in changes}
    return {
        name: changes[name]
        for name, budget in before.items()
        if budget is not None and (changes[name] is None or changes[name] > budget)
    }


def waits(campaign: Campaign) -> bool:
    """Whether a larger budget of a campaign that is under way waits for a second operator."""
    asked = campaign.status in Campaign.LIVE and campaign.submitted_by and not campaign.approved_by
    return bool(asked)


def put_forward(campaign: Campaign, asked: Mapping[str, Any], *, actor: str, now: datetime) -> None:
    """Let larger budgets wait. Repeating the same changes nothing. Raises CampaignState if others wait."""
    written = {name: _written(value) for name, value in asked.items()}
    if waits(campaign):
        if (campaign.submitted_by, _submitted(campaign)["budgets"]) == (actor, written):
            return
        raise refused(campaign)
    before = {name: getattr(campaign, name) for name in _KEPT}
    campaign.submitted = {"budgets": written, "before": before}
    campaign.submitted_by, campaign.approved_by, campaign.updated_at = actor, "", now
    campaign.save()
    note = ", ".join(both_sides(name, getattr(campaign, name), value) for name, value in asked.items())
    step(campaign, Kind.SUBMITTED, actor=actor, at=now, now=now, note=note)
    tell("campaign.submitted", campaign, actor=actor, at=now, note=note)


def both_sides(name: str, before: Decimal | int | None, after: Decimal | int | None) -> str:
    """A budget as the history says it: before and after."""
    return f"{name}: {_written(before) or '–'} → {_written(after) or '–'}"


def apply(campaign: Campaign, *, actor: str, now: datetime) -> None:
    """Give a campaign the budgets that waited; `actor` approved them."""
    found = _submitted(campaign)
    for name, value in found["budgets"].items():
        exact = Decimal(value) if name == "budget_amount" and value is not None else value
        setattr(campaign, name, exact)
    campaign.submitted = found["before"]["submitted"]
    campaign.approved_by, campaign.updated_at = actor, now
    tell("campaign.changed", campaign, actor=actor, at=now, note=", ".join(sorted(found["budgets"])))
    budgets.hold_against(campaign, actor=actor, now=now)
    rulewriting.changed(now)


def take_back(campaign: Campaign, *, now: datetime) -> None:
    """Let the budgets that waited be as if nobody had asked."""
    for name, value in _submitted(campaign)["before"].items():
        setattr(campaign, name, value)
    campaign.updated_at = now
    campaign.save()


def _submitted(campaign: Campaign) -> dict[str, Any]:
    return dict(campaign.submitted or {})


def _written(value: Decimal | int | None) -> str | int | None:
    return money.plain(value) if isinstance(value, Decimal) else value
