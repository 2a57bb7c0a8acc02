"""Whether the current brand has work of a kind that is due: what a tick looks at before it sends a task.

Each question is that of the service which does the work, over the same index.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from campaigns.models import (
    AudienceGrant,
    Campaign,
    Message,
    Moment,
    RuleSubmission,
    TierSubmission,
    Wakeup,
    WakeupRun,
)
from campaigns.services import claims, seennames
from campaigns.services import days as dayservices
from campaigns.services import orders as orderservices
from campaigns.services import segments as segmentservices
from campaigns.services import wakeups as wakeupservices
from mall import services as mall


def rules(now: datetime) -> bool:
    """Rules or tiers whose time to be in force has come."""
    due = Q(status=RuleSubmission.Status.SCHEDULED, publish_at__lte=now)
    return RuleSubmission.objects.filter(due).exists() or TierSubmission.objects.filter(due).exists()


def moments(now: datetime) -> bool:
    """Enrolments, birthdays and the like to be judged, or granted tags to be taken off."""
    return Moment.objects.filter(due_at__lte=now).exists() or bool(mall.due_tags(now=now, limit=1))


def wakeups(now: datetime) -> bool:
    """Wake-ups to be begun, or runs that go on."""
    begun = WakeupRun.objects.filter(due_at__lte=now)
    return Wakeup.objects.filter(next_run_at__lte=now).exists() or begun.exists()


def audience_grants(now: datetime) -> bool:
    """Grants to audiences that go on."""
    return AudienceGrant.objects.filter(due_at__lte=now).exists()


def campaigns(now: datetime) -> bool:
    """Campaigns to be started, ended or closed."""
    return Campaign.objects.filter(due_at__lte=now).exists()


def orders(now: datetime) -> bool:
    """Orders to be completed, returns and claims whose order came or that waited long enough."""
    return orderservices.is_any_due(now) or claims.is_any_due(now)


def messages(now: datetime) -> bool:
    """Messages to be sent, or whose sender did not come back."""
    queued = Q(status=Message.Status.QUEUED, due_at__lte=now)
    lost = Q(status=Message.Status.SENDING, lease_until__lte=now)
    return Message.objects.filter(queued).exists() or Message.objects.filter(lost).exists()


def names(now: datetime) -> bool:
    """Orders whose names were not looked through yet."""
    return seennames.is_behind(now)


def days(_now: datetime) -> bool:
    """Birthdays or anniversaries that a published rule waits for."""
    return dayservices.is_any_awaited()


def segments(now: datetime) -> bool:
    """Segments to be read anew, to be kept from now on or no more."""
    return segmentservices.is_any_due(now)


def returns(now: datetime) -> bool:
    """Members who may have come back, or whose order came back, by what was recorded lately."""
    return wakeupservices.may_find_any(now=now)


def all_returns(now: datetime) -> bool:
    """The same by all that is open."""
    return wakeupservices.may_find_any(now=now, everything=True)
