"""The stretches of time in which a campaign runs: all of it, or the days of its RRULE. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from campaigns.engine.schedule import Days

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant to another one, exclusive."""

    start: datetime
    end: datetime


def spans(starts_at: datetime, ends_at: datetime, rrule: str, tz: tzinfo) -> list[Span]:
    """When a campaign runs, in order. Days that follow each other are one span; it changes at local midnight.

    Raises ScheduleError.
    """
    if not rrule:
        return [Span(starts_at, ends_at)]
    first = starts_at.astimezone(tz).date()
    last = (ends_at - timedelta(microseconds=1)).astimezone(tz).date()
    days = Days(rrule, first, tz)
    found: list[Span] = []
    day = first
    while day <= last:
        if not days.includes(day):
            day += DAY
            continue
        begins = day
        while day <= last and days.includes(day):
            day += DAY
        found.append(Span(max(starts_at, midnight(begins, tz)), min(ends_at, midnight(day, tz))))
    return found


def midnight(day: date, tz: tzinfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time.min, tzinfo=tz).astimezone(UTC)
