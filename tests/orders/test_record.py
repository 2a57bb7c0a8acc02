"""`POST /orders`: points, entries, explanation and account, once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from loyalty.outbox.models import OutboxEvent
from members.models import Identity, Member, Purchase
from points import services as points
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.shapes import BASE, line, multiplier, order, priced, set_policy
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def test_the_order_of_the_contract_earns_39(api: Api, base_rule: None, acme: Brand) -> None:
    answer = api.post("/orders", order())
    assert answer.status_code == 201, answer.content
    body = answer.json()
    entry_id = body["entries"][0].pop("entry_id")
    assert body == {
        "order_id": "S01-20261122-0007",
        "member_id": str(ANNA),
        "status": "recorded",
        "points": {"accrued": 39, "pending": 0, "debt_repaid": 0},
        "entries": [
            {
                "points": 39,
                "points_currency": "points",
                "rule": "base",
                "version": 1,
                "available_at": "2026-11-22T02:00:00Z",
                "expires_at": None,
            }
        ],
        "explanation": [
            {
                "rule": "base",
                "version": 1,
                "name": "Base rate",
                "points": 39,
                "text": body["explanation"][0]["text"],
                "lines": ["1"],
            }
        ],
        "account": {"available": 39, "pending": 0, "held": 0, "debt": 0, "points_currency": "points"},
        "tier": None,
    }
    assert "39.8" in body["explanation"][0]["text"]
    account = api.get(f"/members/{ANNA}/account").json()
    assert (account["available"], account["lifetime_accrued"]) == (39, 39)
    entry = api.get(f"/entries/{entry_id}").json()
    assert (entry["points"], entry["rule"], entry["reference"]) == (39, "base", "S01-20261122-0007")
    with in_brand(acme):
        types = sorted(OutboxEvent.objects.exclude(type__startswith="rule").values_list("type", flat=True))
    assert types == ["order.recorded", "points.accrued"]


def test_a_repeat_answers_as_the_first_time_with_the_account_of_now(api: Api, base_rule: None) -> None:
    first = api.post("/orders", order()).json()
    api.post("/orders", priced("other", "10.00"))
    respelled = order(ordered_at="2026-11-22T01:15:00Z")
    respelled["lines"][0] |= {"quantity": 2, "unit_price": "19.9", "name": " 鲜牛奶 1L "}
    again = api.post("/orders", respelled)
    assert again.status_code == 200, again.content
    body = again.json()
    assert body["account"].pop("available") == 49
    assert first["account"].pop("available") == 39
    assert body == first


def test_other_content_under_the_same_number_is_a_conflict(
    api: Api, base_rule: None, row_counts: Callable[[], Any]
) -> None:
    api.post("/orders", order())
    before = row_counts()
    changed = order()
    changed["lines"][0]["quantity"] = "3"
    for other in (
        changed,
        order(member={"external_id": "C-boris"}),
        order(member={"external_id": "nobody yet"}),
        order(member=None),
        order(store_id="S02"),
    ):
        answer = api.post("/orders", other)
        assert (answer.status_code, answer.json()["code"]) == (409, "order_conflict")
    assert row_counts() == before


def test_the_same_member_named_otherwise_is_the_same_content(api: Api, base_rule: None) -> None:
    api.post("/orders", order())
    assert api.post("/orders", order(member={"member_id": str(ANNA)})).status_code == 200


def test_an_unknown_identity_is_enrolled(api: Api, base_rule: None, acme: Brand) -> None:
    answer = api.post("/orders", order(member={"phone": "138 0000 0000"}))
    assert answer.status_code == 201
    with in_brand(acme):
        identity = Identity.objects.get(provider="phone", subject="+8613800000000")
        assert str(identity.member_id) == answer.json()["member_id"]
        assert identity.member.source == "order"


def test_a_brand_may_forbid_enrolment_by_order(
    api: Api, base_rule: None, acme: Brand, row_counts: Callable[[], Any]
) -> None:
    set_policy(acme, enrol_by_order=False)
    before = row_counts()
    answer = api.post("/orders", order(member={"external_id": "nobody"}))
    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
    answer = api.post("/orders", order(member={"member_id": "01900000-0000-7000-8000-0000000000ff"}))
    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
    assert row_counts() == before


def test_a_guest_order_earns_nothing_and_is_kept(api: Api, base_rule: None, acme: Brand) -> None:
    answer = api.post("/orders", order(member=None))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["member_id"], body["points"]["accrued"], body["account"]) == (None, 0, None)
    assert api.post("/orders", order(member=None)).status_code == 200
    assert api.post("/orders", order()).json()["code"] == "order_conflict"
    with in_brand(acme):
        assert Purchase.objects.get().member_id is None
        assert Entry.objects.count() == 0


def test_zero_prices_are_fine(api: Api, base_rule: None) -> None:
    answer = api.post("/orders", priced("free", "0"))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["points"]["accrued"], body["entries"]) == (0, [])
    assert body["explanation"][0]["reason"] in ("rounding", "condition")
    assert api.post("/orders", priced("free", "0.00")).status_code == 200


def test_the_explanation_is_in_the_callers_language(api: Api, base_rule: None) -> None:
    english = api.post("/orders", order()).json()["explanation"][0]["text"]
    chinese = api.post("/orders", order(), headers={"Accept-Language": "zh-CN"}).json()["explanation"][0]
    assert english != chinese["text"]
    assert "积分" in chinese["text"] or "元" in chinese["text"]


def test_weekend_and_schedule_in_brand_time(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE, multiplier("weekend", "1.5", schedule={"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}))
    late = api.post("/orders", priced("fri", "10.00", ordered_at="2026-11-20T23:59:59+08:00")).json()
    assert late["points"]["accrued"] == 10
    assert late["explanation"][1] | {"text": "", "name": ""} == {
        "rule": "weekend",
        "version": 1,
        "name": "",
        "points": 0,
        "text": "",
        "reason": "schedule",
        "path": "/schedule/rrule",
    }
    early = api.post("/orders", priced("sat", "10.00", ordered_at="2026-11-20T16:00:00Z")).json()
    assert early["points"]["accrued"] == 15
    assert [(e["rule"], e["points"]) for e in early["entries"]] == [("base", 10), ("weekend", 5)]


def test_first_order_is_judged_once(api: Api, publish: Callable[..., None]) -> None:
    first_order = {
        "code": "first-order",
        "name": {"en": "First order"},
        "trigger": "order.paid",
        "when": {"all": [{"fact": "member.first_order", "op": "eq", "value": True}]},
        "effect": {"type": "fixed", "points": 1000},
    }
    publish(BASE, first_order)
    assert api.post("/orders", priced("1", "5.00")).json()["points"]["accrued"] == 1005
    assert api.post("/orders", priced("2", "5.00")).json()["points"]["accrued"] == 5
    assert api.post("/orders", priced("1", "5.00")).json()["points"]["accrued"] == 1005


def test_pending_and_expiry_count_from_the_purchase(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE | {"points": {"pending": {"days": 7}, "expiry": {"policy": "months", "months": 12}}})
    body = api.post("/orders", priced("1", "10.00", ordered_at="2026-11-20T09:15:00+08:00")).json()
    assert body["points"] == {"accrued": 10, "pending": 10, "debt_repaid": 0}
    entry = body["entries"][0]
    assert (entry["available_at"], entry["expires_at"]) == ("2026-11-27T01:15:00Z", "2027-11-20T16:00:00Z")
    assert (body["account"]["available"], body["account"]["pending"]) == (0, 10)
    late = api.post("/orders", priced("2", "10.00", ordered_at="2026-11-01T09:15:00+08:00")).json()
    assert late["points"] == {"accrued": 10, "pending": 0, "debt_repaid": 0}


def test_what_was_paid_with_points_does_not_earn(api: Api, base_rule: None) -> None:
    paid = [{"method": "points", "amount": "30.00"}, {"method": "wechat", "amount": "9.80"}]
    assert api.post("/orders", order(payments=paid)).json()["points"]["accrued"] == 9


def test_caps_cut_and_are_counted(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE | {"caps": {"per_order": 50, "per_member": {"day": 80}, "total": 100}})
    given = [api.post("/orders", priced(str(n), "60.00")).json()["points"]["accrued"] for n in range(3)]
    assert given == [50, 30, 0]
    boris = {"external_id": "C-boris"}
    assert api.post("/orders", priced("b", "60.00", member=boris)).json()["points"]["accrued"] == 20
    assert api.post("/orders", priced("c", "60.00", member=boris)).json()["points"]["accrued"] == 0


def test_a_frozen_account_records_the_order_and_earns_nothing(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    points.freeze(member_id=ANNA, earn=True, burn=False, reason="under review", now=now)
    body = api.post("/orders", order()).json()
    assert (body["points"]["accrued"], body["notice"], body["explanation"]) == (0, "earning_frozen", [])


def test_it_is_of_one_brand_only(
    api: Api, foreign: Api, intruder: Api, base_rule: None, row_counts: Callable[[], Any]
) -> None:
    api.post("/orders", order())
    before = row_counts()
    assert intruder.post("/orders", order("x")).status_code == 401
    assert foreign.get("/orders/S01-20261122-0007").status_code == 404
    assert foreign.post("/orders/S01-20261122-0007/cancel").status_code == 404
    assert foreign.post("/orders/S01-20261122-0007/complete").status_code == 404
    assert intruder.get("/orders/S01-20261122-0007").status_code == 401
    assert row_counts() == before


def test_a_key_without_the_scope_is_refused(reader: Api, row_counts: Callable[[], Any]) -> None:
    before = row_counts()
    answer = reader.post("/orders", order())
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert row_counts() == before


def test_an_idempotency_key_replays_byte_for_byte(api: Api, base_rule: None) -> None:
    key = "order-key-0000001"
    first = api.post("/orders", order(), key=key)
    again = api.post("/orders", order(), key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    other = api.post("/orders", order("another"), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_it_can_be_read_back(api: Api, base_rule: None) -> None:
    recorded = api.post("/orders", order()).json()
    found = api.get("/orders/S01-20261122-0007").json()
    assert {name: found[name] for name in recorded} == recorded
    assert found["amount"] == "39.80"
    assert found["lines"][0] | {"tags": ()} == {
        "line_id": "1",
        "sku": "6901234567892",
        "name": "鲜牛奶 1L",
        "category": "fresh/dairy",
        "brand": "acme",
        "product_line": "",
        "quantity": "2",
        "returned": "0",
        "unit_price": "19.90",
        "discount": "0.00",
        "tags": (),
    }
    assert api.get("/orders/unknown").status_code == 404


def test_a_number_may_hold_a_slash(api: Api, base_rule: None) -> None:
    assert api.post("/orders", order("S01/7")).status_code == 201
    assert api.get("/orders/S01/7").json()["order_id"] == "S01/7"
    assert api.post("/orders/S01/7/cancel").json()["points"]["taken_back"] == 39


def test_the_members_room_is_where_the_order_stands(api: Api, base_rule: None, acme: Brand) -> None:
    api.post("/orders", order(lines=[line("1.00"), line("2.00", "0.5", discount="0.25")]))
    with in_brand(acme):
        purchase = Purchase.objects.get()
        assert [(each.line_id, each.position) for each in purchase.lines.all()] == [("1", 1), ("2", 2)]
        assert (str(purchase.amount), purchase.member_id) == ("1.75", ANNA)
        assert Member.objects.count() == 3
