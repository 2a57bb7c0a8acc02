"""`POST /orders/preview`: what would be earned and why; nothing written."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.orders.shapes import BASE, multiplier, order, priced
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db


def test_it_tells_what_the_order_then_gets(
    api: Api, publish: Callable[..., None], row_counts: Callable[[], Any]
) -> None:
    publish(BASE | {"caps": {"per_member": {"day": 50}, "total": 60}}, multiplier("double", "2"))
    api.put("/tiers", program())
    api.post("/orders", priced("before", "20.00"))
    before = row_counts()
    preview = api.post("/orders/preview", order())
    assert preview.status_code == 200, preview.content
    told = preview.json()
    assert row_counts() == before
    assert api.post("/orders/preview", order()).json() == told
    done = api.post("/orders", order()).json()
    assert told["points"] == done["points"] == {"accrued": 69, "pending": 0, "debt_repaid": 0}
    assert told["explanation"] == done["explanation"]
    assert [e | {"entry_id": None} for e in done["entries"]] == told["entries"]
    assert (told["status"], told["member_id"], told["tier"]) == ("preview", done["member_id"], "silver")


def test_at_another_time(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE, multiplier("weekend", "2", schedule={"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}))
    friday = api.post("/orders/preview?at=2026-11-20T10:00:00%2B08:00", priced("1", "10.00")).json()
    sunday = api.post("/orders/preview?at=2026-11-22T10:00:00%2B08:00", priced("1", "10.00")).json()
    assert (friday["points"]["accrued"], sunday["points"]["accrued"]) == (10, 20)


def test_with_a_draft(api: Api, base_rule: None) -> None:
    draft = multiplier("triple", "3")
    assert api.post("/earning-rules", draft).status_code == 201
    assert api.post("/orders/preview", priced("1", "10.00")).json()["points"]["accrued"] == 10
    with_draft = api.post("/orders/preview?rule=triple", priced("1", "10.00")).json()
    assert with_draft["points"]["accrued"] == 30
    missing = api.post("/orders/preview?rule=nobody", priced("1", "10.00"))
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_draft_at_another_time_takes_the_place_of_what_runs(api: Api, publish: Callable[..., None]) -> None:
    weekend = {"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}
    publish(BASE, multiplier("more", "2"))
    assert api.patch("/earning-rules/more", multiplier("more", "3", schedule=weekend)).status_code == 200
    found = [
        api.post(f"/orders/preview?rule=more&at={day}T10:00:00%2B08:00", priced("1", "10.00")).json()
        for day in ("2026-11-20", "2026-11-21")
    ]
    assert [told["points"]["accrued"] for told in found] == [10, 30]
    assert [each["reason"] for each in found[0]["explanation"] if "reason" in each] == ["schedule"]


def test_an_account_that_may_not_earn_is_told_so(api: Api, base_rule: None) -> None:
    frozen = api.post(f"/members/{ANNA}/freeze", {"earn": True, "reason": "fraud"})
    assert frozen.status_code in (200, 201), frozen.content
    told = api.post("/orders/preview", order()).json()
    done = api.post("/orders", order()).json()
    for name in ("points", "entries", "explanation", "notice"):
        assert told[name] == done[name]
    assert (told["points"]["accrued"], told["notice"]) == (0, "earning_frozen")


@pytest.mark.parametrize(("who", "notice"), [(None, "guest_order"), ({"external_id": "nobody yet"}, None)])
def test_somebody_who_would_join(
    api: Api, publish: Callable[..., None], row_counts: Callable[[], Any], who: Any, notice: str | None
) -> None:
    first = BASE | {
        "code": "first-order",
        "when": {"all": [{"fact": "member.first_order", "op": "eq", "value": True}]},
        "effect": {"type": "fixed", "points": 1000},
    }
    publish(BASE, first)
    before = row_counts()
    told = api.post("/orders/preview", priced("1", "10.00", member=who)).json()
    assert (told["points"]["accrued"], told["member_id"], told["account"]) == (1010, None, None)
    assert told.get("notice") == notice
    assert row_counts() == before


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("at=noon", "/at", "invalid"),
        ("at=2026-11-20T10:00:00", "/at", "offset"),
        ("to=1", "/to", "unknown_field"),
    ],
)
def test_bad_parameters(api: Api, query: str, pointer: str, code: str) -> None:
    answer = api.post(f"/orders/preview?{query}", order())
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
