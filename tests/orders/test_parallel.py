"""Orders at the same time: real threads, real commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from loyalty.outbox.models import OutboxEvent
from members.models import Identity, Member, Purchase, PurchaseReturn
from points.models import Account, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.shapes import BASE, order, priced
from tests.support import brands
from tests.support.brands import ANNA
from tests.support.client import Api

FIRST_ORDER: dict[str, Any] = BASE | {
    "code": "first-order",
    "when": {"all": [{"fact": "member.first_order", "op": "eq", "value": True}]},
    "effect": {"type": "fixed", "points": 1000},
}
CAPPED: dict[str, Any] = BASE | {"caps": {"per_member": {"day": 100}, "total": 150}}


@pytest.fixture
def shop(committed_db: None) -> Api:
    return Api("acme.localhost", brands.key("acme"))


def publish(api: Api, *bodies: dict[str, Any]) -> None:
    for body in bodies:
        assert api.post("/earning-rules", body).status_code == 201
        assert api.post(f"/earning-rules/{body['code']}/publish").status_code == 200


def at_once(calls: list[Callable[[Api], Any]]) -> list[Any]:
    """Every call from a thread of its own, all let go together."""
    gate = Barrier(len(calls))

    def run(call: Callable[[Api], Any]) -> Any:
        try:
            api = Api("acme.localhost", brands.key("acme"))
            gate.wait(20)
            return call(api)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_the_same_order_20_times_has_one_effect(shop: Api) -> None:
    publish(shop, BASE, FIRST_ORDER)
    answers = at_once([lambda api: api.post("/orders", order())] * 20)
    assert sorted(a.status_code for a in answers) == [200] * 19 + [201]
    told = [a.json() for a in answers]
    assert all(each == told[0] for each in told)
    assert told[0]["points"]["accrued"] == 1039
    with in_brand(Brand.objects.get(slug="acme")):
        assert Purchase.objects.count() == 1
        assert sorted(Entry.objects.values_list("rule", "points")) == [("base", 39), ("first-order", 1000)]
        assert OutboxEvent.objects.filter(type="order.recorded").count() == 1


def test_first_orders_of_an_unknown_identity_make_one_member_and_one_first_order(shop: Api) -> None:
    publish(shop, BASE, FIRST_ORDER)
    who = {"phone": "+8613900000001"}

    def call(number: int) -> Callable[[Api], Any]:
        return lambda api: api.post("/orders", priced(f"n{number}", "10.00", member=who))

    answers = at_once([call(number) for number in range(8)])
    assert [a.status_code for a in answers] == [201] * 8
    assert sorted(a.json()["points"]["accrued"] for a in answers) == [10] * 7 + [1010]
    with in_brand(Brand.objects.get(slug="acme")):
        member = Identity.objects.get(provider="phone", subject="+8613900000001").member
        assert Member.objects.count() == 4
        assert Account.objects.get(member=member).available == 1080


def test_the_same_number_for_two_members_is_one_order(shop: Api) -> None:
    publish(shop, BASE)
    calls: list[Callable[[Api], Any]] = []
    for who in ("C-anna", "C-boris") * 4:
        body = order(member={"external_id": who})
        calls.append(lambda api, body=body: api.post("/orders", body))  # type: ignore[misc]
    answers = at_once(calls)
    assert sorted(a.status_code for a in answers) == [200] * 3 + [201] + [409] * 4
    assert {a.json().get("code") for a in answers if a.status_code == 409} == {"order_conflict"}
    with in_brand(Brand.objects.get(slug="acme")):
        assert (Purchase.objects.count(), Entry.objects.count()) == (1, 1)


def test_caps_hold_when_orders_come_together(shop: Api) -> None:
    publish(shop, CAPPED)
    calls: list[Callable[[Api], Any]] = []
    for number in range(10):
        who = {"external_id": "C-anna" if number % 2 else "C-boris"}
        body = priced(f"n{number}", "40.00", member=who)
        calls.append(lambda api, body=body: api.post("/orders", body))  # type: ignore[misc]
    answers = at_once(calls)
    assert [a.status_code for a in answers] == [201] * 10
    by_member: dict[str, int] = {}
    for answer in answers:
        body = answer.json()
        by_member[body["member_id"]] = by_member.get(body["member_id"], 0) + body["points"]["accrued"]
    assert sum(by_member.values()) == 150
    assert max(by_member.values()) <= 100


def test_the_same_return_10_times_has_one_effect(shop: Api) -> None:
    publish(shop, BASE)
    shop.post("/orders", order())
    back = {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]}
    answers = at_once([lambda api: api.post("/orders/S01-20261122-0007/returns", back)] * 10)
    assert sorted(a.status_code for a in answers) == [200] * 9 + [201]
    with in_brand(Brand.objects.get(slug="acme")):
        assert PurchaseReturn.objects.count() == 1
        assert Account.objects.get(member_id=ANNA).available == 19


def test_returns_of_one_line_never_exceed_it(shop: Api) -> None:
    publish(shop, BASE)
    shop.post("/orders", order())
    calls: list[Callable[[Api], Any]] = []
    for number in range(6):
        back = {"return_id": f"R-{number}", "lines": [{"line_id": "1", "quantity": "1"}]}
        calls.append(lambda api, back=back: api.post("/orders/S01-20261122-0007/returns", back))  # type: ignore[misc]
    answers = at_once(calls)
    assert sorted(a.status_code for a in answers) == [201] * 2 + [422] * 4
    with in_brand(Brand.objects.get(slug="acme")):
        assert Account.objects.get(member_id=ANNA).available == 0
