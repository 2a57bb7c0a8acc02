"""How many statements an order costs: an upper bound that nobody raises by accident."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.models import Brand
from tests.orders.shapes import BASE, line, multiplier, order, priced
from tests.support.client import Api
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db


def statements(call: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = call()
    assert answer.status_code in (200, 201), answer.content
    # Key and host are kept in memory for a few seconds; whether those are over is not the order's.
    return [
        query["sql"]
        for query in captured.captured_queries
        if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "SELECT set_config"))
        and "partners_apikey" not in query["sql"]
        and "tenants_" not in query["sql"]
    ]


def test_an_order_of_three_lines_and_ten_rules(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(BASE, *[multiplier(f"m{n}", "1.1") for n in range(9)])
    api.put("/tiers", program())
    api.post("/orders", priced("warm", "1.00"))
    body = order("o", lines=[line("10.00"), line("20.00"), line("30.00")])
    found = statements(lambda: api.post("/orders", body))  # two visits
    assert len(found) <= 2, "\n".join(found)
    # An Idempotency-Key costs two more: its lock with what was answered before, and the answer.
    found = statements(lambda: api.post("/orders", body | {"order_id": "p"}, key="order-of-ten-rules"))
    assert len(found) <= 4, "\n".join(found)


def test_history_and_caps_cost_one_statement_each(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    window = multiplier(
        "often",
        "2",
        when={"all": [{"fact": "member.orders.count", "window": "month", "op": "gte", "value": 3}]},
    )
    publish(BASE | {"caps": {"per_member": {"day": 1000, "month": 5000}}}, window)
    api.put("/tiers", program())
    for number in range(5):
        api.post("/orders", priced(f"warm{number}", "1.00"))
    few = statements(lambda: api.post("/orders", priced("few", "1.00")))
    assert len(few) <= 8, "\n".join(few)
    many = order("many", lines=[line("1.00")] * 50)
    assert len(statements(lambda: api.post("/orders", many))) == len(few)
