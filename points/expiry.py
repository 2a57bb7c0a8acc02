"""When points become spendable and when they end: calendar arithmetic in the brand's time zone. Pure.

The anniversary day is the last valid day: points end at 00:00 of the day after, exclusive. Month ends are
clipped (31 January + 1 month = 28 or 29 February). Where a local time does not exist or exists twice the
later instant counts, as in PostgreSQL's `AT TIME ZONE`.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

POLICIES = (
    "never",
    "fixed",
    "days",
    "months",
    "end_of_month",
    "end_of_year",
    "inactivity",
)


class UnknownPolicy(ValueError):
    """The expiry policy is none of `POLICIES`, or lacks its number or date."""


def expires_at(policy: Mapping[str, Any], earned_at: datetime, tz: tzinfo) -> datetime | None:
    """The instant (UTC) at which points earned at `earned_at` end; None for `never` and `inactivity`.

    Raises UnknownPolicy.
    """
    last_day = last_valid_day(policy, earned_at.astimezone(tz).date())
    return None if last_day is None else midnight(last_day + timedelta(days=1), tz)


def inactivity_months(policy: Mapping[str, Any]) -> int | None:
    """The months without accrual or burn after which points of this policy end; None for other policies."""
    return _whole(policy, "months") if policy.get("policy") == "inactivity" else None


def last_valid_day(policy: Mapping[str, Any], earned_on: date) -> date | None:
    """The last day (brand time) on which points earned on `earned_on` can be spent. Raises UnknownPolicy."""
    match policy.get("policy"):
        case "never" | "inactivity":
            return None
        case "fixed":
            return _day(policy)
        case "days":
            return earned_on + timedelta(days=_whole(policy, "days"))
        case "months":
            return add_months(earned_on, _whole(policy, "months"))
        case "end_of_month":
            month = add_months(earned_on.replace(day=1), _whole(policy, "months"))
            return month.replace(day=calendar.monthrange(month.year, month.month)[1])
        case "end_of_year":
            return date(earned_on.year + _whole(policy, "years"), 12, 31)
        case other:
            raise UnknownPolicy(f"unknown expiry policy {other!r}")


def inactive_at(last_activity_at: datetime, months: int, tz: tzinfo) -> datetime:
    """The instant (UTC) at which `months` without accrual or burn end points; as in the SQL function."""
    last_day = add_months(last_activity_at.astimezone(tz).date(), months)
    return midnight(last_day + timedelta(days=1), tz)


def available_at(earned_at: datetime, days: int, tz: tzinfo) -> datetime:
    """The instant (UTC) `days` days later at the same local time."""
    local = earned_at.astimezone(tz)
    return _later(local.replace(tzinfo=None, fold=0) + timedelta(days=days), tz)


def grace_until(now: datetime, days: int, tz: tzinfo) -> datetime:
    """The end of the grace for points given back to a lot that has run out: midnight after `days` days."""
    return day_start(now, tz, plus_days=days + 1)


def day_start(at: datetime, tz: tzinfo, *, plus_days: int = 0) -> datetime:
    """00:00 (as an instant in UTC) of the local day of `at`, or of one `plus_days` days later."""
    return midnight(at.astimezone(tz).date() + timedelta(days=plus_days), tz)


def month_start(at: datetime, tz: tzinfo) -> datetime:
    """00:00 (as an instant in UTC) of the first day of the local month of `at`."""
    return midnight(at.astimezone(tz).date().replace(day=1), tz)


def midnight(day: date, tz: tzinfo) -> datetime:
    """00:00 of `day` in `tz`, as an instant in UTC."""
    return _later(datetime.combine(day, time(0)), tz)


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, clipped to the end of that month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _later(local: datetime, tz: tzinfo) -> datetime:
    return max(local.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))


def _whole(policy: Mapping[str, Any], name: str) -> int:
    value = policy.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 36_500:
        raise UnknownPolicy(f"{policy.get('policy')!r} needs a whole number {name!r}")
    return value


def _day(policy: Mapping[str, Any]) -> date:
    value = policy.get("on")
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise UnknownPolicy("'fixed' needs a date 'on'") from error
