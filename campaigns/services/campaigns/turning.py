"""What time brings to campaigns: they start, end, recur, and are closed when no late order can count.

The time of a purchase decides what its rules give, to the second (`campaigns.engine.frame`); a worker that is
late by some seconds is late with the announcement alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction

from campaigns import locks
from campaigns.engine.occurrences import Span, spans
from campaigns.errors import RuleNotPublished, RuleRetired
from campaigns.models import Campaign, CampaignStep
from campaigns.services import rules, rulewriting
from campaigns.services.campaigns.steps import WORKER, step, tell
from loyalty.lib import instants
from loyalty.lib.transactions import retried
from tenants.context import current_brand

# So long after its end a campaign's rules still judge orders that were placed in it and arrive late.
LATE_FOR: Final = timedelta(days=60)
Status = Campaign.Status
Kind = CampaignStep.Kind
log = structlog.get_logger(__name__)


def turn_due(*, now: datetime, limit: int = 200) -> int:
    """Start, end and close up to `limit` campaigns whose time has come; returns how many.

    The longest overdue first. Each in a transaction of its own, under its lock: a second worker
    passes it over, or finds it done.
    """
    due = Campaign.objects.filter(due_at__lte=now).order_by("due_at", "pk").values_list("pk", flat=True)
    return sum(_try(campaign_id, now) for campaign_id in list(due[:limit]))


def turn(*, campaign_id: UUID, now: datetime) -> bool:
    """Do what is due on one campaign; False if nothing is, or another worker is at it."""
    with transaction.atomic():
        campaign = locks.due_campaign(campaign_id)
        if campaign is None or campaign.due_at is None or campaign.due_at > now:
            return False
        advance(campaign, now)
        return True


def advance(campaign: Campaign, now: datetime) -> None:
    """Take a locked campaign through everything that is due on it by `now`, in order, and save it."""
    while campaign.due_at is not None and campaign.due_at <= now:
        if campaign.status == Status.ENDED:
            _close(campaign, now)
        elif campaign.status == Status.SCHEDULED:
            _start(campaign, campaign.due_at, now)
        else:
            _end(campaign, campaign.due_at, now)
    campaign.updated_at = now
    campaign.save()


def place(campaign: Campaign, at: datetime) -> None:
    """Say by the calendar whether a campaign runs at `at` or waits, and when it is due next; for one that was
    over by then, at once."""
    following = next((span for span in spans_of(campaign) if span.end > at), None)
    if following is None:
        campaign.status, campaign.due_at = Status.RUNNING, at
    elif following.start <= at:
        campaign.status, campaign.due_at = Status.RUNNING, following.end
    else:
        campaign.status, campaign.due_at = Status.SCHEDULED, following.start


def spans_of(campaign: Campaign) -> list[Span]:
    """When a campaign is planned to run."""
    return spans(campaign.starts_at, campaign.ends_at, campaign.rrule, current_brand().tz)


def next_start(campaign: Campaign, at: datetime) -> datetime:
    """When the stretch begins, or began, in which a campaign runs at `at` or runs next."""
    return next(span.start for span in spans_of(campaign) if span.end > at)


def last_end(campaign: Campaign) -> datetime:
    """When a campaign is planned to be over for good."""
    return spans_of(campaign)[-1].end


def finish(campaign: Campaign, *, at: datetime, now: datetime, actor: str, note: str = "") -> None:
    """End a locked campaign for good at `at`. The caller saves it."""
    campaign.pauses.filter(ends_at__isnull=True).update(ends_at=at)
    campaign.status, campaign.ended_at, campaign.due_at = Status.ENDED, at, at + LATE_FOR
    step(campaign, Kind.ENDED, actor=actor, at=at, now=now, note=note)
    tell("campaign.ended", campaign, actor=actor, at=at, again_at=None, note=note)


def _try(campaign_id: UUID, now: datetime) -> bool:
    """One that fails stays due, and keeps none of the others from their turn."""
    try:
        return retried(partial(turn, campaign_id=campaign_id, now=now))
    except Exception:  # whatever it is, the row stays due
        log.exception("campaign_failed", campaign_id=str(campaign_id))
        return False


def _start(campaign: Campaign, at: datetime, now: datetime) -> None:
    """A campaign that was scheduled after its start begins when it was scheduled."""
    until = next(span.end for span in spans_of(campaign) if span.end > at)
    campaign.status, campaign.due_at = Status.RUNNING, until
    step(campaign, Kind.STARTED, actor=WORKER, at=at, now=now)
    tell("campaign.started", campaign, actor=WORKER, at=at, until=instants.text(until))


def _end(campaign: Campaign, at: datetime, now: datetime) -> None:
    following = next((span for span in spans_of(campaign) if span.start >= at), None)
    if following is None:
        finish(campaign, at=at, now=now, actor=WORKER)
        return
    campaign.status, campaign.due_at = Status.SCHEDULED, following.start
    step(campaign, Kind.ENDED, actor=WORKER, at=at, now=now)
    tell("campaign.ended", campaign, actor=WORKER, at=at, again_at=instants.text(following.start))


def _close(campaign: Campaign, now: datetime) -> None:
    """Retire its rules, so that the set of rules in force does not grow with every campaign that ever was."""
    for code in campaign.bound.order_by("rule__code").values_list("rule__code", flat=True):
        try:
            rules.discontinue(code=code, actor=WORKER, now=now)
        except (RuleRetired, RuleNotPublished):
            continue
    step(campaign, Kind.CLOSED, actor=WORKER, at=campaign.due_at or now, now=now)
    campaign.due_at = None
    rulewriting.changed(now)
