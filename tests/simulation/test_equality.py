"""Simulating the published rules gives the very points that recording the orders gave, over real baskets.

SIMULATED_BASKETS and SIMULATED_HOUSEHOLDS set how many; a few by default.
"""

import os
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from campaigns.services import orders
from loyalty.dev.demo import purchases
from loyalty.lib import clock
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.shapes import BASE, multiplier, rate, set_policy
from tests.support.client import Api
from tests.tiers.shapes import SILVER, level, program

pytestmark = pytest.mark.django_db
BASKETS = int(os.environ.get("SIMULATED_BASKETS", "60"))
HOUSEHOLDS = int(os.environ.get("SIMULATED_HOUSEHOLDS", "4"))


def _when(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"when": {"all": list(conditions)}}


def _fixed(code: str, points: int, *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return BASE | {"code": code, "effect": {"type": "fixed", "points": points}} | _when(*conditions) | more


def _window(op: str, value: Any, fact: str = "count") -> dict[str, Any]:
    return {"fact": f"member.orders.{fact}", "window": "month", "op": op, "value": value}


def _rules(categories: list[str]) -> list[dict[str, Any]]:
    return [
        rate("base", "1"),
        rate("first-category", "2", categories[0]),
        rate("second-category", "3.3", categories[1])
        | {"caps": {"per_order": 60, "per_member": {"day": 90}}},
        multiplier("weekend", "1.5", schedule={"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}),
        multiplier("evening", "1.3", schedule={"hours": [["17:00", "23:00"]]}, stacking={"group": "promo"}),
        multiplier("half", "2", audience={"rollout_percent": 50}, stacking={"group": "promo"}),
        _fixed("first", 500, {"fact": "member.first_order", "op": "eq", "value": True}),
        _fixed("third-in-month", 40, _window("eq", 3), caps={"times": {"month": 1}}),
        _fixed(
            "spent", 25, _window("gte", "150", "amount"), caps={"per_member": {"lifetime": 75}, "total": 400}
        ),
        _fixed("again", 7, {"fact": "member.days_since_last_order", "op": "lte", "value": 3}),
        _fixed("done", 3, {"fact": "order.amount", "op": "gte", "value": "20"}, trigger="order.completed"),
    ]


def _as_they_came(baskets: list[purchases.Basket]) -> list[tuple[datetime, int, purchases.Basket]]:
    """When each was sent: at once, or (one in twenty) by a till that was offline for four days."""
    sent = [
        (each.ordered_at + (timedelta(days=4) if number % 20 == 7 else timedelta(seconds=20)), number, each)
        for number, each in enumerate(baskets)
    ]
    return sorted(sent, key=lambda each: each[:2])


@pytest.mark.whole
@pytest.mark.parametrize("rounding", ["floor", pytest.param("carry", marks=pytest.mark.whole)])
def test_todays_rules_over_real_baskets(
    api: Api,
    publish: Callable[..., None],
    simulate: Callable[..., dict[str, Any]],
    acme: Brand,
    rounding: str,
) -> None:
    set_policy(acme, rounding=rounding)
    baskets = purchases.load(
        last_day=date(2026, 11, 20), tz=acme.tz, currency="CNY", skipped=purchases.Skipped()
    )
    names = Counter(line["category"].split("/")[0] for each in baskets for line in each.body["lines"])
    heavy = {name for name, _count in Counter(each.household for each in baskets).most_common(HOUSEHOLDS)}
    chosen = [each for each in baskets if each.household in heavy][-BASKETS:]
    api.put("/tiers", program(levels=[SILVER, level("gold", 600, "1.2")]))
    publish(*_rules([name for name, _count in names.most_common(2)]))
    with in_brand(acme):
        for at, number, basket in _as_they_came(chosen):
            body = {**basket.body, "member": {"external_id": basket.household}}
            if number % 5 == 0:
                body["completed_at"] = body["ordered_at"]
            orders.record_order(content=orders.parse(body, currency="CNY", now=at), now=at)
            if number % 11 == 1:
                orders.complete_order(order_id=body["order_id"], now=at + timedelta(seconds=1))
            if number % 13 == 2:
                content = orders.parse_return({"return_id": f"R{number}", "all": True}, now=at)
                orders.record_return(order_id=body["order_id"], content=content, now=at)
        given = Entry.objects.filter(kind="accrual").aggregate(points=Sum("points"))["points"]
        by_rule = dict(
            Entry.objects.filter(kind="accrual").values_list("rule").annotate(Sum("points")).order_by("rule")
        )
    with clock.frozen(clock.now() + timedelta(days=30)):
        told = simulate(**{"from": "2020-01-01T00:00:00Z"})
    assert len(by_rule) >= 11  # every rule gave something, or the comparison says little
    assert told["orders"]["judged"] == len(chosen)
    assert {
        row["rule"]: row["today"]["points"] for row in told["by_rule"] if row["today"]["points"]
    } == by_rule
    assert told["totals"]["today"] == told["totals"]["draft"]
    assert told["totals"]["today"]["points"] == told["orders"]["points_given_then"] == given
    for name in ("tier", "category", "store", "channel", "day", "cost_centre"):
        assert sum(row["today"]["points"] for row in told[f"by_{name}"]) == given, name
