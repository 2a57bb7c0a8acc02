"""`POST /earning-rules/simulate`: exact figures of small books, and nothing written but the job."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.lib import clock
from points.models import Entry
from tenants.models import Brand
from tests.campaigns.test_grants import CARD, DOUBLE
from tests.orders.shapes import BASE, line, multiplier, order, priced, rate, set_policy
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tiers.shapes import SILVER, level, program

pytestmark = pytest.mark.django_db
Simulate = Callable[..., dict[str, Any]]
BEN = {"member": {"external_id": "C-ben"}}
PERIOD = {"from": "2026-11-01T00:00:00+08:00", "to": "2026-12-01T00:00:00+08:00"}


def figures(compared: dict[str, Any], name: str = "points") -> tuple[Any, Any, Any]:
    return compared["today"][name], compared["draft"][name], compared["difference"][name]


def by(rows: list[dict[str, Any]], name: str) -> dict[str, tuple[int, int, int]]:
    return {row[name]: figures(row) for row in rows}


@pytest.fixture
def books(api: Api, publish: Callable[..., None]) -> None:
    """Two members with three orders: 20 + 40 for Anna, 30 for Ben, on two days, in two stores."""
    publish(BASE)
    first = order("1", lines=[line("15", category="fresh/dairy"), line("5", category="drinks")])
    assert api.post("/orders", first).status_code == 201
    api.post("/orders", priced("2", "40", ordered_at="2026-11-20T10:00:00+08:00", store_id="S02"))
    api.post("/orders", priced("3", "30", channel="app", **BEN))


def test_a_draft_against_todays_rules(books: None, simulate: Simulate) -> None:
    draft = multiplier(
        "sunday", "2", schedule={"rrule": "FREQ=WEEKLY;BYDAY=SU"}, cost_centre="hq", priority=3
    )
    told = simulate(draft, **PERIOD)
    # The 22nd is a Sunday: orders 1 and 3 are doubled.
    assert figures(told["totals"]) == (90, 140, 50)
    assert told["orders"] == {
        "recorded": 3, "judged": 3, "counted": 3, "lines": 4, "guests": 0, "members": 2,
        "points_given_then": 90,
    }  # fmt: skip
    assert by(told["by_rule"], "rule") == {"base": (90, 90, 0), "sunday": (0, 50, 50)}
    assert by(told["by_day"], "day") == {"2026-11-20": (40, 40, 0), "2026-11-22": (50, 100, 50)}
    assert by(told["by_store"], "store") == {"S01": (50, 100, 50), "S02": (40, 40, 0)}
    assert by(told["by_channel"], "channel") == {"store": (60, 80, 20), "app": (30, 60, 30)}
    assert by(told["by_category"], "category") == {
        "fresh": (15, 30, 15), "drinks": (5, 10, 5), "": (70, 100, 30),
    }  # fmt: skip
    assert by(told["by_cost_centre"], "cost_centre") == {"": (90, 90, 0), "hq": (0, 50, 50)}
    assert told["members"] == {"gain": 2, "lose": 0, "same": 0, "points_gained": 50, "points_lost": 0}
    assert told["distribution"]["draft"] == {
        "members": 2, "mean": "70.0", "p50": 60, "p90": 80, "p99": 80, "max": 80,
    }  # fmt: skip
    assert [row["draft"] for row in told["top_members"]["points"]] == [80, 60]
    assert [row["difference"] for row in told["top_members"]["gain"]] == [30, 20]
    assert (told["refusals"]["draft"], told["refusals"]["today"]) == ({"schedule": 1}, {})
    assert told["changes"] == [{"rule": "sunday", "change": "new", "version": None}]
    assert told["warnings"] == []


def test_a_rule_in_another_currency_tells_its_own_points_and_the_totals_leave_them_out(
    books: None, simulate: Simulate
) -> None:
    told = simulate(rate("stars", "2") | {"points": {"currency": "stars"}}, **PERIOD)
    row = next(row for row in told["by_rule"] if row["rule"] == "stars")
    assert (row["points_currency"], figures(row), figures(row, "orders")) == (
        "stars",
        (0, 180, 180),
        (0, 3, 3),
    )
    assert (figures(told["totals"]), told["members"]["gain"]) == ((90, 90, 0), 0)
    stars = next(row for row in told["by_currency"] if row["points_currency"] == "stars")
    assert (figures(stars), stars["draft"]["cost"]) == ((0, 180, 180), row["draft"]["cost"])
    assert by(told["by_store"], "store") == {"S01": (50, 50, 0), "S02": (40, 40, 0)}


def test_points_cost_what_they_cost_at_the_time_of_the_purchase(
    books: None, api: Api, simulate: Simulate, in_acme: Brand
) -> None:
    api.post("/reports/unit-costs", {"points_currency": "points", "cost": "0.02"})
    told = simulate(multiplier("double", "2"), **PERIOD)
    then = Decimal(str(in_acme.setting("point_cost")))
    assert then != Decimal("0.02")
    today, draft, difference = (Decimal(value) for value in figures(told["totals"], "cost"))
    assert (today, draft, difference) == (90 * then, 180 * then, 90 * then)
    # What is owed at the end of the period is worth what a point costs then.
    assert told["totals"]["draft"]["liability"] == {"points": 180, "pending": 0, "amount": "3.60"}
    assert told["by_currency"][0]["draft"]["liability"]["amount"] == "3.60"


def test_what_runs_out_within_the_period_is_not_owed_at_its_end_and_what_waits_is_pending(
    books: None, simulate: Simulate
) -> None:
    short = BASE | {"points": {"expiry": {"policy": "days", "days": 8}, "pending": {"days": 8}}}
    owed = simulate(short, **PERIOD)["totals"]["draft"]["liability"]
    # The 20th + 8 days is the 28th, the 22nd + 8 days the 30th, whose end is the end of the period.
    assert (owed["points"], owed["pending"]) == (0, 0)
    owed = simulate(short, **PERIOD | {"to": "2026-11-30T00:00:00+08:00"})["totals"]["draft"]["liability"]
    assert (owed["points"], owed["pending"]) == (50, 50)


def test_a_draft_takes_the_place_of_its_rule_and_a_rule_may_be_left_out(
    books: None, api: Api, publish: Callable[..., None], simulate: Simulate
) -> None:
    publish(multiplier("double", "2"))
    api.patch("/earning-rules/base", {"effect": {"type": "per_amount", "points": "3", "per": "1"}})
    told = simulate({"code": "base"}, retire=["double"], **PERIOD)
    assert figures(told["totals"]) == (180, 270, 90)
    assert told["orders"]["points_given_then"] == 90  # the multiplier was not there then
    assert told["changes"] == [
        {"rule": "base", "change": "replaced", "version": 1},
        {"rule": "double", "change": "retired", "version": 1},
    ]
    told = simulate({"code": "base", "version": 1}, **PERIOD)
    assert figures(told["totals"]) == (180, 180, 0)
    assert told["members"]["same"] == 2


def test_members_may_lose(books: None, simulate: Simulate) -> None:
    told = simulate(BASE | {"effect": {"type": "per_amount", "points": "0.5", "per": "1"}}, **PERIOD)
    assert told["members"] == {"gain": 0, "lose": 2, "same": 0, "points_gained": 0, "points_lost": 45}
    assert [row["difference"] for row in told["top_members"]["lose"]] == [-30, -15]


def test_filters_choose_what_is_counted_and_caps_are_used_by_all(
    books: None, api: Api, simulate: Simulate
) -> None:
    capped = BASE | {"caps": {"total": 50}}
    told = simulate(capped, filters={"stores": ["S02"]}, **PERIOD)
    # Order 1 took 20 of the 50 before.
    assert figures(told["totals"]) == (40, 30, -10)
    assert (told["orders"]["judged"], told["orders"]["counted"]) == (3, 1)
    api.put("/tiers", program())
    none = simulate(BASE, filters={"tiers": ["gold"]}, **PERIOD)
    assert none["orders"]["counted"] == 0
    assert [each["code"] for each in none["warnings"]] == ["no_orders"]


def test_caps_are_kept_in_memory_in_the_order_of_processing(books: None, simulate: Simulate) -> None:
    capped = BASE | {"caps": {"per_member": {"month": 50}, "total": 70}}
    told = simulate(capped, **PERIOD)
    # Anna 20, then 30 of 40 by month; then 20 of Ben's 30 by total.
    assert figures(told["totals"]) == (90, 70, -20)
    (row,) = told["by_rule"]
    assert (row["draft"]["matched"], row["draft"]["cut_by_caps"]) == (3, 2)
    assert {"cap_hit", "caps_from_zero"} == {each["code"] for each in told["warnings"]}
    hit = next(each for each in told["warnings"] if each["code"] == "cap_hit")
    assert hit["values"] == {"percent": 66, "orders": 2}
    assert "66 %" in hit["detail"]


def test_history_is_that_of_each_order(books: None, api: Api, simulate: Simulate) -> None:
    third = BASE | {
        "code": "second",
        "when": {"all": [{"fact": "member.nth_order", "op": "eq", "value": 2}]},
        "effect": {"type": "fixed", "points": 100},
    }
    window = BASE | {
        "code": "spent",
        "when": {"all": [{"fact": "member.orders.amount", "window": "month", "op": "gte", "value": "60"}]},
        "effect": {"type": "fixed", "points": 7},
    }
    # Order 2 was processed after order 1, but bought before it: it is the first of its time.
    assert by(simulate(third, **PERIOD)["by_rule"], "rule")["second"] == (0, 0, 0)
    assert by(simulate(window, **PERIOD)["by_rule"], "rule")["spent"] == (0, 0, 0)
    api.post("/orders", priced("4", "1", ordered_at="2026-11-22T09:30:00+08:00"))
    told = simulate(third | {"when": {"all": [{"fact": "member.nth_order", "op": "eq", "value": 3}]}})
    assert by(told["by_rule"], "rule")["second"] == (0, 100, 100)
    assert by(simulate(window)["by_rule"], "rule")["spent"] == (0, 7, 7)
    # What lies before the period is part of the past.
    late = {"from": "2026-11-22T09:20:00+08:00"}
    assert by(simulate(window, **late)["by_rule"], "rule")["spent"] == (0, 7, 7)
    days = third | {
        "when": {"all": [{"fact": "member.days_since_last_order", "op": "eq", "value": 0}]},
    }
    assert by(simulate(days, **late)["by_rule"], "rule")["second"] == (0, 100, 100)


def test_it_writes_nothing_but_its_job(
    books: None, api: Api, simulate: Simulate, row_counts: Callable[[], Any], in_acme: Brand
) -> None:
    api.post("/orders", priced("spent", "20"))
    ledger = list(Entry.objects.order_by("id").values())
    before = row_counts()
    simulate(BASE | {"caps": {"per_member": {"day": 10}, "total": 15}}, **PERIOD)
    after = row_counts()
    assert {name: n - before[name] for name, n in after.items() if n != before[name]} == {
        "acme.outbox_job": 1
    }
    assert list(Entry.objects.order_by("id").values()) == ledger


def test_returned_orders_are_judged_as_placed_and_guests_not_at_all(
    books: None, api: Api, simulate: Simulate
) -> None:
    api.post("/orders/1/returns", {"return_id": "R1", "all": True})
    api.post("/orders", priced("guest", "100", member=None))
    told = simulate(**PERIOD)
    assert figures(told["totals"]) == (90, 90, 0)
    assert (told["orders"]["guests"], told["orders"]["judged"]) == (1, 3)


@pytest.mark.parametrize("multiplied", ["1", "1.5"])
def test_tiers_are_those_recorded_or_those_held_then(
    api: Api, publish: Callable[..., None], simulate: Simulate, now: datetime, multiplied: str
) -> None:
    """With a multiplier the tier was recorded with each order; without, it follows from its history."""
    api.put("/tiers", program(levels=[SILVER, level("gold", 1000, multiplied)]))
    publish(BASE)
    api.post("/orders", priced("1", "6000"))
    with clock.frozen(now + timedelta(hours=1)):
        api.post("/orders", priced("2", "10"))
    gold = multiplier("for-gold", "2", when={"all": [{"fact": "member.tier", "op": "gte", "value": "gold"}]})
    before = 10 if multiplied == "1" else 15
    with clock.frozen(now + timedelta(hours=2)):
        told = simulate(gold)
    assert by(told["by_tier"], "tier") == {"silver": (6000, 6000, 0), "gold": (before, before + 10, 10)}
    assert told["orders"]["points_given_then"] == 6000 + before


def test_rules_on_completion_are_judged_when_it_came(
    api: Api, publish: Callable[..., None], simulate: Simulate
) -> None:
    publish(BASE, BASE | {"code": "done", "trigger": "order.completed"})
    api.post("/orders", priced("1", "10"))
    api.post("/orders", priced("2", "20", completed_at="2026-11-22T09:20:00+08:00"))
    api.post("/orders", priced("3", "40"))
    api.post("/orders/1/complete")
    told = simulate(multiplier("double", "2", trigger="order.completed"))
    assert by(told["by_rule"], "rule") == {"base": (70, 70, 0), "done": (30, 30, 0), "double": (0, 30, 30)}
    assert told["orders"]["points_given_then"] == 100


def test_an_order_that_completes_later_is_no_part_of_its_own_past(
    api: Api, base_rule: None, simulate: Simulate
) -> None:
    for number, price in (("1", "10"), ("2", "20")):
        api.post("/orders", priced(number, price))
        api.post(f"/orders/{number}/complete")
    counted = BASE | {"trigger": "order.completed"}
    nth = [{"fact": "member.nth_order", "op": "eq", "value": 2}]
    recent = [{"fact": "member.days_since_last_order", "op": "gte", "value": 0}]
    told = simulate(
        counted | {"code": "second", "when": {"all": nth}},
        counted | {"code": "recent", "when": {"all": recent}},
    )
    # Order 1 was completed before order 2 came: it has nobody before it, itself left out.
    assert by(told["by_rule"], "rule") == {"base": (30, 30, 0), "second": (0, 20, 20), "recent": (0, 20, 20)}


def test_facts_are_those_recorded_and_todays_where_nobody_asked(
    api: Api, publish: Callable[..., None], simulate: Simulate
) -> None:
    def tagged(code: str, tag: str) -> dict[str, Any]:
        return multiplier(code, "2", when={"all": [{"fact": "member.tags", "op": "has", "value": tag}]})

    api.post("/orders", priced("nobody-asked", "100"))
    publish(BASE, tagged("vip", "vip"))
    api.patch(f"/members/{ANNA}", {"tags": ["vip"]})
    api.post("/orders", priced("as-vip", "10"))
    api.patch(f"/members/{ANNA}", {"tags": ["staff"]})
    told = simulate(tagged("staff", "staff"))
    assert by(told["by_rule"], "rule") == {"base": (110, 110, 0), "vip": (10, 10, 0), "staff": (0, 100, 100)}


def test_what_rounding_carries_is_carried(
    api: Api, publish: Callable[..., None], simulate: Simulate, acme: Brand
) -> None:
    set_policy(acme, rounding="carry")
    publish(BASE)
    for number in range(4):
        api.post("/orders", priced(str(number), "0.60"))
    told = simulate()
    assert figures(told["totals"]) == (2, 2, 0)
    assert told["orders"]["points_given_then"] == 2


def test_warnings_say_what_is_odd(books: None, api: Api, simulate: Simulate) -> None:
    told = simulate(
        rate("luxury", "5", "luxury"), multiplier("m", "2", trigger="activity.check-in"), **PERIOD
    )
    found = [(each["rule"], each["code"]) for each in told["warnings"]]
    assert found == [
        ("luxury", "never_matches"),
        ("luxury", "category_never_seen"),
        ("m", "not_an_order"),
    ]
    assert told["warnings"][1]["pointer"] == "/when/all/0/value/0"


def test_benefits_are_those_of_each_orders_instant(
    api: Api, publish: Callable[..., None], simulate: Simulate
) -> None:
    publish(BASE, CARD)
    # The card of seven days that the first order earns; the others: on its last day, and after it.
    api.post("/orders", priced("1", "100", ordered_at="2026-11-12T10:00:00+08:00"))
    api.post("/orders", priced("2", "10", ordered_at="2026-11-19T10:00:00+08:00"))
    api.post("/orders", priced("3", "10", ordered_at="2026-11-20T10:00:00+08:00"))
    api.post("/orders", priced("4", "10", ordered_at="2026-11-19T10:00:00+08:00", **BEN))
    told = simulate(DOUBLE, **PERIOD)
    assert figures(told["totals"]) == (130, 140, 10)
    assert told["warnings"] == []
    # Taken back meanwhile, it still was there when the second order was judged.
    clock_later = clock.now() + timedelta(days=1)
    with clock.frozen(clock_later):
        assert api.post("/orders/1/cancel").status_code == 200
    assert figures(simulate(DOUBLE, **PERIOD)["totals"])[2] == 10
