"""Tiers as arithmetic: which level a qualifying number earns, how long it is held, what follows it. Pure.

A level is reached at once. It is held to the end of a period (rolling: the anniversary of the day on which it
was earned, that day included; calendar: the end of the calendar period after the one in which it was earned),
and a grace after it. What then counts is the qualifying number of the period that ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal

from points.expiry import add_months, midnight

QUALIFY_BY = ("points", "spend", "visits")
PERIODS = ("rolling_months", "calendar_year", "calendar_quarter", "calendar_month")
DOWNGRADES = ("one_step", "by_earned", "never")
ON_RETURN = ("at_once", "period_end")

Why = Literal["earned", "renewed", "period_end", "return", "program"]
Qualifying = Callable[["Window"], Decimal]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time whose orders count: `start` included, `end` excluded."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Level:
    """One tier: what it takes, and what its holder's base points are multiplied by."""

    code: str
    name: Mapping[str, str]
    threshold: Decimal
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """The tier that a member holds. `until` and `review_at` are None where nothing ever ends it.

    `earned_at` is the instant whose window justifies it; None for a tier that was granted, not earned.
    """

    code: str
    since: datetime
    until: datetime | None = None
    review_at: datetime | None = None
    earned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A brand's tiers, lowest first. `months` is the length of a rolling period."""

    qualify_by: str
    period: str
    months: int
    downgrade: str
    grace_days: int
    on_return: str
    levels: tuple[Level, ...]
    version: int = 1

    @classmethod
    def of(cls, config: Mapping[str, Any], version: int = 1) -> Program:
        """The programme that a stored configuration describes."""
        return cls(
            qualify_by=config["qualify_by"],
            period=config["period"]["type"],
            months=int(config["period"].get("months") or 12),
            downgrade=config["downgrade"],
            grace_days=int(config["grace_days"]),
            on_return=config["on_return"],
            levels=tuple(
                Level(
                    level["code"],
                    level["name"],
                    Decimal(level["threshold"]),
                    Decimal(level["multiplier"]),
                )
                for level in config["levels"]
            ),
            version=version,
        )

    @property
    def codes(self) -> tuple[str, ...]:
        """Tier codes from the lowest to the highest."""
        return tuple(level.code for level in self.levels)

    def rank(self, code: str) -> int | None:
        """The place of a tier, 0 = lowest; None for a tier that the programme no longer has."""
        return next((n for n, level in enumerate(self.levels) if level.code == code), None)

    def level(self, code: str) -> Level | None:
        """The tier of this code, or None."""
        rank = self.rank(code)
        return None if rank is None else self.levels[rank]

    def earned(self, qualifying: Decimal) -> Level:
        """The highest tier that this qualifying number reaches."""
        return next((lv for lv in reversed(self.levels) if lv.threshold <= qualifying), self.levels[0])

    def above(self, code: str) -> Level | None:
        """The next higher tier, or None at the top."""
        rank = self.rank(code)
        if rank is None or rank + 1 >= len(self.levels):
            return None
        return self.levels[rank + 1]


def window(program: Program, at: datetime, tz: tzinfo) -> Window:
    """The period whose orders count at `at`: the last N months up to the end of that local day, or the
    whole calendar period that it lies in."""
    day = at.astimezone(tz).date()
    if program.period == "rolling_months":
        return Window(
            midnight(add_months(day, -program.months) + timedelta(days=1), tz),
            midnight(day + timedelta(days=1), tz),
        )
    first = _first_day(program.period, day)
    return Window(midnight(first, tz), midnight(_next_period(program.period, first), tz))


def holds_until(program: Program, level: Level, at: datetime, tz: tzinfo) -> datetime | None:
    """When a level earned at `at` comes up for review; None for the lowest, and where none is ever lost."""
    if level.code == program.levels[0].code or program.downgrade == "never":
        return None
    day = at.astimezone(tz).date()
    if program.period == "rolling_months":
        return midnight(add_months(day, program.months) + timedelta(days=1), tz)
    following = _next_period(program.period, _first_day(program.period, day))
    return midnight(_next_period(program.period, following), tz)


def begin(program: Program, since: datetime) -> Standing:
    """What a member holds who never earned anything: the lowest tier, for ever."""
    return Standing(program.levels[0].code, since)


def reached(program: Program, held: Standing, earned: Level, at: datetime, tz: tzinfo) -> Standing:
    """The standing after an order that brought the qualifying number of the current period to `earned`.

    A higher level is reached at once; the same one is held longer where the period allows it.
    """
    rank, new_rank = program.rank(held.code), program.rank(earned.code)
    until = holds_until(program, earned, at, tz)
    if rank is None or new_rank is None or new_rank > rank:
        return Standing(earned.code, at, until, until, at)
    if new_rank < rank or held.until is None or until is None:
        return held
    in_grace = at >= held.until
    longer = program.period != "rolling_months" and until > held.until
    if in_grace or longer:
        return replace(held, until=until, review_at=until, earned_at=at)
    return held


def ending(program: Program, held: Standing, at: datetime, tz: tzinfo) -> Standing:
    """The standing under a programme that was changed at `at`: what was earned while no tier was ever lost is
    held for a period from now on, where tiers are lost again."""
    level = program.level(held.code)
    if level is None or held.until is not None or held.earned_at is None:
        return held
    until = holds_until(program, level, at, tz)
    return replace(held, until=until, review_at=until)


def one_review(
    program: Program, held: Standing, tz: tzinfo, qualifying: Qualifying
) -> tuple[Standing, Why | None]:
    """The standing after its next review, and why it is what it is (None: held on, or in its grace)."""
    due, until, level = held.review_at, held.until, program.level(held.code)
    assert due is not None
    assert level is not None
    if until is None or program.downgrade == "never" or level is program.levels[0]:
        return replace(held, until=None, review_at=None), None
    ended = until - timedelta(microseconds=1)
    # What was bought during the grace still counts for the period that ended.
    earned = program.earned(qualifying(Window(window(program, ended, tz).start, due)))
    rank, earned_rank = program.rank(level.code) or 0, program.rank(earned.code) or 0
    if earned_rank >= rank:
        kept = holds_until_after(program, due, tz)
        return replace(held, until=kept, review_at=kept, earned_at=ended), "renewed"
    if due == until and program.grace_days:
        end = midnight(until.astimezone(tz).date() + timedelta(days=program.grace_days), tz)
        return replace(held, review_at=end), None
    lower = program.levels[rank - 1] if program.downgrade == "one_step" else earned
    rolling = program.period == "rolling_months"
    after = holds_until(program, lower, due - timedelta(microseconds=1) if rolling else ended, tz)
    return Standing(lower.code, due, after, after, ended if lower is earned else None), "period_end"


@dataclass(frozen=True, slots=True)
class Fall:
    """A lower tier that is to come unless more is bought: when, which, and how much is missing to stay."""

    at: datetime
    to: str
    missing: Decimal


def missing_to_keep(program: Program, held: Standing, tz: tzinfo, qualifying: Qualifying) -> Decimal:
    """How much more counts at the next review as too little for the level that is held; 0 if it is kept."""
    level = program.level(held.code)
    if level is None or held.until is None or held.review_at is None:
        return Decimal(0)
    ended = held.until - timedelta(microseconds=1)
    span = Window(window(program, ended, tz).start, held.review_at)
    return max(Decimal(0), level.threshold - qualifying(span))


def holds_until_after(program: Program, due: datetime, tz: tzinfo) -> datetime:
    """The end of the period that begins at `due`, when a review finds the tier earned anew."""
    day = due.astimezone(tz).date()
    if program.period == "rolling_months":
        return midnight(add_months(day - timedelta(days=1), program.months) + timedelta(days=1), tz)
    return midnight(_next_period(program.period, _first_day(program.period, day)), tz)


def justified(
    program: Program, held: Standing, at: datetime, tz: tzinfo, qualifying: Qualifying
) -> Level | None:
    """The highest level, up to the one held, that the member's orders still justify after a return.

    They may do so in the current period or in the one in which the tier was earned. None: it was granted,
    so no return touches it.
    """
    level = program.level(held.code)
    if held.earned_at is None or level is None:
        return None
    windows = {window(program, at, tz), window(program, held.earned_at, tz)}
    earned = program.earned(max(qualifying(span) for span in windows))
    return min(level, earned, key=lambda lv: program.rank(lv.code) or 0)


def _first_day(period: str, day: date) -> date:
    if period == "calendar_year":
        return date(day.year, 1, 1)
    if period == "calendar_quarter":
        return date(day.year, day.month - (day.month - 1) % 3, 1)
    return day.replace(day=1)


def _next_period(period: str, first: date) -> date:
    return add_months(first, {"calendar_year": 12, "calendar_quarter": 3}.get(period, 1))
