"""Tiers without a database: thresholds, periods, reviews."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from points import holdings, tiers
from points.holdings import Holdings
from points.services import tierconfig
from points.tiers import Program, Standing, Window
from tests.tiers.shapes import program

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def made(**changes: Any) -> Program:
    return Program.of(tierconfig.checked(program(**changes)))


def qualifying(*facts: tuple[str, int]) -> tiers.Qualifying:
    def total(span: Window) -> Decimal:
        return sum((Decimal(n) for day, n in facts if span.start <= at(day) < span.end), Decimal(0))

    return total


@pytest.mark.parametrize(
    ("number", "code"),
    [(-5, "silver"), (0, "silver"), (999, "silver"), (1000, "gold"), (4999, "gold"), (5000, "diamond")],
)
def test_the_highest_threshold_reached_decides(number: int, code: str) -> None:
    assert made().earned(Decimal(number)).code == code


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ({"type": "rolling_months", "months": 12}, "2025-11-23T00:00", "2026-11-23T00:00"),
        ({"type": "rolling_months", "months": 1}, "2026-10-23T00:00", "2026-11-23T00:00"),
        ({"type": "calendar_year"}, "2026-01-01T00:00", "2027-01-01T00:00"),
        ({"type": "calendar_quarter"}, "2026-10-01T00:00", "2027-01-01T00:00"),
        ({"type": "calendar_month"}, "2026-11-01T00:00", "2026-12-01T00:00"),
    ],
)
def test_the_period_that_counts(period: dict[str, Any], start: str, end: str) -> None:
    found = tiers.window(made(period=period), at("2026-11-22T23:59"), SHANGHAI)
    assert found == Window(at(start), at(end))


@pytest.mark.parametrize(
    ("period", "until"),
    [
        ({"type": "rolling_months", "months": 12}, "2027-11-23T00:00"),
        ({"type": "calendar_year"}, "2028-01-01T00:00"),
        ({"type": "calendar_quarter"}, "2027-04-01T00:00"),
        ({"type": "calendar_month"}, "2027-01-01T00:00"),
    ],
)
def test_how_long_a_tier_is_held(period: dict[str, Any], until: str) -> None:
    rules = made(period=period)
    assert tiers.holds_until(rules, rules.levels[1], at("2026-11-22T10:00"), SHANGHAI) == at(until)
    assert tiers.holds_until(rules, rules.levels[0], at("2026-11-22T10:00"), SHANGHAI) is None


def test_the_end_of_february_is_clipped() -> None:
    rules = made()
    until = tiers.holds_until(rules, rules.levels[1], at("2028-02-29T10:00"), SHANGHAI)
    assert until == at("2029-03-01T00:00")


def review(
    rules: Program, held: Standing, when: datetime, tz: ZoneInfo, qualifying: tiers.Qualifying
) -> tuple[Standing, tiers.Why | None]:
    after, why = holdings.settle(rules, Holdings(held), when, tz, qualifying)
    return after.track, why


def reached(rules: Program, code: str, when: str) -> Standing:
    level = rules.level(code)
    assert level is not None
    return tiers.reached(rules, tiers.begin(rules, at("2026-01-01")), level, at(when), SHANGHAI)


@pytest.mark.parametrize(
    ("downgrade", "after"), [("one_step", "gold"), ("by_earned", "silver"), ("never", "diamond")]
)
def test_what_follows_a_period_in_which_too_little_was_earned(downgrade: str, after: str) -> None:
    rules = made(downgrade=downgrade)
    held = reached(rules, "diamond", "2026-03-10T10:00")
    nothing = qualifying(("2026-03-10", 5000))
    assert review(rules, held, at("2027-03-10T23:59"), SHANGHAI, nothing) == (held, None)
    standing, why = review(rules, held, at("2027-03-11"), SHANGHAI, nothing)
    assert (standing.code, why) == (after, None if downgrade == "never" else "period_end")
    if downgrade == "one_step":
        assert (standing.since, standing.until) == (at("2027-03-11"), at("2028-03-11"))


def test_a_tier_earned_anew_is_held_for_another_period() -> None:
    rules = made()
    held = reached(rules, "gold", "2026-03-10T10:00")
    standing, why = review(
        rules, held, at("2027-03-11"), SHANGHAI, qualifying(("2026-03-10", 1000), ("2027-03-10", 1000))
    )
    assert (standing.code, why) == ("gold", "renewed")
    assert (standing.since, standing.until) == (held.since, at("2028-03-11"))


def test_grace_holds_the_tier_and_counts_what_is_bought_in_it() -> None:
    rules = made(grace_days=30)
    held = reached(rules, "gold", "2026-03-10T10:00")
    in_grace, why = review(rules, held, at("2027-04-09"), SHANGHAI, qualifying())
    assert (in_grace.code, in_grace.until, why) == ("gold", at("2027-03-11"), None)
    lost, why = review(rules, held, at("2027-04-10"), SHANGHAI, qualifying(("2027-02-01", 600)))
    assert (lost.code, why) == ("silver", "period_end")
    kept, why = review(
        rules, held, at("2027-04-10"), SHANGHAI, qualifying(("2027-02-01", 600), ("2027-04-01", 400))
    )
    assert (kept.code, why, kept.until) == ("gold", "renewed", at("2028-04-10"))


def test_a_review_missed_for_years_comes_out_as_if_in_time() -> None:
    rules = made()
    held = reached(rules, "diamond", "2026-03-10T10:00")
    standing, why = review(rules, held, at("2030-01-01"), SHANGHAI, qualifying())
    assert (standing.code, standing.since, why) == ("silver", at("2028-03-11"), "period_end")


def test_a_calendar_tier_is_held_longer_once_it_is_earned_again() -> None:
    rules = made(period={"type": "calendar_year"})
    held = reached(rules, "gold", "2026-03-10T10:00")
    assert held.until == at("2028-01-01")
    again = tiers.reached(rules, held, rules.levels[1], at("2027-05-01"), SHANGHAI)
    assert (again.code, again.since, again.until) == ("gold", held.since, at("2029-01-01"))
