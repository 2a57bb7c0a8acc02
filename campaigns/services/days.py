"""Days that come again each year: birthdays, and anniversaries of enrolment, noted as moments on the day."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from django.db import connection

from campaigns.services import moments
from members.models import Member
from tenants.context import current_brand

BIRTHDAY: Final = "member.birthday"
ANNIVERSARY: Final = "member.anniversary"
# A day that nobody looked at, because everything was down, is made up for within this time.
LOOK_BACK_DAYS: Final = 3
MOST_YEARS: Final = 60
_NOTE: Final = """
INSERT INTO campaigns_moment (id, trigger, reference, member_id, status, occurred_at, due_at, attempts,
  refused_for, evaluation)
SELECT points_uuid7(), %(trigger)s, member.id || ':' || %(year)s, member.id, 'waiting', %(at)s, %(now)s, 0,
  '', '{{}}'
FROM members_member member
WHERE member.status = 'active' AND {whose}
ON CONFLICT (trigger, reference) DO NOTHING
"""
_BORN: Final = _NOTE.format(
    whose="extract(month FROM member.birthday) = %(month)s"
    " AND extract(day FROM member.birthday) = ANY(%(days)s)"
    " AND member.birthday < %(today)s AND member.enrolled_at < %(end)s"
)
_JOINED: Final = _NOTE.format(whose="member.enrolled_at >= %(from)s AND member.enrolled_at < %(to)s")


def is_any_awaited() -> bool:
    """Whether a published rule waits for birthdays or anniversaries."""
    return bool(_awaited())


def note_days(*, now: datetime) -> int:
    """Note whose day it is in the brand's time zone, today or a few days back; returns how many were new.

    Born on 29 February: the 28th in common years. Nobody is asked where no published rule waits for it.
    """
    wanted = _awaited()
    if not wanted:
        return 0
    tz = current_brand().tz
    today = now.astimezone(tz).date()
    noted = 0
    for back in range(LOOK_BACK_DAYS, -1, -1):
        day = today - timedelta(days=back)
        if BIRTHDAY in wanted:
            noted += _note_birthdays(day, tz, now)
        if ANNIVERSARY in wanted:
            noted += _note_anniversaries(day, tz, now)
    return noted


def _awaited() -> list[str]:
    rules = moments.rules_in_force()
    return [trigger for trigger in (BIRTHDAY, ANNIVERSARY) if rules.awaits(trigger)]


def _note_birthdays(day: date, tz: tzinfo, now: datetime) -> int:
    days = [28, 29] if (day.month, day.day) == (2, 28) and not isleap(day.year) else [day.day]
    values = {"month": day.month, "days": days, "today": day, "end": _start(day + timedelta(days=1), tz)}
    return _noted(_BORN, BIRTHDAY, day, tz, now, values)


def _note_anniversaries(day: date, tz: tzinfo, now: datetime) -> int:
    noted = 0
    first = Member.objects.order_by("enrolled_at").values_list("enrolled_at", flat=True).first()
    if first is None:
        return 0
    for year in range(max(first.year - 1, day.year - MOST_YEARS), day.year):
        for joined in _days_of(day, year):
            values = {"from": _start(joined, tz), "to": _start(joined + timedelta(days=1), tz)}
            noted += _noted(_JOINED, ANNIVERSARY, day, tz, now, values)
    return noted


def _noted(sql: str, trigger: str, day: date, tz: tzinfo, now: datetime, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        told = {"trigger": trigger, "year": str(day.year), "at": _start(day, tz), "now": now, **values}
        cursor.execute(sql, told)
        return int(cursor.rowcount)


def _days_of(day: date, year: int) -> list[date]:
    """The days of an earlier year that are remembered on `day`."""
    if (day.month, day.day) == (2, 29):
        return [date(year, 2, 29)] if isleap(year) else []
    found = [day.replace(year=year)]
    if (day.month, day.day) == (2, 28) and not isleap(day.year) and isleap(year):
        found.append(date(year, 2, 29))
    return found


def _start(day: date, tz: tzinfo) -> datetime:
    return datetime.combine(day, time(), tz).astimezone(UTC)
