"""The days of a calendar rule in words. Pure; Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from campaigns.engine.schedule import ScheduleError, rrule_parts, until_day
from campaigns.engine.speaker import Speaker
from campaigns.engine.wording import EVERY, MONTHS, ORDINALS, UNITS, WEEKDAYS

Parts = Mapping[str, str]
DAYS: Final = ("BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYWEEKNO", "BYEASTER")
_YEARLY: Final = {
    "BYYEARDAY": ("day.of_year", "day.of_year_end"),
    "BYWEEKNO": ("day.week", "day.week_end"),
    "BYEASTER": ("day.after_easter", "day.before_easter"),
}


def days_text(speaker: Speaker, text: str) -> str:
    """When a rule of days comes; as it is written where it cannot be read."""
    try:
        parts = rrule_parts(text)
        said = _recurring(speaker, parts)
        for place in parts["BYSETPOS"].split(",") if "BYSETPOS" in parts else ():
            phrase = "days.only" if int(place) > 0 else "days.only_last"
            said = speaker.say(phrase, text=said, n=abs(int(place)))
        last = until_day(parts["UNTIL"], speaker.words.timezone) if "UNTIL" in parts else date.max
    except (ScheduleError, ValueError, KeyError):
        return speaker.say("rrule", text=text)
    if "COUNT" in parts:
        said = speaker.say("days.count", text=said, n=parts["COUNT"])
    if "UNTIL" in parts:
        said = speaker.say("days.until", text=said, day=last.isoformat())
    return said


def _recurring(speaker: Speaker, parts: Parts) -> str:
    frequency, interval = parts["FREQ"], parts.get("INTERVAL", "1")
    kinds = {key for key in DAYS if key in parts}
    months = _months(speaker, parts)
    if interval != "1" or not kinds:
        every = speaker.pick(EVERY[frequency])
        if interval != "1":
            every = speaker.say("every_n", n=interval, unit=speaker.pick(UNITS[frequency]))
        said = speaker.say("days.on", every=every, days=_days(speaker, parts)) if kinds else every
    elif _named(parts, kinds):
        names = speaker.list(speaker.pick(WEEKDAYS[day]) for day in parts["BYDAY"].split(","))
        said = speaker.say("days.weekly", days=names)
    elif kinds & {"BYYEARDAY", "BYWEEKNO", "BYEASTER"}:
        said = speaker.say("days.by_year", days=_days(speaker, parts))
    elif frequency == "YEARLY" and not months and kinds == {"BYDAY"}:
        said = speaker.say("days.yearly", days=_days(speaker, parts))
    elif months:
        return speaker.say("days.of_months", months=months, days=_days(speaker, parts))
    else:
        return speaker.say("days.monthly", days=_days(speaker, parts))
    return speaker.say("days.in_months", months=months, days=said) if months else said


def _named(parts: Parts, kinds: set[str]) -> bool:
    """Whether the rule comes on days of the week, each time that they come."""
    counted = "BYSETPOS" in parts and parts["FREQ"] in ("MONTHLY", "YEARLY")
    return kinds == {"BYDAY"} and not counted and not any(char.isdecimal() for char in parts["BYDAY"])


def _months(speaker: Speaker, parts: Parts) -> str:
    numbers = [int(month) for month in parts["BYMONTH"].split(",")] if "BYMONTH" in parts else []
    if speaker.language == "en":
        return speaker.list(MONTHS[number - 1] for number in numbers)
    return speaker.list(map(str, numbers))


def _days(speaker: Speaker, parts: Parts) -> str:
    """The days within a period, without the period; what stands in several parts must hold together."""
    found: list[str] = []
    for key in DAYS:
        if key not in parts:
            continue
        values = parts[key].split(",")
        if key == "BYDAY":
            found.append(speaker.list(_week_days(speaker, values)))
        elif key == "BYMONTHDAY":
            found.append(speaker.list(_month_days(speaker, [int(value) for value in values])))
        else:
            found.append(speaker.list(_of_year(speaker, key, int(value)) for value in values))
    said = found[0]
    for other in found[1:]:
        said = speaker.say("days.both", one=said, other=other)
    return said


def _of_year(speaker: Speaker, key: str, number: int) -> str:
    ahead, back = _YEARLY[key]
    if key == "BYEASTER" and number == 0:
        return speaker.say("day.easter")
    return speaker.say(ahead if number > 0 else back, n=abs(number))


def _month_days(speaker: Speaker, days: list[int]) -> list[str]:
    ahead = [str(day) for day in days if day > 0]
    found = [speaker.say("day.number", days=speaker.list(ahead))] if ahead else []
    for day in sorted((day for day in days if day < 0), reverse=True):
        phrase = "day.last" if day == -1 else "day.from_end"
        found.append(speaker.say(phrase, n=-day, nth=_ordinal(-day)))
    return found


def _week_days(speaker: Speaker, days: list[str]) -> list[str]:
    found: list[str] = []
    for text in days:
        match = re.fullmatch(r"([+-]?[0-9]*)([A-Z]{2})", text)
        if match is None:
            raise ValueError(text)
        number, day = int(match[1] or 0), speaker.pick(WEEKDAYS[match[2]])
        phrase = "day.weekday" if number == 0 else "day.nth" if number > 0 else "day.nth_last"
        if number == -1:
            phrase = "day.last_weekday"
        found.append(speaker.say(phrase, n=abs(number), nth=_ordinal(abs(number)), day=day))
    return found


def _ordinal(number: int) -> str:
    if number in ORDINALS:
        return ORDINALS[number]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
