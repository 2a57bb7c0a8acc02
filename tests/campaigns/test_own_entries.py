"""Why points came and went, as the member is told; one's own entries and nobody else's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.lib import clock
from tenants.models import Brand
from tests.orders.shapes import BASE, multiplier, priced
from tests.orders.test_activities import activity, fixed
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db
NAMED = BASE | {"name": {"en": "Base rate", "zh-hans": "基础积分"}}
DOUBLE = multiplier("double", "2") | {"name": {"en": "Double day", "zh-hans": "双倍日"}}
HELLO = fixed("hello", 5) | {"name": {"en": "Daily hello", "zh-hans": "每日签到"}}


def reasons(member_id: UUID = ANNA, language: str = "en") -> list[tuple[int, str]]:
    items = signed_in("acme", member_id, language=language).get("/me/entries").json()["items"]
    return [(each["points"], each["text"]) for each in items]


@pytest.fixture
def history(api: Api, publish: Callable[..., None], acme: Brand) -> None:
    """An order with a bonus, a check-in, a burn, a return, an adjustment, a gift: a minute each."""
    publish(NAMED, DOUBLE, HELLO)
    start, anna = clock.now(), {"member_id": str(ANNA)}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/orders", priced("1", "40")),
        ("/activities", activity()),
        ("/burns", {"member": anna, "points": 3, "reference": "till-1", "reason": "cash"}),
        ("/orders/1/returns", {"return_id": "R-1", "all": True}),
        ("/adjustments", {"member": anna, "points": 30, "reason": "angry call", "reference": "a"}),
        ("/transfers", {"from": anna, "to": {"member_id": str(BORIS)}, "points": 4, "reference": "t"}),
    ]
    for minute, (path, body) in enumerate(calls):
        with clock.frozen(start + timedelta(minutes=minute)):
            answer = api.post(path, body)
        assert answer.status_code == 201, answer.content


def test_each_entry_says_why(history: None) -> None:
    assert reasons() == [
        (-4, "To another member"),
        (30, "Adjusted by the brand"),
        (-40, "Taken back: Double day"),
        (-40, "Taken back: Base rate"),
        (-3, "Points spent"),
        (5, "Daily hello"),
        (40, "Double day: 40 base points × (2 − 1) → 40"),
        (40, "Base rate: 40.00 × 1 point per CNY → 40"),
    ]
    assert reasons(language="zh-hans") == [
        (-4, "转给其他会员"),
        (30, "品牌调整"),
        (-40, "收回：双倍日"),
        (-40, "收回：基础积分"),
        (-3, "使用积分"),
        (5, "每日签到"),
        (40, "双倍日：40 基础积分 × (2 − 1) → 40"),
        (40, "基础积分：40.00 × 每元 1 积分 → 40"),
    ]
    assert reasons(BORIS) == [(4, "From another member")]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_partners_read_the_same_words(history: None, api: Api, language: str) -> None:
    asked = {"headers": {"Accept-Language": language}}
    items = api.get(f"/members/{ANNA}/entries", **asked).json()["items"]
    assert [(each["points"], each["text"]) for each in items] == reasons(language=language)
    earned = items[-1]
    assert earned["rule_name"] == NAMED["name"][language]
    assert earned["explanation"] == {"basis": "40", "lines": ["1"], "effect": "per_amount"}
    assert api.get(f"/entries/{earned['entry_id']}", **asked).json() == earned


def test_an_entry_by_itself(history: None) -> None:
    me = signed_in("acme", ANNA)
    for item in me.get("/me/entries").json()["items"]:
        assert me.get(f"/me/entries/{item['entry_id']}").json() == item
    assert item["rule_name"] == "Base rate"
    assert {"actor", "reason", "cost_centre", "explanation"}.isdisjoint(item)
    # Not another member's, not another brand's, none that does not exist.
    for other, at in (
        (signed_in("acme", BORIS), item["entry_id"]),
        (signed_in("globex", ANNA), item["entry_id"]),
        (me, "01900000-0000-7000-8000-00000000dead"),
    ):
        answer = other.get(f"/me/entries/{at}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_operators_reason_stays_with_them(history: None) -> None:
    assert b"angry" not in signed_in("acme", ANNA).get("/me/entries").content


def test_reasons_cost_no_more_queries_for_more_entries(history: None, api: Api) -> None:
    me = signed_in("acme", ANNA)
    me.get("/me/entries")
    with CaptureQueriesContext(connection) as few:
        me.get("/me/entries")
    for number in range(5):
        api.post("/orders", priced(f"more-{number}", "10"))
    with CaptureQueriesContext(connection) as many:
        assert len(me.get("/me/entries").json()["items"]) == 18
    assert len(many) == len(few)
