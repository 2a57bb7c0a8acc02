"""Bonuses for a number of orders: without a `times` cap they pay again, and publishing says so."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.orders.shapes import priced
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def bonus(op: str, value: Any, *, fact: str = "member.orders.count", **more: Any) -> dict[str, Any]:
    condition = {"fact": fact, "window": "month", "op": op, "value": value, **more.pop("leaf", {})}
    return {
        "code": "three-orders",
        "name": {"en": "Three orders this month"},
        "trigger": "order.paid",
        "when": {"all": [{"fact": "order.channel", "op": "eq", "value": "store"}, {"any": [condition]}]},
        "effect": {"type": "fixed", "points": 1000},
        **more,
    }


def points_of(api: Api, numbers: str) -> list[int]:
    """What each order of the same day gives, one after the other."""
    return [
        api.post("/orders", priced(n, "10.00", ordered_at=f"2026-11-22T09:0{n}:00+08:00")).json()["points"][
            "accrued"
        ]
        for n in numbers
    ]


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        (bonus("gte", 3), "pays_every_time", "from number 3 on"),
        (bonus("gt", "3"), "pays_every_time", "from number 4 on"),
        (bonus("gte", "2.5"), "pays_every_time", "from number 3 on"),
        (bonus("gte", "300", fact="member.orders.amount"), "pays_every_time", "once the sum is reached"),
        (bonus("eq", 3), "may_pay_again", "a second one of the day"),
        (bonus("gte", 3, caps={"total": 100_000}), "pays_every_time", "has no `times` cap"),
    ],
    ids=["gte", "gt", "fraction", "amount", "eq", "total"],
)
def test_saving_and_publishing_warn(api: Api, rule: dict[str, Any], code: str, said: str) -> None:
    saved = api.post("/earning-rules", rule).json()["warnings"]
    assert [(each["pointer"], each["code"]) for each in saved] == [("/when/all/1/any/0", code)]
    assert said in saved[0]["detail"]
    assert api.post("/earning-rules/three-orders/publish").json()["warnings"] == saved


@pytest.mark.parametrize(
    "rule",
    [
        bonus("gte", 3, caps={"times": {"month": 1}}),
        bonus("eq", 3, caps={"per_member": {"month": 1000}}),
        bonus("lt", 3),
        bonus("gte", 3, effect={"type": "multiplier", "factor": "2"}),
    ],
    ids=["times", "points", "first orders", "multiplier"],
)
def test_what_is_held_or_meant_to_repeat_is_no_warning(api: Api, rule: dict[str, Any]) -> None:
    assert api.post("/earning-rules", rule).json()["warnings"] == []


@pytest.mark.parametrize(
    ("caps", "given"), [({}, [0, 0, 1000, 1000, 1000]), ({"times": {"month": 1}}, [0, 0, 1000, 0, 0])]
)
def test_the_cap_is_what_holds_it_to_once(
    api: Api, publish: Callable[..., None], caps: dict[str, Any], given: list[int]
) -> None:
    publish(bonus("gte", 3, caps=caps))
    assert points_of(api, "12345") == given


def test_a_late_order_can_be_the_third_too(api: Api, publish: Callable[..., None]) -> None:
    """rules.md: windows run by purchase time, and late orders change no earlier result."""
    publish(bonus("eq", 3))
    assert points_of(api, "1245") == [0, 0, 1000, 0]
    assert points_of(api, "3") == [1000]
