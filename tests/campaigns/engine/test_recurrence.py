"""The days of a calendar rule: the same as dateutil finds, and as cheap where there are none."""

import time
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.engine.occurrences import spans
from campaigns.engine.schedule import Days, compile_schedule
from campaigns.schema import check
from tests.campaigns.test_schema import CONTEXT, GOOD, found

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def joined(values: list[Any]) -> str:
    return ",".join(map(str, values))


def some(values: Any, most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(joined)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules of every kind but for those that RFC 5545 forbids."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 15))}")
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    if draw(st.booleans()):
        parts.append(f"BYMONTH={draw(some(st.integers(1, 12)))}")
    kind = draw(st.sampled_from(["", "BYDAY", "numbered", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYEASTER"]))
    if kind == "numbered" and frequency in ("MONTHLY", "YEARLY"):
        numbers = st.sampled_from([1, 2, 5, -1, -3])
        days = st.tuples(numbers, st.sampled_from(WEEKDAYS)).map(lambda pair: f"{pair[0]}{pair[1]}")
        parts.append(f"BYDAY={draw(some(days))}")
    elif kind == "BYDAY":
        parts.append(f"BYDAY={draw(some(st.sampled_from(WEEKDAYS)))}")
    elif kind == "BYMONTHDAY":
        parts.append(f"BYMONTHDAY={draw(some(st.sampled_from([1, 13, 28, 29, 30, 31, -1, -2, -30])))}")
    elif kind == "BYYEARDAY" and frequency == "YEARLY":
        parts.append(f"BYYEARDAY={draw(some(st.sampled_from([1, 60, 200, 365, 366, -1, -366])))}")
    elif kind == "BYWEEKNO" and frequency == "YEARLY":
        parts.append(f"BYWEEKNO={draw(some(st.integers(2, 51)))}")
    elif kind == "BYEASTER":
        parts.append(f"BYEASTER={draw(some(st.sampled_from([-47, -2, 0, 1, 49])))}")
    if draw(st.booleans()) and any(part.startswith("BY") for part in parts):
        parts.append(f"BYSETPOS={draw(some(st.sampled_from([1, 2, -1, -2])))}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    return ";".join(parts)


@settings(max_examples=50, deadline=None)
@given(text=rules(), start=st.dates(date(9985, 1, 1), date(9990, 12, 31)))
def test_the_days_are_those_that_dateutil_finds(text: str, start: date) -> None:
    # Near the end of time dateutil soon gives up the search for what never comes.
    until = "" if "COUNT" in text else ";UNTIL=99961231"
    midnight = datetime.combine(start, datetime.min.time())
    found_there = {moment.date() for moment in rrulestr(text + until, dtstart=midnight)}
    days = Days(text, start, SHANGHAI)
    got = {
        day for year in range(9984, 9997) for day in map(date.fromordinal, _year(year)) if days.includes(day)
    }
    assert got == {day for day in found_there if day.year < 9997}


def _year(year: int) -> range:
    return range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=YEARLY;BYMONTH=4;BYDAY=MO;BYSETPOS=40",
        "FREQ=DAILY;COUNT=10000;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_what_never_comes_is_found_out_at_once(rrule: str) -> None:
    schedule = {"starts_at": "2026-11-02T00:00:00+08:00", "rrule": rrule}  # a Monday
    began = time.process_time()
    assert found({**GOOD, "schedule": schedule}) == [("/schedule/rrule", "never_matches")]
    compiled = compile_schedule(schedule, SHANGHAI)
    assert compiled is not None
    for month in range(1, 13):
        at = datetime(2190, month, 28, 12, tzinfo=SHANGHAI)
        assert compiled.refuses(at, at) == "/schedule/rrule"
    start, end = datetime(2026, 11, 2, tzinfo=SHANGHAI), datetime(2031, 11, 1, tzinfo=SHANGHAI)
    assert spans(start, end, rrule, SHANGHAI) == []
    assert time.process_time() - began < 1.5


@pytest.mark.parametrize(
    "rrule", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29"]
)
def test_the_leap_day_comes_after_eight_years_too(rrule: str) -> None:
    schedule = {
        "starts_at": "2096-03-01T00:00:00+08:00",
        "ends_at": "2104-03-01T00:00:00+08:00",
        "rrule": rrule,
    }
    assert check({**GOOD, "schedule": schedule}, CONTEXT).errors == ()
    earlier = {**schedule, "ends_at": "2104-02-29T00:00:00+08:00"}
    assert found({**GOOD, "schedule": earlier}) == [("/schedule/rrule", "never_matches")]


@pytest.mark.parametrize(
    ("rrule", "code"),
    [
        ("FREQ=DAILY;COUNT=3;UNTIL=20261130", "count_and_until"),
        ("FREQ=WEEKLY;BYDAY=2MO", "numbered_day"),
        ("FREQ=DAILY;BYDAY=MO,-1TU", "numbered_day"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "numbered_day"),
        ("FREQ=YEARLY;BYMONTH=13", "invalid"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "invalid"),
        ("FREQ=MONTHLY;BYDAY=0MO", "invalid"),
    ],
)
def test_what_rfc_5545_forbids_is_refused(rrule: str, code: str) -> None:
    schedule = {"starts_at": "2026-11-02T00:00:00+08:00", "rrule": rrule}
    assert found({**GOOD, "schedule": schedule}) == [("/schedule/rrule", code)]


@pytest.mark.parametrize("week", [1, 52, 53])
def test_weeks_at_the_turn_of_the_year_are_those_of_iso_8601(week: int) -> None:
    days = Days(f"FREQ=YEARLY;BYWEEKNO={week}", date(2019, 1, 1), SHANGHAI)
    every = [date.fromordinal(n) for year in range(2019, 2030) for n in _year(year)]
    assert [day for day in every if days.includes(day)] == [
        day for day in every if day.isocalendar().week == week
    ]


@pytest.mark.parametrize(("spelled", "text"), [("MO(2)", "2MO"), ("FR(-1)", "-1FR")])
def test_a_day_as_earlier_rules_spell_it_is_the_same_day(spelled: str, text: str) -> None:
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    both = [Days(f"FREQ=MONTHLY;BYDAY={each}", first, SHANGHAI) for each in (spelled, text)]
    assert list(both[0].until(last)) == list(both[1].until(last))
    assert len(list(both[0].until(last))) == 12
