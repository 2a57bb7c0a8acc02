"""`POST /orders/{order_id}/complete`, and orders that complete by themselves: what waited can be spent."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.services import orders as service
from campaigns.tasks import see_to_orders
from loyalty.lib import clock
from members.models import ParkedReturn, Purchase
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.shapes import BASE, account, give_back, line, lines, order, set_policy
from tests.support.client import Api

pytestmark = pytest.mark.django_db
NUMBER = "S01-20261122-0007"


def test_completion_frees_what_waited_and_gives_its_own_rules(api: Api, publish: Callable[..., None]) -> None:
    waiting = BASE | {"points": {"pending": {"until": "order.completed"}}}
    on_completion = BASE | {
        "code": "kept-it",
        "trigger": "order.completed",
        "effect": {"type": "fixed", "points": 7},
    }
    publish(waiting, on_completion)
    body = api.post("/orders", order()).json()
    assert (body["points"]["pending"], body["entries"][0]["available_at"]) == (39, None)
    assert body["entries"][0]["waits_for"] == "order.completed"
    first = api.post(f"/orders/{NUMBER}/complete")
    assert first.status_code == 200, first.content
    assert first.json()["points"] == {"activated": 39, "accrued": 7, "pending": 0, "debt_repaid": 0}
    assert account(api) == {"available": 46, "pending": 0, "held": 0, "debt": 0}
    assert api.post(f"/orders/{NUMBER}/complete").json() == first.json()
    assert give_back(api, NUMBER).json()["points"] == {"taken_back": 46, "debt": 0}


def test_completion_tells_what_it_frees_of_every_currency(api: Api, publish: Callable[..., None]) -> None:
    waits: dict[str, Any] = {"pending": {"until": "order.completed"}}
    publish(
        BASE | {"points": waits},
        BASE | {"code": "stars", "points": waits | {"currency": "stars"}},
        BASE | {"code": "later", "points": {"pending": {"days": 3}}},
    )
    api.post("/orders", order())
    told = api.post(f"/orders/{NUMBER}/complete").json()
    assert (told["points"]["activated"], told["activated"]) == (
        39,
        [{"points_currency": "points", "points": 39}, {"points_currency": "stars", "points": 39}],
    )


def test_an_order_that_comes_completed_is_judged_by_both(api: Api, publish: Callable[..., None]) -> None:
    waiting = BASE | {"points": {"pending": {"until": "order.completed"}}}
    on_completion = BASE | {
        "code": "kept-it",
        "trigger": "order.completed",
        "effect": {"type": "fixed", "points": 7},
    }
    publish(waiting, on_completion)
    body = api.post("/orders", order(completed_at="2026-11-22T09:20:00+08:00")).json()
    assert (body["status"], body["points"]) == ("completed", {"accrued": 46, "pending": 0, "debt_repaid": 0})
    assert give_back(api, NUMBER, lines=lines(("1", "1"))).json()["points"]["taken_back"] == 20


def test_orders_complete_by_themselves_after_the_brands_days(
    api: Api, publish: Callable[..., None], in_acme: Brand, now: datetime
) -> None:
    publish(BASE | {"points": {"pending": {"until": "order.completed"}}})
    api.post("/orders", order())
    in_acme.settings = {"auto_complete_days": 7}
    due = datetime.fromisoformat("2026-11-29T09:15:00+08:00")
    assert service.complete_due(now=due - timedelta(seconds=1)) == 0
    assert service.complete_due(now=due) == 1
    assert service.complete_due(now=due) == 0
    with clock.frozen(due):
        assert account(api) == {"available": 39, "pending": 0, "held": 0, "debt": 0}


def test_what_came_back_before_completion_gives_nothing_on_completion(
    api: Api, publish: Callable[..., None]
) -> None:
    publish(BASE | {"trigger": "order.completed"})
    api.post("/orders", order("1", lines=[line("10.00", "3", discount="1.00")]))
    give_back(api, "1", lines=lines(("1", "1")))
    assert api.post("/orders/1/complete").json()["points"]["accrued"] == 19  # 20 − 0.67
    assert give_back(api, "1", "R-2", lines=lines(("1", "1"))).json()["points"]["taken_back"] == 10
    assert account(api)["available"] == 9


def test_the_tick_completes_applies_and_gives_up(
    api: Api, publish: Callable[..., None], acme: Brand, now: datetime
) -> None:
    publish(BASE | {"points": {"pending": {"until": "order.completed"}}})
    set_policy(acme, auto_complete_days=7)
    api.post("/orders", order())
    give_back(api, "never")
    with in_brand(Brand.objects.get(slug="acme")), clock.frozen(now + timedelta(days=31)):
        see_to_orders()
        assert ParkedReturn.objects.get().dropped_at == now + timedelta(days=31)
        assert Purchase.objects.get().status == "completed"
        assert account(api)["available"] == 39
