"""The days of an iCalendar RRULE (RFC 5545), a year at a time: what a rule costs does not hang on whether it
ever comes. Pure.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from dateutil.easter import easter

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BYDAY: Final = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
# The largest number that each part may hold.
_MOST: Final = {
    "BYMONTH": 12,
    "BYMONTHDAY": 31,
    "BYYEARDAY": 366,
    "BYWEEKNO": 53,
    "BYSETPOS": 366,
    "BYEASTER": 366,
}
_CHOOSING: Final = ("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYEASTER")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule of days from `start` on, without its COUNT and UNTIL.

    `days` are the days of the week that count whenever they come, `numbered` those that count from the
    beginning or the end of their month or year.
    """

    start: date
    frequency: str
    interval: int
    week_start: int
    days: frozenset[int]
    numbered: frozenset[tuple[int, int]]
    parts: Mapping[str, frozenset[int]]

    def of_year(self, year: int) -> list[date]:
        """The days of one year, in order."""
        if year < self.start.year:
            return []
        found: list[date] = []
        for period in self._periods(year):
            chosen = [day for day in period if self._counts(day)]
            positions = self.parts.get("BYSETPOS")
            if positions is not None:
                size = len(chosen)
                places = {place - 1 if place > 0 else size + place for place in positions}
                chosen = [day for place, day in enumerate(chosen) if place in places]
            found += [day for day in chosen if day >= self.start and day.year == year]
        return found

    def _periods(self, year: int) -> Iterator[Sequence[date]]:
        """The periods of the frequency that lie in a year at least in part, as far as the interval takes
        them."""
        start, every = self.start, self.interval
        first, last = date(year, 1, 1), date(year, 12, 31)
        if self.frequency == "YEARLY":
            if (year - start.year) % every == 0:
                yield _stretch(first, last)
        elif self.frequency == "MONTHLY":
            for month in range(1, 13):
                if ((year - start.year) * 12 + month - start.month) % every == 0:
                    yield _stretch(date(year, month, 1), date(year, month, _length(year, month)))
        elif self.frequency == "WEEKLY":
            origin = self._week(start)
            week = origin + max(0, (self._week(first) - origin) // (7 * every)) * 7 * every
            while week <= last.toordinal():
                # The first week begins with the start, so that its positions count from there.
                begins = max(week, start.toordinal())
                yield [date.fromordinal(n) for n in range(begins, min(week + 7, date.max.toordinal()))]
                week += 7 * every
        else:
            origin = start.toordinal()
            at = origin + max(0, -((origin - first.toordinal()) // every)) * every
            for ordinal in range(at, last.toordinal() + 1, every):
                yield (date.fromordinal(ordinal),)

    def _week(self, day: date) -> int:
        """The ordinal of the first day of the week that a day is in."""
        return day.toordinal() - (day.weekday() - self.week_start) % 7

    def _counts(self, day: date) -> bool:
        """Whether a day is one that the BY parts name."""
        parts = self.parts
        if "BYMONTH" in parts and day.month not in parts["BYMONTH"]:
            return False
        if self.days or self.numbered:
            by_name = day.weekday() in self.days
            if not by_name and not (self.numbered and self._numbered(day)):
                return False
        named = parts.get("BYMONTHDAY")
        if named is not None and not named & {day.day, day.day - _length(day.year, day.month) - 1}:
            return False
        named = parts.get("BYYEARDAY")
        if named is not None:
            number = day.timetuple().tm_yday
            if not named & {number, number - _days_in(day.year) - 1}:
                return False
        named = parts.get("BYWEEKNO")
        if named is not None and not named & self._week_numbers(day):
            return False
        named = parts.get("BYEASTER")
        return named is None or (day - easter(day.year)).days in named

    def _numbered(self, day: date) -> bool:
        if self.frequency == "YEARLY" and "BYMONTH" not in self.parts:
            place, size = day.timetuple().tm_yday, _days_in(day.year)
        else:
            place, size = day.day, _length(day.year, day.month)
        weekday = day.weekday()
        ahead = (weekday, (place - 1) // 7 + 1) in self.numbered
        return ahead or (weekday, -((size - place) // 7 + 1)) in self.numbered

    def _week_numbers(self, day: date) -> set[int]:
        """The number of a day's week in its year, from the beginning and from the end. A week belongs to the
        year that has four days of it or more."""
        fourth = self._week(day) + 3
        year = date.fromordinal(fourth).year
        number = (fourth - date(year, 1, 1).toordinal()) // 7 + 1
        last = (self._week(date(year, 12, 28)) + 3 - date(year, 1, 1).toordinal()) // 7 + 1
        return {number, number - last - 1}


def recurrence(parts: Mapping[str, str], start: date) -> Recurrence:
    """Read the parts of an RRULE. Raises ValueError for what is not one of days."""
    frequency = parts["FREQ"]
    numbers = {key: _numbers(parts[key]) for key in _MOST if key in parts}
    days: set[int] = set()
    numbered: set[tuple[int, int]] = set()
    for text in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        match = _BYDAY.fullmatch(text)
        if match is None or (match[1] and int(match[1]) == 0):
            raise ValueError(f"not a day of the week: {text}")
        weekday = WEEKDAYS.index(match[2])
        if match[1] and frequency in ("MONTHLY", "YEARLY"):
            numbered.add((weekday, int(match[1])))
        else:
            days.add(weekday)
    if not any(key in parts for key in _CHOOSING):
        # What the rule does not say it takes from its start.
        if frequency == "YEARLY":
            numbers.setdefault("BYMONTH", frozenset({start.month}))
        if frequency in ("YEARLY", "MONTHLY"):
            numbers["BYMONTHDAY"] = frozenset({start.day})
        elif frequency == "WEEKLY":
            days.add(start.weekday())
    return Recurrence(
        start=start,
        frequency=frequency,
        interval=int(parts.get("INTERVAL", "1")),
        week_start=WEEKDAYS.index(parts.get("WKST", "MO")),
        days=frozenset(days),
        numbered=frozenset(numbered),
        parts=numbers,
    )


def out_of_range(parts: Mapping[str, str]) -> bool:
    """Whether a part of a readable RRULE names what no year has, such as a month 13: it never comes."""
    for key, most in _MOST.items():
        numbers = _numbers(parts[key]) if key in parts else frozenset[int]()
        if any(abs(number) > most for number in numbers) or (0 in numbers and key != "BYEASTER"):
            return True
    return False


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(","))


def _stretch(first: date, last: date) -> Sequence[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _days_in(year: int) -> int:
    return 366 if calendar.isleap(year) else 365
