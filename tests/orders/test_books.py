"""Orders, the ledger and the tiers say the same: what `verify_ledger` looks into."""

from collections.abc import Callable
from typing import Any

import pytest

from campaigns.invariants import orders_and_entries, orders_and_tiers
from members.models import Purchase
from tenants.models import Brand
from tests.orders.shapes import BASE, line, multiplier, order, priced
from tests.support.client import Api
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy_shop(api: Api, publish: Callable[..., None], in_acme: Brand) -> Api:
    """Orders of every fate."""
    publish(
        BASE | {"points": {"pending": {"until": "order.completed"}}},
        multiplier("double", "2"),
        BASE | {"code": "kept-it", "trigger": "order.completed", "effect": {"type": "fixed", "points": 7}},
    )
    api.put("/tiers", program())
    for number in "1234567":
        assert api.post("/orders", order(number, lines=[line("33.33", "3")])).status_code == 201
    api.post("/orders/2/returns", {"return_id": "R-2", "lines": [{"line_id": "1", "quantity": "1"}]})
    api.post("/orders/3/returns", {"return_id": "R-3", "all": True})
    api.post("/orders/4/complete")
    api.post("/orders/4/returns", {"return_id": "R-4", "lines": [{"line_id": "1", "quantity": "1"}]})
    api.post("/orders/5/cancel")
    corrected: dict[str, Any] = order("6", lines=[line("33.33", "4")]) | {"revision": 2}
    assert api.put("/orders/6", corrected).status_code == 200
    lower = order("6", lines=[line("33.33", "1")]) | {"revision": 3}
    assert api.put("/orders/6", lower).status_code == 200
    api.post("/orders/2/complete")
    api.post("/orders", order("g", member=None))
    return api


def test_they_agree_after_everything_that_can_happen(busy_shop: Api) -> None:
    entries, qualifying = orders_and_entries(), orders_and_tiers()
    assert (entries.rows, entries.violations) == (8, [])
    assert qualifying.violations == []


@pytest.mark.whole
def test_a_record_that_keeps_less_is_found(busy_shop: Api) -> None:
    purchase = Purchase.objects.get(order_id="1")
    purchase.evaluation["kept"] = {"order.paid": {"base": 99, "double": 98}}
    purchase.save()
    assert orders_and_entries().violations == ["order 1: the ledger left 198 points, the order keeps 197"]


@pytest.mark.whole
def test_a_tier_row_that_is_missing_is_found(busy_shop: Api) -> None:
    purchase = Purchase.objects.get(order_id="1")
    purchase.evaluation["counted"] = {"points": 1, "spend": "0", "visits": 1}
    purchase.save()
    assert len(orders_and_tiers().violations) == 1


def test_an_entry_reversed_by_hand_is_not_taken_back_twice(api: Api, base_rule: None, in_acme: Brand) -> None:
    entry_id = api.post("/orders", priced("1", "50.00")).json()["entries"][0]["entry_id"]
    by_hand = {"points": 20, "reference": "care-1", "reason": "goodwill gone wrong"}
    assert api.post(f"/entries/{entry_id}/reverse", by_hand).status_code == 201
    body = api.post("/orders/1/returns", {"return_id": "R-1", "all": True}).json()
    assert body["points"] == {"taken_back": 30, "debt": 0}
    assert body["account"]["available"] == 0
    assert orders_and_entries().violations == []
