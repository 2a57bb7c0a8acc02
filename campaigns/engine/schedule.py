"""When a rule runs: start, end, days by an iCalendar RRULE, hours of the day, in the brand's time zone.

Days are brand-local dates. Hours are read off the local wall clock, the start included and the end not;
a window whose end is not after its start crosses midnight and belongs to the day on which it began, so
``22:00–02:00`` on Saturdays covers the first two hours of Sunday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from campaigns.engine.recurrence import Recurrence, out_of_range, recurrence

FIXED_START: Final = date(2000, 1, 1)
FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
DAY_PARTS: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSETPOS", "BYEASTER"}) | {
    f"BY{part}" for part in ("DAY", "MONTHDAY", "MONTH", "YEARDAY", "WEEKNO")
}
DAY_MINUTES: Final = 24 * 60
MAX_STEP: Final = 10_000
_AFTER_DAY: Final = re.compile(r"([A-Z]{2})\(([+-]?[0-9]{1,2})\)")


class ScheduleError(ValueError):
    """A schedule that cannot run; ``part`` is its field, ``code`` a stable word."""

    def __init__(self, part: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.part, self.code, self.detail = part, code, detail


@dataclass(slots=True)
class Days:
    """The days of an RRULE. A year's days are computed once, on first use."""

    text: str
    start: date
    timezone: tzinfo
    years: dict[int, frozenset[date]] = field(default_factory=dict)
    rule: Recurrence = field(init=False)
    until_day: date = field(init=False)
    count: int | None = field(init=False)

    def __post_init__(self) -> None:
        """Read the rule. Raises ScheduleError."""
        parts = rrule_parts(self.text)
        self.until_day = until_day(parts["UNTIL"], self.timezone) if "UNTIL" in parts else date.max
        self.count = int(parts["COUNT"]) if "COUNT" in parts else None
        try:
            self.rule = recurrence(parts, self.start)
        except ValueError as error:
            raise ScheduleError("rrule", "invalid", f"not an iCalendar RRULE: {error}") from error

    def includes(self, day: date) -> bool:
        """Whether the rule recurs on this local date."""
        days = self.years.get(day.year)
        if days is None:
            days = self._days(day.year)
        return day in days

    def until(self, last: date) -> Iterator[date]:
        """The days from the start up to this local date, as if the rule had no COUNT."""
        until = min(last, self.until_day)
        for year in range(self.start.year, until.year + 1):
            yield from (day for day in self.rule.of_year(year) if day <= until)

    def _days(self, year: int) -> frozenset[date]:
        if self.count is None:
            found = self.rule.of_year(year) if year <= self.until_day.year else []
            self.years[year] = frozenset(day for day in found if day <= self.until_day)
            return self.years[year]
        # What is counted is counted from the start.
        left = self.count
        for each in range(self.start.year, year + 1):
            if each not in self.years:
                found = self.rule.of_year(each)[:left] if left else []
                self.years[each] = frozenset(day for day in found if day <= self.until_day)
            left -= len(self.years[each])
        return self.years.setdefault(year, frozenset())


def rrule_parts(text: str) -> dict[str, str]:
    """The parts of an RRULE, upper-cased. Raises ScheduleError for what is not a rule of days."""
    body = text.strip().removeprefix("RRULE:")
    parts: dict[str, str] = {}
    for part in body.split(";"):
        key, equals, value = part.partition("=")
        key = key.strip().upper()
        if not equals or not value or key in parts:
            raise ScheduleError("rrule", "invalid", f"not an iCalendar RRULE: {text}")
        # Rules of earlier days may spell the second Monday as MO(2).
        parts[key] = _AFTER_DAY.sub(r"\2\1", value.strip().upper())
    if parts.get("FREQ") in ("SECONDLY", "MINUTELY", "HOURLY"):
        raise ScheduleError("rrule", "rrule_not_daily", "a rule recurs on days; give hours in schedule.hours")
    if parts.get("FREQ") not in FREQUENCIES:
        raise ScheduleError("rrule", "invalid", "FREQ must be one of " + ", ".join(FREQUENCIES))
    for key in ("INTERVAL", "COUNT"):
        if key in parts and not 1 <= int(parts[key] if parts[key].isdecimal() else 0) <= MAX_STEP:
            raise ScheduleError("rrule", "invalid", f"{key} must be a whole number from 1 to {MAX_STEP}")
    foreign = sorted(set(parts) - DAY_PARTS)
    if foreign:
        raise ScheduleError(
            "rrule", "rrule_not_daily", "not allowed in a rule of days: " + ", ".join(foreign)
        )
    return parts


def contradicts_itself(parts: Mapping[str, str]) -> str | None:
    """The code of what RFC 5545 forbids among the parts of a readable RRULE, if anything."""
    if "COUNT" in parts and "UNTIL" in parts:
        return "count_and_until"
    numbered = any(char.isdecimal() for char in parts.get("BYDAY", ""))
    if numbered and (parts["FREQ"] in ("DAILY", "WEEKLY") or "BYWEEKNO" in parts):
        return "numbered_day"
    return "invalid" if out_of_range(parts) else None


def needs_start(parts: Mapping[str, str]) -> str | None:
    """The part of an RRULE that means nothing without ``starts_at``, if any."""
    if "COUNT" in parts:
        return "COUNT"
    return "INTERVAL" if parts.get("INTERVAL", "1") != "1" else None


def until_day(text: str, tz: tzinfo) -> date:
    """The last local date of an UNTIL. Raises ScheduleError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ScheduleError("rrule", "invalid", f"UNTIL is not a date: {text}") from error
    return moment.date() if moment.tzinfo is None else moment.astimezone(tz).date()


def parse_instant(value: Any) -> datetime:
    """An ISO 8601 instant with offset. Raises ValueError."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return moment


def minutes_of(text: str) -> int:
    """``18:30`` as minutes after midnight; ``24:00`` is the end of the day. Raises ValueError."""
    hour, colon, minute = str(text).partition(":")
    if not colon or not (hour.isdigit() and minute.isdigit()) or len(hour) != 2 or len(minute) != 2:
        raise ValueError(f"not a time of day: {text}")
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > DAY_MINUTES:
        raise ValueError(f"not a time of day: {text}")
    return total


@dataclass(frozen=True, slots=True)
class Schedule:
    """A compiled schedule."""

    starts_at: datetime | None
    ends_at: datetime | None
    days: Days | None
    hours: tuple[tuple[int, int], ...]

    def refuses(self, at: datetime, local: datetime) -> str | None:
        """The path of the part that excludes the instant (``local`` = the same, brand time), or None."""
        if self.starts_at is not None and at < self.starts_at:
            return "/schedule/starts_at"
        if self.ends_at is not None and at >= self.ends_at:
            return "/schedule/ends_at"
        if self.days is None and not self.hours:
            return None
        today = local.date()
        if not self.hours:
            return None if self.days is None or self.days.includes(today) else "/schedule/rrule"
        minute = local.hour * 60 + local.minute
        inside = False
        for start, end in self.hours:
            if start < end:
                day = today if start <= minute < end else None
            elif minute >= start:
                day = today
            else:
                day = today - timedelta(days=1) if minute < end else None
            if day is None:
                continue
            inside = True
            if self.days is None or self.days.includes(day):
                return None
        return "/schedule/rrule" if inside else "/schedule/hours"


def compile_schedule(body: Mapping[str, Any] | None, tz: tzinfo) -> Schedule | None:
    """Compile a rule's ``schedule``; None if it never excludes anything. Raises ScheduleError, ValueError."""
    if not body:
        return None
    starts_at = parse_instant(body["starts_at"]) if body.get("starts_at") else None
    ends_at = parse_instant(body["ends_at"]) if body.get("ends_at") else None
    days = None
    if body.get("rrule"):
        start = starts_at.astimezone(tz).date() if starts_at else FIXED_START
        days = Days(body["rrule"], start, tz)
    hours = _hours(body.get("hours") or ())
    if not (starts_at or ends_at or days or hours):
        return None
    return Schedule(starts_at, ends_at, days, hours)


def _hours(windows: Sequence[Sequence[str]]) -> tuple[tuple[int, int], ...]:
    return tuple((minutes_of(start), minutes_of(end)) for start, end in windows)
