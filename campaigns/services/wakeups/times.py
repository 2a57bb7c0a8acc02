"""When a wake-up goes out, by the brand's clock. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SEARCHED: Final = 8


def first(
    *, at: datetime | None, time_of_day: time | None, weekdays: Collection[str], now: datetime, tz: tzinfo
) -> datetime:
    """The first time at or after `now`; one that was to be at `at` and is late goes out now."""
    if time_of_day is None:
        return max(at or now, now)
    return next_after(time_of_day=time_of_day, weekdays=weekdays, after=now - timedelta.resolution, tz=tz)


def next_after(*, time_of_day: time, weekdays: Collection[str], after: datetime, tz: tzinfo) -> datetime:
    """The next time of day after an instant, on one of the weekdays, or on any where none is named.

    A local time that is skipped or comes twice when the clocks change is taken once: the later instant.
    """
    day = after.astimezone(tz).date()
    for _day in range(_SEARCHED + 1):
        if not weekdays or WEEKDAYS[day.weekday()] in weekdays:
            found = _instant(day, time_of_day, tz)
            if found > after:
                return found
        day += timedelta(days=1)
    raise ValueError("no such day of the week")


def _instant(day: date, at: time, tz: tzinfo) -> datetime:
    local = datetime.combine(day, at)
    return max(local.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
