"""Schedules that cannot run: what is no calendar rule, and what leaves no moment to earn in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.engine.schedule import (
    DAY_MINUTES,
    FIXED_START,
    Days,
    ScheduleError,
    contradicts_itself,
    minutes_of,
    needs_start,
    parse_instant,
    rrule_parts,
)
from campaigns.schema.context import CheckContext
from loyalty.lib.errors import FieldError, Text

FIRST_YEAR: Final = 1971
LAST_YEAR: Final = 2199
RRULE_FAULTS: Final[Mapping[str, Text]] = {
    "rrule_not_daily": _("A rule recurs on days: no hours, minutes or seconds, and no other parts."),
    "invalid": _("Is not an iCalendar RRULE of days."),
    "count_and_until": _("COUNT and UNTIL exclude each other: give one of them."),
    "numbered_day": _("Only days of a month or a year have numbers: no number before a day here."),
}
# A rule of days that does not recur within 30 years of its start recurs never.
HORIZON: Final = timedelta(days=366 * 30)


def years() -> Text:
    """Between which years an instant must lie."""
    return _("Must lie between the years %(first)s and %(last)s.") % {"first": FIRST_YEAR, "last": LAST_YEAR}


def schedule_errors(schedule: Mapping[str, Any], context: CheckContext) -> Iterator[FieldError]:
    """What is wrong with a schedule, each at its field."""
    instants: dict[str, datetime] = {}
    for key in ("starts_at", "ends_at"):
        if schedule.get(key):
            try:
                instants[key] = parse_instant(schedule[key])
            except ValueError:
                detail = _("Must be an instant with an offset, such as 2026-11-01T00:00:00+08:00.")
                yield FieldError(f"/schedule/{key}", "type", detail)
                continue
            if not FIRST_YEAR <= instants[key].year <= LAST_YEAR:
                del instants[key]
                yield FieldError(f"/schedule/{key}", "range", years())
    starts_at, ends_at = instants.get("starts_at"), instants.get("ends_at")
    if starts_at and ends_at and ends_at <= starts_at:
        yield FieldError("/schedule/ends_at", "ends_before_start", _("Must be after starts_at."))
    hours = schedule.get("hours") or ()
    empty = [n for n, (start, end) in enumerate(hours) if start in (end, "24:00")]
    for n in empty:
        yield FieldError(f"/schedule/hours/{n}", "never_matches", _("These hours are empty."))
    found: list[FieldError] = []
    if schedule.get("rrule"):
        found += _rrule(schedule["rrule"], starts_at, ends_at, context)
        yield from found
    judged = bool(hours) and not (empty or found)
    if judged and starts_at and ends_at and starts_at < ends_at:
        if _open_at_all(schedule, starts_at, ends_at, context):
            return
        yield FieldError("/schedule/hours", "never_matches", _("These hours never come within the schedule."))


def _open_at_all(
    schedule: Mapping[str, Any], starts_at: datetime, ends_at: datetime, context: CheckContext
) -> bool:
    """Whether any of the hours of any of the days lies between start and end, at least in part."""
    tz = context.timezone
    first = starts_at.astimezone(tz).date()
    last = ends_at.astimezone(tz).date()
    rrule = schedule.get("rrule")
    # Hours across midnight belong to the day on which they begin, which may be the one before the start.
    days = Days(rrule, first, tz).until(last) if rrule else _each(first - timedelta(days=1), last)
    windows = [(minutes_of(start), minutes_of(end)) for start, end in schedule["hours"]]
    return any(_meets(day, window, starts_at, ends_at, context) for day in days for window in windows)


def _each(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _meets(
    day: date, window: tuple[int, int], starts_at: datetime, ends_at: datetime, context: CheckContext
) -> bool:
    start, end = window
    midnight = datetime.combine(day, time.min, context.timezone)
    begins = midnight + timedelta(minutes=start)
    ends = midnight + timedelta(minutes=end if start < end else end + DAY_MINUTES)
    return begins < ends_at and starts_at < ends


def _rrule(
    text: str, starts_at: datetime | None, ends_at: datetime | None, context: CheckContext
) -> Iterator[FieldError]:
    """What is wrong with the days of a schedule."""
    at = "/schedule/rrule"
    try:
        parts = rrule_parts(text)
        missing = needs_start(parts)
        if missing and starts_at is None:
            detail = _("%(part)s counts from a start: give starts_at.") % {"part": missing}
            yield FieldError(at, "needs_starts_at", detail)
            return
        start = starts_at.astimezone(context.timezone).date() if starts_at else FIXED_START
        last = min(start + HORIZON, date.max) if starts_at else max(FIXED_START, context.today) + HORIZON
        if ends_at is not None:
            last = min(last, (ends_at - timedelta(microseconds=1)).astimezone(context.timezone).date())
        days = Days(text, start, context.timezone)
        wrong = contradicts_itself(parts)
        if wrong is not None:
            yield FieldError(at, wrong, RRULE_FAULTS[wrong])
        elif next(days.until(last), None) is None:
            yield FieldError(at, "never_matches", _("These days never come within the schedule."))
    except ScheduleError as error:
        yield FieldError(at, error.code, RRULE_FAULTS[error.code])
