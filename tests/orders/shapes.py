"""Orders, lines and rules, each with what matters left to the test."""

from typing import Any

from tenants import hosts
from tenants.models import Brand
from tests.support.brands import ANNA
from tests.support.client import Api

BASE: dict[str, Any] = {
    "code": "base",
    "name": {"en": "Base rate"},
    "trigger": "order.paid",
    "effect": {"type": "per_amount", "points": "1", "per": "1"},
}
MILK: dict[str, Any] = {
    "line_id": "1",
    "sku": "6901234567892",
    "name": "鲜牛奶 1L",
    "category": "fresh/dairy",
    "brand": "acme",
    "quantity": "2",
    "unit_price": "19.90",
    "discount": "0.00",
    "tags": [],
}


def order(order_id: str = "S01-20261122-0007", **changes: Any) -> dict[str, Any]:
    """The order of api.md, of member anna, with changes; a field given as ... is left out."""
    body: dict[str, Any] = {
        "order_id": order_id,
        "member": {"external_id": "C-anna"},
        "ordered_at": "2026-11-22T09:15:00+08:00",
        "channel": "store",
        "store_id": "S01",
        "region": "440100",
        "currency": "CNY",
        "lines": [dict(MILK)],
        "attributes": {},
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def line(price: str, quantity: str = "1", **more: Any) -> dict[str, Any]:
    """A line of one article."""
    return {"quantity": quantity, "unit_price": price, **more}


def priced(order_id: str, price: str, **changes: Any) -> dict[str, Any]:
    """An order of one line."""
    return order(order_id, lines=[line(price)], **changes)


def multiplier(code: str, factor: str, **more: Any) -> dict[str, Any]:
    """A rule that multiplies base points."""
    return {
        "code": code,
        "name": {"en": code},
        "trigger": "order.paid",
        "effect": {"type": "multiplier", "factor": factor},
        **more,
    }


def rate(code: str, points: str, *categories: str) -> dict[str, Any]:
    """A base rate, in one group with the others."""
    rule = BASE | {
        "code": code,
        "name": {"en": code},
        "effect": {"type": "per_amount", "points": points, "per": "1"},
        "stacking": {"group": "rate", "policy": "best"},
    }
    if categories:
        rule["when"] = {"all": [{"fact": "line.category", "op": "in", "value": list(categories)}]}
    return rule


def set_policy(brand: Brand, **policies: Any) -> None:
    """Change a brand's policies, seen by the next request."""
    brand.settings = {**brand.settings, **policies}
    brand.save()
    hosts.forget()


def account(api: Api) -> dict[str, int]:
    found = api.get(f"/members/{ANNA}/account").json()
    return {name: found[name] for name in ("available", "pending", "held", "debt")}


def give_back(api: Api, order_id: str, return_id: str = "R-1", **what: Any) -> Any:
    return api.post(f"/orders/{order_id}/returns", {"return_id": return_id, **(what or {"all": True})})


def lines(*quantities: tuple[str, str]) -> list[dict[str, str]]:
    return [{"line_id": line_id, "quantity": quantity} for line_id, quantity in quantities]
