"""What every step in the life of a campaign shares: the locked row, its rules, its history, its event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from campaigns import locks
from campaigns.errors import CampaignNotFound, CampaignState
from campaigns.models import Campaign, CampaignRule, CampaignStep, Rule
from loyalty.lib import instants, money
from loyalty.outbox import services as outbox

WORKER: Final = "worker"
LONGEST_NOTE: Final = 500


def locked(code: str) -> Campaign:
    """The campaign, locked. Raises CampaignNotFound."""
    found = locks.campaign(code)
    if found is None:
        raise CampaignNotFound
    return found


def refused(campaign: Campaign) -> CampaignState:
    """The refusal of a step that the campaign's state does not allow."""
    return CampaignState(campaign=campaign.code, campaign_status=campaign.status)


def bind(campaign: Campaign, codes: Sequence[str]) -> None:
    """Let exactly these rules belong to the campaign. Raises CampaignState if another campaign
    took one at this moment."""
    campaign.bound.exclude(rule__code__in=codes).delete()
    known = set(campaign.bound.values_list("rule__code", flat=True))
    wanted = Rule.objects.filter(code__in=[code for code in codes if code not in known])
    try:
        with transaction.atomic():
            CampaignRule.objects.bulk_create([CampaignRule(campaign=campaign, rule=rule) for rule in wanted])
    except IntegrityError as error:
        raise CampaignState(campaign=campaign.code) from error


def step(campaign: Campaign, kind: str, *, actor: str, at: datetime, now: datetime, note: str = "") -> None:
    """Write down what happened to a campaign at `at`, in the transaction that does it."""
    CampaignStep.objects.create(
        campaign=campaign, kind=kind, at=at, recorded_at=now, actor=actor, note=note[:LONGEST_NOTE]
    )


def tell(event: str, campaign: Campaign, *, actor: str, at: datetime, **more: Any) -> None:
    """Publish an event about a campaign."""
    payload = {
        "campaign": campaign.code,
        "at": instants.text(at),
        "name": campaign.name,
        "kind": campaign.kind,
        "status": campaign.status,
        "starts_at": instants.text(campaign.starts_at),
        "ends_at": instants.text(campaign.ends_at),
        "announcement": campaign.announcement,
        "rules": list(campaign.bound.order_by("rule__code").values_list("rule__code", flat=True)),
        "given_points": campaign.given_points,
        "given_amount": money.plain(campaign.given_amount),
        "budget_points": campaign.budget_points,
        "budget_amount": None if campaign.budget_amount is None else money.plain(campaign.budget_amount),
        "actor": actor,
        **more,
    }
    outbox.publish(type=event, payload=payload, occurred_at=at)
