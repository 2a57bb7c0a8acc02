"""The example to test by (rules.md): 1,828 points, told rule by rule."""

from collections.abc import Callable
from typing import Any

import pytest

from tenants.models import Brand
from tests.orders.shapes import line, multiplier, order, rate
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tiers.shapes import level, program

pytestmark = pytest.mark.django_db


def test_1828_points(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(
        rate("default", "1"),
        rate("fresh", "2", "fresh"),
        rate("luxury", "5", "luxury"),
        multiplier("weekend", "1.5", schedule={"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}),
    )
    api.put("/tiers", program(levels=[level("silver", 0), level("gold", 1, "1.2")]))
    api.post("/orders", order("before", lines=[line("1.00")], ordered_at="2026-11-20T10:00:00+08:00"))
    body: dict[str, Any] = api.post(
        "/orders",
        order(
            "S01-1",
            ordered_at="2026-11-21T10:15:00+08:00",  # Saturday
            lines=[
                line("33.30", category="fresh/dairy"),
                line("199.99", category="luxury"),
                line("10.00", category="home"),
            ],
        ),
    ).json()
    assert sorted((e["rule"], e["points"]) for e in body["entries"]) == [
        ("default", 10),
        ("fresh", 66),
        ("luxury", 999),
        ("tier-gold", 215),
        ("weekend", 538),
    ]
    assert body["points"] == {"accrued": 1828, "pending": 0, "debt_repaid": 0}
    assert body["account"]["available"] == 1829
    back = api.post(
        "/orders/S01-1/returns", {"return_id": "R-1", "lines": [{"line_id": "2", "quantity": "1"}]}
    )
    # 33.30 × 2 + 10.00 = 76.60 base points: 66 + 10, weekend ⌊38.30⌋ = 38, tier ⌊15.32⌋ = 15.
    assert back.json()["points"] == {"taken_back": 1828 - 129, "debt": 0}
    assert api.get(f"/members/{ANNA}/account").json()["available"] == 130
    back = api.post("/orders/S01-1/returns", {"return_id": "R-2", "all": True})
    assert back.json()["points"] == {"taken_back": 129, "debt": 0}
