"""`PUT /orders/{order_id}`: a correction is booked as the difference."""

from collections.abc import Callable
from typing import Any

import pytest

from loyalty.outbox.models import OutboxEvent
from members.models import Purchase
from points.models import Entry, TierQualification
from tenants.models import Brand
from tests.orders.shapes import BASE, line, multiplier, order
from tests.points import support
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db


def correct(api: Api, *lines: dict[str, Any], revision: int = 2, order_id: str = "1", **changes: Any) -> Any:
    body = order(order_id, lines=list(lines), **changes) | {"revision": revision}
    return api.put(f"/orders/{order_id}", body)


def available(api: Api) -> int:
    found: int = api.get(f"/members/{ANNA}/account").json()["available"]
    return found


def test_up_and_down(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(BASE, multiplier("double", "2"))
    api.post("/orders", order("1", lines=[line("10.00", "2")]))
    assert available(api) == 40
    up = correct(api, line("10.00", "3"))
    assert up.status_code == 200, up.content
    body = up.json()
    assert body["booked"] == {"accrued": 20, "pending": 0, "debt_repaid": 0, "taken_back": 0, "debt": 0}
    assert (body["points"]["accrued"], body["revision"], body["account"]["available"]) == (60, 2, 60)
    assert sorted((e["rule"], e["points"]) for e in body["entries"]) == [
        ("base", 10),
        ("base", 20),
        ("double", 10),
        ("double", 20),
    ]
    down = correct(api, line("10.00", "1.5"), revision=5).json()
    assert down["booked"] == {"accrued": 0, "pending": 0, "debt_repaid": 0, "taken_back": 30, "debt": 0}
    assert (down["points"]["accrued"], available(api)) == (30, 30)
    assert sorted(Entry.objects.filter(kind="clawback").values_list("rule", "points")) == [
        ("base", 5),
        ("base", 10),
        ("double", 5),
        ("double", 10),
    ]
    gone = api.post("/orders/1/returns", {"return_id": "R-1", "all": True}).json()
    assert (gone["points"], available(api)) == ({"taken_back": 30, "debt": 0}, 0)
    assert OutboxEvent.objects.filter(type="order.corrected").count() == 2


def test_the_same_revision_again_changes_nothing(
    api: Api, base_rule: None, row_counts: Callable[[], Any]
) -> None:
    api.post("/orders", order("1", lines=[line("10.00")]))
    first = correct(api, line("12.00")).json()
    before = row_counts()
    again = correct(api, line("12.00"))
    assert (again.status_code, again.json()) == (200, first | {"booked": {}})
    assert api.post("/orders", order("1", lines=[line("12.00")])).status_code == 200
    assert row_counts() == before


def test_revisions_only_rise(api: Api, base_rule: None, row_counts: Callable[[], Any]) -> None:
    api.post("/orders", order("1", lines=[line("10.00")]))
    correct(api, line("12.00"), revision=3)
    before = row_counts()
    for revision, code in ((3, "order_conflict"), (2, "revision_outdated")):
        answer = correct(api, line("13.00"), revision=revision)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    old = api.post("/orders", order("1", lines=[line("10.00")]))
    assert (old.status_code, old.json()["code"]) == (409, "order_conflict")
    assert correct(api, line("1"), order_id="unknown").status_code == 404
    assert row_counts() == before


def test_it_is_judged_by_the_rules_of_then(api: Api, base_rule: None) -> None:
    api.post("/orders", order("1", lines=[line("10.00")]))
    api.patch("/earning-rules/base", {"effect": {"type": "per_amount", "points": "5", "per": "1"}})
    api.post("/earning-rules/base/publish")
    assert correct(api, line("12.00")).json()["booked"]["accrued"] == 2


def test_the_first_order_stays_the_first(api: Api, publish: Callable[..., None]) -> None:
    first = BASE | {
        "code": "first-order",
        "when": {"all": [{"fact": "member.first_order", "op": "eq", "value": True}]},
        "effect": {"type": "fixed", "points": 1000},
    }
    publish(BASE, first)
    api.post("/orders", order("1", lines=[line("10.00")]))
    booked = correct(api, line("11.00")).json()["booked"]
    assert (booked["accrued"], booked["taken_back"]) == (1, 0)


def test_its_own_use_of_a_cap_is_not_counted_twice(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE | {"caps": {"per_member": {"day": 50}, "total": 60, "times": {"day": 1}}})
    assert api.post("/orders", order("1", lines=[line("30.00")])).json()["points"]["accrued"] == 30
    assert correct(api, line("80.00")).json()["booked"]["accrued"] == 20
    assert api.post("/orders", order("2", lines=[line("30.00")])).json()["points"]["accrued"] == 0


FIXED = {
    "effect": {"type": "fixed", "points": "30"},
    "when": {"all": [{"fact": "order.amount", "op": "gte", "value": "50"}]},
}


@pytest.mark.parametrize(
    ("rule", "whole", "less"),
    [
        pytest.param({"caps": {"per_member": {"day": 100}}}, 100, 10, id="day"),
        pytest.param({"caps": {"per_member": {"month": 100}}}, 100, 10, id="month"),
        pytest.param({"caps": {"total": 100}}, 100, 10, id="total"),
        pytest.param({**FIXED, "caps": {"times": {"lifetime": 1}}}, 30, 0, id="times"),
    ],
)
def test_what_was_cut_is_given_again_under_the_same_cap(
    api: Api, publish: Callable[..., None], rule: dict[str, Any], whole: int, less: int
) -> None:
    publish(BASE | rule)
    api.post("/orders", order("1", lines=[line("100.00")]))
    assert available(api) == whole
    seen = []
    for revision, price in enumerate(("10.00", "100.00", "10.00", "100.00"), 2):
        correct(api, line(price), revision=revision)
        seen.append(available(api))
    assert seen == [less, whole, less, whole]
    # And nobody else has it: what the order may have again is not free.
    assert api.post("/orders", order("2", lines=[line("100.00")])).json()["points"]["accrued"] == 0


def test_a_cap_that_others_used_meanwhile_is_not_passed(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE | {"caps": {"per_member": {"day": 100}}})
    api.post("/orders", order("1", lines=[line("60.00")]))
    api.post("/orders", order("2", lines=[line("100.00")]))
    assert available(api) == 100
    for revision, (price, left) in enumerate((("10.00", 50), ("90.00", 100)), 2):
        correct(api, line(price), revision=revision)
        assert available(api) == left


def test_after_a_partial_return(api: Api, base_rule: None) -> None:
    api.post("/orders", order("1", lines=[line("10.00", "3")]))
    api.post("/orders/1/returns", {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]})
    assert available(api) == 20
    assert correct(api, line("11.00", "3")).json()["booked"]["accrued"] == 2
    assert available(api) == 22
    less = correct(api, line("11.00", "0.5"), revision=3)
    assert [(e["pointer"], e["code"]) for e in less.json()["errors"]] == [
        ("/lines/0/quantity", "less_than_returned")
    ]
    gone = correct(api, line("11.00", "3", line_id="other"), revision=3)
    assert [(e["pointer"], e["code"]) for e in gone.json()["errors"]] == [("/lines", "returned_line")]
    assert (
        api.post("/orders/1/returns", {"return_id": "R-2", "all": True}).json()["points"]["taken_back"] == 22
    )


def test_tier_numbers_follow(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program())
    api.post("/orders", order("1", lines=[line("900.00")]))
    assert correct(api, line("1000.00")).json()["tier"] == "gold"
    assert correct(api, line("999.00"), revision=3).json()["tier"] == "silver"
    rows = TierQualification.objects.values_list("points", "spend", "visits")
    assert [sum(each) for each in zip(*rows, strict=True)] == [999, 999, 1]


def test_a_return_may_be_numbered_like_a_correction(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.post("/orders", order("O1", lines=[line("10.00", "3")]))
    assert correct(api, line("10.00", "2"), order_id="O1").json()["booked"]["taken_back"] == 10
    back = api.post("/orders/O1/returns", {"return_id": "O1#2", "lines": [{"line_id": "1", "quantity": "1"}]})
    assert (back.status_code, back.json()["points"]) == (201, {"taken_back": 10, "debt": 0})
    rest = api.post(
        "/orders/O1/returns", {"return_id": "O1#3", "lines": [{"line_id": "1", "quantity": "0.5"}]}
    )
    assert rest.json()["points"]["taken_back"] == 5
    assert correct(api, line("9.00", "2"), order_id="O1", revision=3).json()["booked"]["taken_back"] == 1
    assert available(api) == 4
    assert sorted(Entry.objects.filter(kind="clawback").values_list("source", "reference", "points")) == [
        ("order.revision", "O1#2", 10),
        ("order.revision", "O1#3", 1),
        ("return", "O1#2", 10),
        ("return", "O1#3", 5),
    ]
    support.assert_sound()


def test_what_comes_from_an_earlier_entry_has_a_number_of_its_own(api: Api, base_rule: None) -> None:
    """A return numbered like the second clawback of another one."""
    api.post("/orders", order("O1", lines=[line("10.00")]))
    correct(api, line("12.00"), order_id="O1")
    api.post("/orders", order("O2", lines=[line("30.00")]))
    first = api.post("/orders/O2/returns", {"return_id": "R#2", "all": True})
    whole = api.post("/orders/O1/returns", {"return_id": "R", "all": True})
    assert [(a.status_code, a.json()["points"]["taken_back"]) for a in (first, whole)] == [
        (201, 30),
        (201, 12),
    ]
    assert available(api) == 0


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"revision": 1}, "/revision", "invalid"),
        ({"revision": "2"}, "/revision", "invalid"),
        ({"revision": None}, "/revision", "required"),
        ({"order_id": "2"}, "/order_id", "fixed"),
        ({"member": {"external_id": "C-boris"}}, "/member", "fixed"),
        ({"member": None}, "/member", "fixed"),
        ({"completed_at": "2026-11-22T01:00:00Z"}, "/completed_at", "fixed"),
        ({"colour": 1}, "/colour", "unknown_field"),
    ],
)
def test_bad_corrections_name_the_field(
    api: Api, base_rule: None, row_counts: Callable[[], Any], changes: dict[str, Any], pointer: str, code: str
) -> None:
    api.post("/orders", order("1"))
    before = row_counts()
    answer = api.put("/orders/1", order("1") | {"revision": 2} | changes)
    assert answer.status_code == 422, answer.content
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert row_counts() == before


def test_guest_and_cancelled_orders(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.post("/orders", order("1", member=None, lines=[line("10.00")]))
    answer = correct(api, line("12.00"), member=None)
    assert (answer.status_code, answer.json()["account"]) == (200, None)
    assert str(Purchase.objects.get().amount) == "12.00"
    api.post("/orders/1/cancel")
    answer = correct(api, line("13.00"), member=None, revision=3)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_cancelled")
