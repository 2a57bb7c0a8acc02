"""What one member can do now to earn: each thing once, with the rules that pay for it and how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from campaigns import ways
from campaigns.engine.types import ACTIVITY_PREFIX
from campaigns.models import WakeupRecipient
from campaigns.services import activitytypes, checkins, profiles, wakeups
from campaigns.ways import Way
from loyalty.lib import words
from members.models import Member

Kind = Literal["come_back", "check_in", "profile", "referral", "activity"]
CHECK_IN: Final = ACTIVITY_PREFIX + checkins.TYPE
PROFILE: Final = ACTIVITY_PREFIX + profiles.TYPE
ORDER: Final[tuple[Kind, ...]] = ("come_back", "check_in", "profile", "referral", "activity")


@dataclass(frozen=True, slots=True)
class Task:
    """A thing to do. `points`: what an order of `min_spend` or more brings, where that was promised;
    everything else says its `ways`. `missing`: what a profile lacks."""

    code: str
    kind: Kind
    name: str
    done: bool = False
    ways: Sequence[Way] = ()
    actions: tuple[str, ...] = ()
    missing: Sequence[str] = ()
    points: int | None = None
    min_spend: Decimal | None = None
    until: datetime | None = None


def tasks_of(member: Member, now: datetime) -> list[Task]:
    """The member's tasks: what ends first, then what is done daily, then the rest by name."""
    grouped: dict[str, list[Way]] = {}
    for way in ways.open_ways(member, now):
        schedule = way.rule.schedule
        begun = schedule is None or schedule.starts_at is None or schedule.starts_at <= now
        doing = "referral" if way.rule.trigger.startswith(ways.REFERRAL) else way.rule.trigger
        if begun and (doing == "referral" or doing.startswith(ACTIVITY_PREFIX)):
            grouped.setdefault(doing, []).append(way)
    named = {each["code"]: each for each in activitytypes.known_types()} if grouped else {}
    found = [_come_back(each) for each in wakeups.open_offers(member.pk, now)]
    things = [_task(doing, paid, member, now, named) for doing, paid in grouped.items()]
    found += [task for task in things if task is not None]
    return sorted(found, key=lambda each: (ORDER.index(each.kind), each.until or now, each.name, each.code))


def _come_back(offer: WakeupRecipient) -> Task:
    wakeup = offer.wakeup
    return Task(
        f"come-back:{offer.pk}",
        "come_back",
        words.pick(wakeup.name),
        points=wakeup.task_points,
        min_spend=wakeup.task_min_spend,
        until=offer.task_until,
    )


def _task(
    doing: str, paid: Sequence[Way], member: Member, now: datetime, named: Mapping[str, Mapping[str, Any]]
) -> Task | None:
    if doing == "referral":
        return Task(doing, "referral", _("Bring a friend"), ways=paid, actions=("share",))
    kind = named.get(doing.removeprefix(ACTIVITY_PREFIX))
    if kind is None or not kind["enabled"]:
        return None
    name = words.pick(kind["name"])
    if doing == CHECK_IN:
        done = checkins.streak_of(member_id=member.pk, now=now).checked_in_today
        return Task(doing, "check_in", name, done, paid, () if done else ("check_in",))
    if doing == PROFILE:
        missing = profiles.missing(member)
        actions = ("update_profile",) if missing else ()
        return Task(doing, "profile", name, not missing, paid, actions, missing)
    return Task(doing, "activity", name, ways=paid)
