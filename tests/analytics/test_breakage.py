"""What was never redeemed, and the forecast: the pure core by hand, the report through the API."""

from fractions import Fraction

import pytest

from loyalty.analytics.finance import breakage
from loyalty.analytics.finance.breakage import Use
from loyalty.analytics.finance.months import Month
from tenants.context import in_brand
from tenants.models import Brand
from tests.analytics.support import item, local, story
from tests.support.client import Api

MAY, JUNE, JULY = Month(2026, 5), Month(2026, 6), Month(2026, 7)
EARNED = {MAY: 100, JUNE: 200}
USES = [
    Use(MAY, MAY, "redeemed", 20),
    Use(MAY, JUNE, "redeemed", 40),
    Use(MAY, JULY, "expired", 40),
    Use(JUNE, JUNE, "redeemed", 100),
    Use(JUNE, JUNE, "taken_back", 20),
    Use(JUNE, JULY, "redeemed", 8),
]


def test_the_chance_of_redemption_by_age() -> None:
    # Age 0: (20 + 100) of (100 + 200). Age 1, of May alone, as July is not over: 40 of 80.
    assert breakage.chances(EARNED, USES, until=JULY) == [Fraction(2, 5), Fraction(1, 2)]


def test_a_month_that_is_not_over_teaches_nothing() -> None:
    assert breakage.chances({JULY: 10}, [], until=JULY) == []
    assert breakage.chances({}, [], until=JULY) == []


def test_points_expire_if_they_escape_every_age_until_their_last_month() -> None:
    observed = [Fraction(2, 5), Fraction(1, 2)]
    august = JULY.plus(1)
    found = breakage.forecast([(JULY, august, 100), (JUNE, august, 80), (JULY, JULY, 10)], observed, now=JULY)
    # July's 100: 3/5 × 1/2. June's 80, at age 1 now: 1/2 × 1/2, the oldest chance known. 10: 3/5.
    assert [(each.month, each.points, each.breakage) for each in found] == [(JULY, 10, 6), (august, 180, 50)]


def test_without_experience_nothing_is_foretold() -> None:
    assert breakage.forecast([(JULY, JULY, 10)], [], now=JULY) == []


def test_cohorts_add_up() -> None:
    may, june = breakage.cohorts(EARNED, USES)
    assert (may.rate, may.outstanding) == (Fraction(2, 5), 0)
    assert (june.rate, june.outstanding) == (Fraction(0), 72)


@pytest.mark.django_db
def test_the_report(acme: Brand, api: Api) -> None:
    with in_brand(acme):
        story()
    found = item(api.get("/reports/breakage").json())
    august, september, *_others = found["cohorts"]
    # 1500 and Chen's late 70; redeemed: Anna 200 − 80, Boris' 900 took from August's lots first; 780 expired.
    assert (august["month"], august["earned"], august["expired"]) == ("2026-08", 1570, 780)
    assert september["earned"] == 400 + 30
    assert sum(c["redeemed"] for c in found["cohorts"]) == 200 - 80 + 900
    assert sum(c["taken_back"] for c in found["cohorts"]) == 200  # 80 at once, 120 repaid later
    assert [m for m in found["months"] if m["expired"]] == [
        {"month": "2026-11", "redeemed": 0, "expired": 780, "amount": "7.80", "rate": "1.0000"}
    ]
    lots = item(api.get("/reports/liability").json())["by_earned"]
    assert {c["month"]: c["outstanding"] for c in found["cohorts"] if c["outstanding"]} == {
        part["month"]: part["points"] for part in lots
    }
    earlier = f"/reports/breakage?at={local(2026, 9, 30).isoformat().replace('+', '%2B')}"
    then = item(api.get(earlier).json())
    assert sum(c["expired"] for c in then["cohorts"]) == 0
    # Until 31 October: August's points at the ages of 1 and 2 months, where 0 of 1500 was redeemed at age 0.
    assert then["forecast"]["by_expiry"] == [{"month": "2026-10", "points": 700, "expected": 700}]
