"""Whether a message may be sent now: consent, age, compliance, quiet hours, caps. Pure.

What concerns the member's own account needs no consent to marketing and keeps no quiet hours; the matrix of
compliance holds for every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Final

from loyalty.lib.compliance import ComplianceMatrix

DAYS: Final = {"day": 1, "week": 7, "month": 30}


@dataclass(frozen=True, slots=True)
class Policy:
    """The brand's rules for sending. `caps` are by channel or `all`, then by period."""

    tz: tzinfo
    matrix: ComplianceMatrix
    quiet: tuple[time, time] | None = None
    caps: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of the member. `said` is their latest word by purpose; `had` the marketing messages of
    the last 30 days, as channel and instant."""

    active: bool
    adult: bool | None
    youngest_child_months: int | None
    said: Mapping[str, bool]
    had: list[tuple[str, datetime]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Send it (no reason), not before `until`, or never."""

    reason: str = ""
    until: datetime | None = None


SEND: Final = Verdict()


def judge(
    *, purpose: str, channel: str, tags: Iterable[str], person: Person, policy: Policy, now: datetime
) -> Verdict:
    """The verdict on one message at `now`."""
    if not person.active:
        return Verdict("member_closed")
    if policy.matrix.blocked(
        tags, "push", adult=person.adult, youngest_child_months=person.youngest_child_months
    ):
        return Verdict("compliance")
    if purpose != "marketing":
        return SEND
    if person.adult is False:
        return Verdict("minor")
    if not person.said.get("marketing"):
        return Verdict("no_consent")
    if person.said.get(f"marketing.{channel}") is False:
        return Verdict("opted_out")
    ends = quiet_until(now, policy.quiet, policy.tz)
    if ends is not None:
        return Verdict("quiet_hours", ends)
    if _capped(channel, person.had, policy, now):
        return Verdict("cap")
    return SEND


def quiet_until(now: datetime, quiet: tuple[time, time] | None, tz: tzinfo) -> datetime | None:
    """When the quiet hours that hold at `now` end, by the brand's clock; None outside of them."""
    if quiet is None or quiet[0] == quiet[1]:
        return None
    begins, ends = quiet
    local = now.astimezone(tz)
    at = local.time()
    inside = begins <= at < ends if begins < ends else at >= begins or at < ends
    if not inside:
        return None
    date = local.date() if at < ends else local.date() + timedelta(days=1)
    return datetime.combine(date, ends, tz).astimezone(now.tzinfo)


def hours(setting: Mapping[str, str] | None) -> tuple[time, time] | None:
    """The quiet hours as a brand's setting names them."""
    if not setting:
        return None
    return time.fromisoformat(setting["from"]), time.fromisoformat(setting["until"])


def since(now: datetime, days: int, tz: tzinfo) -> datetime:
    """The beginning of the brand's day `days - 1` days ago."""
    date = now.astimezone(tz).date() - timedelta(days=days - 1)
    return datetime.combine(date, time(), tz)


def _capped(channel: str, had: list[tuple[str, datetime]], policy: Policy, now: datetime) -> bool:
    for which, periods in policy.caps.items():
        if which not in ("all", channel):
            continue
        for period, most in periods.items():
            start = since(now, DAYS[period], policy.tz)
            count = sum(1 for by, at in had if at >= start and which in ("all", by))
            if count >= most:
                return True
    return False


def facts_of(age: Mapping[str, Any]) -> tuple[bool | None, int | None]:
    """Adulthood and the youngest child's months, as `members.selectors.age_facts` tells them."""
    return age["adult"], age["youngest_child_months"]
