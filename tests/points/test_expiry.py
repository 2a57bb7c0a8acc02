"""When points end: every policy to the day, properties of the calendar, and agreement with the database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from points import expiry
from tenants.models import Brand

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = st.sampled_from(
    [
        "Asia/Shanghai", "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana",
        "Asia/Beirut", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "America/Asuncion",
    ]
)  # fmt: skip
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("policy", "earned", "end"),
    [
        ({"policy": "fixed", "on": "2027-03-31"}, "2026-11-22T10:00", "2027-04-01T00:00"),
        ({"policy": "days", "days": 30}, "2026-11-22T00:00", "2026-12-23T00:00"),
        ({"policy": "days", "days": 0}, "2026-11-22T23:59", "2026-11-23T00:00"),
        ({"policy": "months", "months": 12}, "2026-11-22T10:00", "2027-11-23T00:00"),
        ({"policy": "months", "months": 1}, "2027-01-31T10:00", "2027-03-01T00:00"),
        ({"policy": "months", "months": 12}, "2028-02-29T10:00", "2029-03-01T00:00"),
        ({"policy": "months", "months": 1}, "2028-01-30T10:00", "2028-03-01T00:00"),
        ({"policy": "end_of_month", "months": 0}, "2026-11-22T10:00", "2026-12-01T00:00"),
        ({"policy": "end_of_month", "months": 3}, "2026-11-30T10:00", "2027-03-01T00:00"),
        ({"policy": "end_of_year", "years": 0}, "2026-11-22T10:00", "2027-01-01T00:00"),
        ({"policy": "end_of_year", "years": 2}, "2026-01-01T00:00", "2029-01-01T00:00"),
    ],
)
def test_policies(policy: dict, earned: str, end: str) -> None:
    earned_at = datetime.fromisoformat(earned).replace(tzinfo=SHANGHAI)
    ends_at = datetime.fromisoformat(end).replace(tzinfo=SHANGHAI)
    assert expiry.expires_at(policy, earned_at, SHANGHAI) == ends_at
    assert expiry.inactivity_months(policy) is None


def test_the_brands_day_counts_not_the_servers() -> None:
    # 22 November 17:30 in London is already the 23rd in Shanghai.
    earned = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
    assert expiry.expires_at({"policy": "days", "days": 1}, earned, SHANGHAI) == datetime(
        2026, 11, 24, 16, tzinfo=UTC
    )


def test_never_and_inactivity_have_no_date() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert expiry.expires_at({"policy": "never"}, now, SHANGHAI) is None
    assert expiry.expires_at({"policy": "inactivity", "months": 6}, now, SHANGHAI) is None
    assert expiry.inactivity_months({"policy": "inactivity", "months": 6}) == 6


@pytest.mark.parametrize(
    "policy",
    [
        {}, {"policy": "weeks"}, {"policy": "days"}, {"policy": "days", "days": -1},
        {"policy": "days", "days": "3"}, {"policy": "days", "days": True}, {"policy": "fixed"},
        {"policy": "months", "months": 1.5}, {"policy": "fixed", "on": "31.12.2026"},
    ],
)  # fmt: skip
def test_unknown_policies(policy: dict) -> None:
    with pytest.raises(expiry.UnknownPolicy):
        expiry.expires_at(policy, datetime(2026, 11, 22, tzinfo=UTC), SHANGHAI)


def test_pending_days_keep_the_local_time_across_the_clock_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    earned = datetime(2026, 10, 24, 9, 30, tzinfo=berlin)
    assert expiry.available_at(earned, 1, berlin) == datetime(2026, 10, 25, 9, 30, tzinfo=berlin)
    assert expiry.available_at(earned, 1, berlin) - earned == timedelta(hours=25)


@given(day=st.dates(date(1990, 1, 1), date(2090, 1, 1)), months=st.integers(0, 600))
def test_months_are_clipped_never_skipped(day: date, months: int) -> None:
    later = expiry.add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@example(at=datetime(2003, 10, 24, 16, tzinfo=UTC), days=1, zone="America/Havana")
@given(at=INSTANTS, days=st.integers(0, 4000), zone=ZONES)
def test_points_are_valid_on_their_last_day_and_not_after(at: datetime, days: int, zone: str) -> None:
    tz = ZoneInfo(zone)
    end = expiry.expires_at({"policy": "days", "days": days}, at, tz)
    assert end is not None
    last = at.astimezone(tz).date() + timedelta(days=days)
    assert end > at
    just_before, after = (end - timedelta(microseconds=1)).astimezone(tz), end.astimezone(tz)
    # Where midnight comes twice (Havana, 2003-10-26), the later one counts.
    twice = just_before.utcoffset() != after.utcoffset()
    assert just_before.date() <= last or twice or days == 0
    assert after.date() == last + timedelta(days=1)


@pytest.mark.django_db
def test_sliding_inactivity_is_the_same_in_the_database(in_acme: Brand) -> None:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(at=INSTANTS, months=st.integers(0, 60), zone=ZONES)
    def compare(at: datetime, months: int, zone: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT points_inactive_at(%s, %s::smallint, %s)", [at, months, zone])
            assert cursor.fetchone()[0] == expiry.inactive_at(at, months, ZoneInfo(zone))

    compare()
