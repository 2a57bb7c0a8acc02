"""The audit of the kill drill finds what it is there to find."""

from typing import Any

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from loyalty.dev.drill_audit import audit
from loyalty.outbox import relay
from tenants.context import in_brand
from tenants.models import Brand
from tests.support import brands
from tests.support.client import Api

ORDER = {
    "member": {"external_id": "drill-1"},
    "ordered_at": "2026-11-20T10:15:00+08:00",
    "channel": "store",
    "currency": "CNY",
    "lines": [{"sku": "6901", "category": "fresh/dairy", "quantity": "1", "unit_price": "19.90"}],
}
RULE = {
    "code": "base",
    "name": {"en": "Base"},
    "trigger": "order.paid",
    "effect": {"type": "per_amount", "points": "1", "per": "1"},
}


def dsn() -> str:
    at = settings.DATABASES["default"]
    return f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


@pytest.fixture
def answers(committed_db: None) -> dict[str, Any]:
    """Two orders as they were answered, with their events relayed."""
    api, acme = Api("acme.localhost", brands.key("acme")), Brand.objects.get(slug="acme")
    assert api.post("/earning-rules", RULE).status_code == 201
    assert api.post("/earning-rules/base/publish").status_code == 200
    found = {}
    for number in (1, 2):
        answer = api.post("/orders", {**ORDER, "order_id": f"d-{number}"})
        assert answer.status_code == 201, answer.content
        found[f"d-{number}"] = answer.json()
        assert answer.json()["points"]["accrued"] == 19
    with in_brand(acme):
        relay.run()
    return found


def tamper(statement: str, *values: object) -> None:
    """Change acme's books behind everybody's back."""
    with psycopg.connect(dsn(), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(sql.SQL("SET search_path TO acme"))
        connection.execute(statement.encode(), values)


def test_books_that_agree_are_left_alone(answers: dict[str, Any]) -> None:
    assert audit(dsn(), "acme", answers) == []


def test_a_lost_order_is_found(answers: dict[str, Any]) -> None:
    answers["d-3"] = answers["d-1"]
    assert audit(dsn(), "acme", answers) == [
        "1 acknowledged, but not stored: d-3",
        "1 booked with other points than answered: d-3",
        "1 not exactly one order.recorded: d-3",
    ]


def test_an_order_that_nobody_was_told_of_is_found(answers: dict[str, Any]) -> None:
    del answers["d-2"]
    assert audit(dsn(), "acme", answers) == [
        "1 stored, but never answered: d-2",
        "1 points without an answered order: d-2",
    ]


def test_points_counted_twice_are_found(answers: dict[str, Any]) -> None:
    tamper("UPDATE points_entry SET points = points * 2 WHERE reference = %s", "d-1")
    found = audit(dsn(), "acme", answers)
    assert found[0] == "1 booked with other points than answered: d-1"
    assert found[1].startswith("1 balance is not the sum of its entries: ")


def test_a_lot_that_lost_points_is_found(answers: dict[str, Any]) -> None:
    tamper("UPDATE points_lot SET remaining = remaining - 1, points = points - 1")
    (found,) = audit(dsn(), "acme", answers)
    assert found.startswith("1 balance is not what its lots have left: ")


def test_a_gap_in_the_positions_is_found(answers: dict[str, Any]) -> None:
    tamper(
        "UPDATE outbox_event SET position = 1000 WHERE position = (SELECT max(position) FROM outbox_event)"
    )
    (found,) = audit(dsn(), "acme", answers)
    assert found.endswith("but the last position is 1000")


def test_burns_are_held_against_their_answers(answers: dict[str, Any]) -> None:
    api = Api("acme.localhost", brands.key("acme"))
    burn = {"member": {"external_id": "drill-1"}, "points": 5, "reference": "b-1"}
    burns = {"b-1": api.post("/burns", burn).json()}
    with in_brand(Brand.objects.get(slug="acme")):
        relay.run()
    assert audit(dsn(), "acme", answers, burns, {"b-2"}) == []
    assert audit(dsn(), "acme", answers, {}, set()) == ["1 burns booked, but never acknowledged: b-1"]
    assert audit(dsn(), "acme", answers, burns, {"b-1"}) == ["1 burns refused, but booked: b-1"]
    lost = {**burns, "b-3": burns["b-1"]}
    assert audit(dsn(), "acme", answers, lost) == ["1 burns acknowledged, but booked otherwise: b-3"]
    tamper("UPDATE points_entry SET points = 6 WHERE reference = 'b-1'")
    assert audit(dsn(), "acme", answers, burns)[0] == "1 burns acknowledged, but booked otherwise: b-1"
