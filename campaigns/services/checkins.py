"""Check-ins of members: once on each of the brand's days, with a streak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from campaigns.errors import ActivityTypeOff
from campaigns.services import activities, activitytypes
from campaigns.services.activities import ActivityContent, Recorded
from campaigns.services.orders.content import MemberRef
from members.models import CHECK_IN, Activity
from points import services as points
from tenants.context import current_brand

TYPE: Final = CHECK_IN


@dataclass(frozen=True, slots=True)
class Streak:
    """Where a member stands: days in a row up to today (or yesterday), and the days of this month."""

    today: date
    checked_in_today: bool
    streak: int
    days: tuple[date, ...]


def check_in(*, member_id: UUID, now: datetime) -> Recorded:
    """Check the member in for today, in the brand's time zone; again on the same day it changes nothing.

    Raises MemberNotActive, ActivityTypeOff.
    """
    if activitytypes.is_off(TYPE):
        raise ActivityTypeOff
    with transaction.atomic():
        # Of two at a time the second finds the first.
        points.lock_account(member_id=member_id, now=now)
        today = Activity.objects.filter(member_id=member_id, type=TYPE, occurred_on=_today(now))
        first = today.order_by("recorded_at").first()
        content = ActivityContent(
            # Whoever was checked in by a partner today has been here.
            activity_id=first.activity_id if first else f"{TYPE}:{member_id}:{_today(now)}",
            member=MemberRef(member_id),
            type=TYPE,
            occurred_at=first.occurred_at if first else now,
            attributes=first.attributes if first else {},
        )
        return activities.record_activity(content=content, now=now)


def streak_of(*, member_id: UUID, now: datetime) -> Streak:
    """How long the member's row of check-ins is, and on which days of the month they were here."""
    today = _today(now)
    done = Activity.objects.exclude(status=Activity.Status.REJECTED)
    found = done.filter(member_id=member_id, type=TYPE, occurred_on__lte=today)
    days = set(
        found.filter(occurred_on__gte=today - timedelta(days=activities.LONGEST_STREAK)).values_list(
            "occurred_on", flat=True
        )
    )
    last = today if today in days else today - timedelta(days=1)
    streak = 0
    while last - timedelta(days=streak) in days:
        streak += 1
    month = tuple(sorted(day for day in days if (day.year, day.month) == (today.year, today.month)))
    return Streak(today, today in days, streak, month)


def _today(now: datetime) -> date:
    return now.astimezone(current_brand().tz).date()
