"""Completing the profile, as an activity that rules may pay for once."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from campaigns.engine.types import ACTIVITY_PREFIX
from campaigns.services import activities, activitytypes, moments
from campaigns.services.activities import ActivityContent
from campaigns.services.orders.content import MemberRef
from members.models import Activity, Member

TYPE: Final = "profile-complete"


def missing(member: Member) -> list[str]:
    """What the profile lacks of name, birthday, region, and a phone or an address to write to (`contact`)."""
    lacking = [name for name in ("name", "birthday", "region") if not getattr(member, name)]
    if not member.identities.filter(provider__in=("phone", "email")).exists():
        lacking.append("contact")
    return lacking


def record_completion(*, member: Member, now: datetime) -> bool:
    """Record that the profile is complete, once in the member's life; False if it is not, or was before, or
    no rule waits for it, or the brand does not take it any more."""
    number = f"{TYPE}:{member.pk}"
    if not moments.rules_in_force().awaits(ACTIVITY_PREFIX + TYPE) or missing(member):
        return False
    if activitytypes.is_off(TYPE) or Activity.objects.filter(member=member, type=TYPE).exists():
        return False
    content = ActivityContent(number, MemberRef(member.pk), TYPE, now, {})
    return activities.record_activity(content=content, now=now).created
