"""What finance reads, in exact numbers, through the API."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.analytics import invariants
from loyalty.lib import clock, ids
from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.analytics.support import earn, get, item, lines, local, parts, story
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)


@pytest.fixture
def books(acme: Brand) -> None:
    with in_brand(acme):
        story()


def liability(api: Api, at: datetime) -> Any:
    answer = api.get(f"/reports/liability?at={at.isoformat().replace('+', '%2B')}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def roll(api: Api, month: str) -> Any:
    answer = api.get(f"/reports/roll-forward?month={month}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_liability_at_any_instant_is_what_the_books_said_then(api: Api, books: None) -> None:
    assert item(liability(api, local(2026, 8, 31)))["outstanding"] == {"points": 1500, "amount": "15.00"}
    # Anna 1000 − 200 − 100; Boris 500 + 100 − 50 + 30 + 400 − 900 − 400, of which 320 are debt.
    then = item(liability(api, local(2026, 9, 30)))
    assert then["outstanding"] == {"points": 380, "amount": "3.80"}
    assert (then["gross"]["points"], then["debt"]["points"]) == (700, 320)
    assert parts(then["by_expiry"], "month") == {"2026-10": 700}
    assert parts(then["by_earned"], "month") == {"2026-08": 700}
    assert parts(then["by_age"], "days") == {"31-90": 700}
    # What happened since has not changed what was said of August; nor what of the last second.
    assert liability(api, local(2026, 8, 3) - TICK)["items"] == []
    stars = item(liability(api, local(2026, 9, 30)), "stars")
    assert stars["outstanding"] == {"points": 200, "amount": "2.00"}


def test_a_month_begins_and_ends_to_the_second_in_the_brands_time_zone(api: Api, books: None) -> None:
    october, november = roll(api, "2026-10"), roll(api, "2026-11")
    assert lines(october) == {
        "opening": 380,
        "issued": 70 + 120 + 9,
        "given_back": 80,
        "closing": 659,
    }
    assert lines(november)["opening"] == 659
    assert (lines(november)["issued"], lines(november)["expired"]) == (1007, -780)
    assert (october["starts_at"], october["ends_at"]) == ("2026-09-30T16:00:00Z", "2026-10-31T16:00:00Z")


def test_every_line_of_the_roll_forward(api: Api, books: None) -> None:
    assert lines(roll(api, "2026-08")) == {"issued": 1500, "closing": 1500}
    september = roll(api, "2026-09")
    assert lines(september) == {
        "opening": 1500,
        "issued": 400,
        "redeemed": -200 - 900,
        "taken_back": -400,
        "adjusted": -50 + 30,
        "closing": 380,
    }
    assert lines(september, "stars") == {"opening": 300, "redeemed": -100, "closing": 200}
    assert september["total"] == {"opening": "18.00", "closing": "5.80"}
    assert (september["status"], roll(api, "2026-11")["status"]) == ("over", "running")


@pytest.mark.parametrize("month", ["2026-08", "2026-09", "2026-10", "2026-11"])
def test_months_tie_with_each_other_and_with_the_liability(api: Api, books: None, month: str) -> None:
    report = roll(api, month)
    year, number = map(int, month.split("-"))
    end = min(local(year, number % 12 + 1, 1) - TICK, clock.now())
    owed = liability(api, end)
    following = roll(api, f"2026-{number + 1:02d}") if number < 11 else None
    for each in report["items"]:
        name = each["points_currency"]
        moved = [line for line in each["lines"] if line["line"] not in ("opening", "closing")]
        by_name = {line["line"]: line for line in each["lines"]}
        assert by_name["opening"]["points"] + sum(x["points"] for x in moved) == by_name["closing"]["points"]
        money = Decimal(by_name["opening"]["amount"]) + sum(Decimal(x["amount"]) for x in moved)
        assert money == Decimal(by_name["closing"]["amount"])
        assert item(owed, name)["outstanding"]["points"] == by_name["closing"]["points"]
        assert sum(x["points"] for x in each["cost_centres"]) == sum(x["points"] for x in moved)
        if following:
            assert item(following, name)["lines"][0]["points"] == by_name["closing"]["points"]


def test_what_came_late_is_shown_apart(api: Api, books: None) -> None:
    october = item(roll(api, "2026-10"))
    issued = next(line for line in october["lines"] if line["line"] == "issued")
    assert (issued["entries"], issued["late_points"], issued["late_amount"]) == (3, 70, "0.70")
    assert october["late"] == [
        {"effective_month": "2026-08", "line": "issued", "points": 70, "amount": "0.70", "entries": 1}
    ]


def test_each_cost_centre_has_its_lines(api: Api, books: None) -> None:
    centres = {c["cost_centre"]: c for c in item(roll(api, "2026-08"))["cost_centres"]}
    assert {name: each["points"] for name, each in centres.items()} == {"": 500, "marketing": 1000}
    assert [line["line"] for line in centres["marketing"]["lines"]] == ["issued"]


def test_a_new_unit_cost_holds_from_now_on_and_changes_no_earlier_report(api: Api, books: None) -> None:
    before = roll(api, "2026-10")
    answer = api.post("/reports/unit-costs", {"cost": "0.025", "valid_from": local(2026, 11, 10).isoformat()})
    assert (answer.status_code, answer.json()["cost"]) == (201, "0.025")
    assert roll(api, "2026-10") == before
    assert liability(api, local(2026, 11, 10) - TICK)["items"][0]["unit_cost"] == "0.01"
    assert item(liability(api, local(2026, 11, 10)))["outstanding"] == {"points": 886, "amount": "22.15"}
    november = {line["line"]: line["amount"] for line in item(roll(api, "2026-11"))["lines"]}
    assert november == {
        **dict.fromkeys(november, "0.00"),
        "opening": "6.59",
        "issued": "10.07",
        "expired": "-7.80",
        "revaluation": "13.29",  # 886 × 0.015
        "closing": "22.15",
    }
    # The other currency has no cost of its own, and keeps the brand's.
    assert item(liability(api, local(2026, 11, 20)), "stars")["unit_cost"] == "0.01"


def test_a_later_change_of_the_setting_changes_no_past_report(acme: Brand, api: Api, books: None) -> None:
    api.post("/reports/unit-costs", {"cost": "0.02"})
    before = roll(api, "2026-09")
    Brand.objects.filter(pk=acme.pk).update(settings={"point_cost": "0.5"})
    assert item(roll(api, "2026-09")) == item(before)
    assert item(roll(api, "2026-09"), "stars")["unit_cost"]["closing"] == "0.01"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"cost": "-1"}, "/cost"),
        ({"cost": "0.0000001"}, "/cost"),
        ({"cost": "1000001"}, "/cost"),
        ({"cost": "1", "valid_from": "yesterday"}, "/valid_from"),
        ({"cost": "1", "points_currency": ""}, "/points_currency"),
        ({}, "/cost"),
    ],
)
def test_a_bad_unit_cost_is_named_and_not_written(api: Api, row_counts, body: Any, pointer: str) -> None:
    before = row_counts()
    answer = api.post("/reports/unit-costs", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert row_counts() == before


def test_a_cost_with_too_many_digits_is_told_how_many_it_may_have(api: Api) -> None:
    for cost in ("0.1234567", "-12.00000000001"):
        (error,) = api.post("/reports/unit-costs", {"cost": cost}).json()["errors"]
        assert (error["code"], error["detail"]) == ("places", "At most 6 digits after the decimal point.")


@pytest.mark.parametrize(
    "path",
    [
        "/reports/roll-forward?month=2026-13",
        "/reports/roll-forward?month=October",
        "/reports/roll-forward?month=2026-12",
        "/reports/liability?at=2026-12-01T00:00:00Z",
        "/reports/breakage?at=2027-01-01T00:00:00Z",
        "/reports/liability?at=now",
        "/reports/liability?format=pdf",
        "/reports/liability?on=2026-10-01",
        "/reports/entries",
    ],
)
def test_what_cannot_be_reported_is_refused(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "validation_failed"


def test_the_other_brand_sees_nothing_of_it(api: Api, foreign: Api, books: None) -> None:
    assert item(liability(api, clock.now()))["outstanding"]["points"] == 886
    assert liability(foreign, clock.now())["items"] == []
    assert roll(foreign, "2026-10")["items"] == []
    assert get(foreign, "/reports/breakage").json()["items"] == []


def test_pending_and_held_points_stand_apart_at_any_instant(acme: Brand, api: Api) -> None:
    with in_brand(acme):
        earn(ANNA, 100, "p-1", now=local(2026, 10, 1), available_at=local(2026, 10, 11))
        earn(ANNA, 50, "p-2", now=local(2026, 10, 1), waits_for="order.completed", waits_ref="p-2")
        earn(ANNA, 40, "p-3", now=local(2026, 10, 1))
        hold = points.hold(
            member_id=ANNA, points=30, reference="h-1", expires_at=local(2026, 10, 20), now=local(2026, 10, 2)
        )
        points.capture(hold_id=hold.hold_id, points=10, now=local(2026, 10, 5))
        points.activate(waits_for="order.completed", waits_ref="p-2", now=local(2026, 10, 15))

    def split(day: int) -> tuple[int, ...]:
        then = item(liability(api, local(2026, 10, day, 12)))
        return tuple(then[name]["points"] for name in ("available", "pending", "held", "outstanding"))

    assert {day: split(day) for day in (1, 2, 5, 11, 15)} == {
        1: (40, 150, 0, 190),
        2: (10, 150, 30, 190),
        5: (30, 150, 0, 180),
        11: (130, 50, 0, 180),
        15: (180, 0, 0, 180),
    }


def test_verify_ledger_holds_the_report_against_the_members(acme: Brand, books: None) -> None:
    with in_brand(acme):
        outcome = invariants.liability_report()
        assert (outcome.rows > 0, list(outcome.violations)) == (True, [])


def test_members_who_become_one_move_nothing_between_the_lines(acme: Brand, api: Api, books: None) -> None:
    with in_brand(acme):  # Boris owes 200
        points.merge(from_member_id=BORIS, into_member_id=ANNA, journal_id=ids.new(), now=clock.now())
        assert list(invariants.liability_report().violations) == []
    assert lines(roll(api, "2026-11")) == {"opening": 659, "issued": 1007, "expired": -780, "closing": 886}
    owed = item(liability(api, clock.now()))
    assert (owed["gross"]["points"], owed["debt"]["points"]) == (886, 0)
    cohorts = item(get(api, "/reports/breakage").json())["cohorts"]
    assert {c["month"]: c["outstanding"] for c in cohorts if c["outstanding"]} == {
        part["month"]: part["points"] for part in owed["by_earned"]
    }
