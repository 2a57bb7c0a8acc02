"""Receipts as members type them, and what they see of a claim."""

from typing import Any

from tests.orders.shapes import order

NUMBER = "S01-20261122-0007"


def guest(order_id: str = NUMBER, **changes: Any) -> dict[str, Any]:
    """The order of api.md, recorded without a member."""
    return order(order_id, member=None, **changes)


def receipt(order_id: str = NUMBER, **changes: Any) -> dict[str, Any]:
    """What is printed on it; a field given as ... is left out."""
    body = {"order_id": order_id, "amount": "39.80", "ordered_on": "2026-11-22", **changes}
    return {name: value for name, value in body.items() if value is not ...}


def seen(claim: dict[str, Any]) -> tuple[Any, ...]:
    """What matters to the member: status, outcome, points, and what can be done."""
    return claim["status"], claim["outcome"], claim["points"], claim["actions"]
