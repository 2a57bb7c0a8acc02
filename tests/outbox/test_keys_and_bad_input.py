"""A body that fails its validation decides nothing: its Idempotency-Key stays free (api.md)."""

import pytest

from loyalty.outbox.models import IdempotencyRecord
from tenants.models import Brand
from tests.isolation.routes import PARTNER
from tests.orders.shapes import order
from tests.support.client import Api

pytestmark = pytest.mark.django_db
KEY = "attempt-0001-of-till-7"
WRITING = [route for route in PARTNER if route.method in ("POST", "PUT") and not route.public]


def test_every_call_leaves_the_key_of_a_bad_body_free(api: Api, in_acme: Brand) -> None:
    invalid = []
    for number, route in enumerate(WRITING):
        for each, body in enumerate(({"colour": "red"}, [], {"points": 0})):
            answer = api.call(route.method, route.path, body, key=f"{KEY}-{number}-{each}")
            if answer.status_code == 422:
                assert answer.json()["code"] == "validation_failed", route
                assert "Idempotent-Replayed" not in answer, route
                invalid.append(route)
    kept = IdempotencyRecord.objects.filter(status=422)
    assert list(kept.values_list("route", flat=True)) == []
    assert len(set(invalid)) >= 20


def test_a_mended_order_may_use_the_key_of_the_broken_one(api: Api, in_acme: Brand) -> None:
    broken = api.post("/orders", order(total="1.00"), key=KEY)
    assert (broken.status_code, broken.json()["errors"][0]["pointer"]) == (422, "/total")
    mended = api.post("/orders", order(), key=KEY)
    assert (mended.status_code, "Idempotent-Replayed" in mended) == (201, False)
    assert api.post("/orders", order(), key=KEY).content == mended.content


def test_a_refusal_by_the_service_keeps_its_key_even_with_pointers(api: Api, in_acme: Brand) -> None:
    """That more came back than was bought depends on what the platform knows: it is a decision."""
    api.post("/orders", order("O1"))
    much = {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "3"}]}
    first = api.post("/orders/O1/returns", much, key=KEY)
    assert (first.status_code, first.json()["errors"][0]["code"]) == (422, "more_than_remains")
    again = api.post("/orders/O1/returns", much, key=KEY)
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    little = {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]}
    assert api.post("/orders/O1/returns", little, key=KEY).json()["code"] == "idempotency_mismatch"
