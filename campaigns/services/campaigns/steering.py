"""What an operator does with a campaign that is under way: pause it, let it go on, end it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from campaigns.errors import CampaignBudgetUsedUp
from campaigns.models import Campaign, CampaignPause, CampaignStep
from campaigns.services import rulewriting
from campaigns.services.campaigns import exchange, turning
from campaigns.services.campaigns.steps import locked, refused, step, tell

Status = Campaign.Status
Kind = CampaignStep.Kind


def pause(*, code: str, actor: str, now: datetime, note: str = "") -> Campaign:
    """Let its rules give nothing for purchases from now on; those before still count when they arrive late.

    Raises CampaignNotFound, CampaignState.
    """
    with transaction.atomic():
        campaign = _caught_up(code, now)
        if campaign.status not in (Status.SCHEDULED, Status.RUNNING):
            raise refused(campaign)
        CampaignPause.objects.create(campaign=campaign, starts_at=now)
        campaign.status, campaign.due_at = Status.PAUSED, turning.last_end(campaign)
        return _done(campaign, Kind.PAUSED, "campaign.paused", actor, now, note)


def resume(*, code: str, actor: str, now: datetime, note: str = "") -> Campaign:
    """Let a paused campaign go on. What was bought in the pause still earns nothing.

    Raises CampaignNotFound, CampaignState, CampaignBudgetUsedUp.
    """
    with transaction.atomic():
        campaign = _caught_up(code, now)
        if campaign.status == Status.STOPPED or (
            campaign.status == Status.PAUSED and campaign.reached_at is not None
        ):
            raise CampaignBudgetUsedUp(campaign=code)
        if campaign.status != Status.PAUSED:
            raise refused(campaign)
        campaign.pauses.filter(ends_at__isnull=True).update(ends_at=now)
        turning.place(campaign, now)
        return _done(campaign, Kind.RESUMED, "campaign.resumed", actor, now, note)


def end(*, code: str, actor: str, now: datetime, note: str = "") -> Campaign:
    """End a campaign for good before its time. Purchases before now still count when they arrive late.

    Raises CampaignNotFound, CampaignState.
    """
    with transaction.atomic():
        campaign = _caught_up(code, now)
        if campaign.status not in Campaign.LIVE:
            raise refused(campaign)
        turning.finish(campaign, at=now, now=now, actor=actor, note=note)
        campaign.updated_at = now
        campaign.save()
        exchange.follow(campaign, now)
        rulewriting.changed(now)
        return campaign


def _caught_up(code: str, now: datetime) -> Campaign:
    """The campaign, locked, with what was due on it done: no worker needs to have come by."""
    campaign = locked(code)
    if campaign.due_at is not None and campaign.due_at <= now:
        turning.advance(campaign, now)
    return campaign


def _done(campaign: Campaign, kind: str, event: str, actor: str, now: datetime, note: str) -> Campaign:
    campaign.updated_at = now
    campaign.save()
    step(campaign, kind, actor=actor, at=now, now=now, note=note)
    tell(event, campaign, actor=actor, at=now, note=note)
    exchange.follow(campaign, now)
    rulewriting.changed(now)
    return campaign
