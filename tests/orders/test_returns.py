"""`POST /orders/{order_id}/returns`: what is taken back, what stays, and what is owed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.services import orders as service
from loyalty.outbox.models import OutboxEvent
from members.models import Member, ParkedReturn, Purchase, PurchaseReturn
from points.models import TierQualification
from tenants.models import Brand
from tests.orders.shapes import BASE, account, give_back, line, lines, multiplier, order, priced, set_policy
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db
NUMBER = "S01-20261122-0007"


def test_a_partial_return_keeps_what_is_left_floored_anew(api: Api, base_rule: None) -> None:
    entry_id = api.post("/orders", order()).json()["entries"][0]["entry_id"]
    answer = give_back(api, NUMBER, lines=lines(("1", "1")))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    clawed = body["entries"][0].pop("entry_id")
    assert body == {
        "return_id": "R-1",
        "order_id": NUMBER,
        "member_id": str(ANNA),
        "status": "applied",
        "returned_at": "2026-11-22T02:00:00Z",
        "lines": [{"line_id": "1", "quantity": "1"}],
        "points": {"taken_back": 20, "debt": 0},  # 39 − ⌊19.90⌋
        "entries": [
            {
                "points": -20,
                "points_currency": "points",
                "rule": "base",
                "order_id": NUMBER,
                "reverses": entry_id,
            }
        ],
        "whole": False,
        "account": {"available": 19, "pending": 0, "held": 0, "debt": 0, "points_currency": "points"},
    }
    assert api.get(f"/entries/{clawed}").json()["kind"] == "clawback"
    rest = give_back(api, NUMBER, "R-2", lines=lines(("1", "1.000"))).json()
    assert (rest["points"], rest["whole"]) == ({"taken_back": 19, "debt": 0}, True)
    assert account(api) == {"available": 0, "pending": 0, "held": 0, "debt": 0}


def test_a_full_return_takes_everything_back(api: Api, publish: Callable[..., None]) -> None:
    fixed = BASE | {"code": "thanks", "effect": {"type": "fixed", "points": 50}}
    publish(BASE, multiplier("double", "2"), fixed)
    assert api.post("/orders", order()).json()["points"]["accrued"] == 128  # 39 + 50 + ⌊39.80⌋
    body = give_back(api, NUMBER).json()
    assert body["points"] == {"taken_back": 128, "debt": 0}
    assert sorted((e["rule"], e["points"]) for e in body["entries"]) == [
        ("base", -39),
        ("double", -39),
        ("thanks", -50),
    ]
    assert account(api)["available"] == 0


def test_the_same_return_again_answers_the_same(
    api: Api, base_rule: None, row_counts: Callable[[], Any]
) -> None:
    api.post("/orders", order())
    first = give_back(api, NUMBER, lines=lines(("1", "1"))).json()
    before = row_counts()
    again = give_back(api, NUMBER, lines=lines(("1", "1.0")))
    assert (again.status_code, again.json()) == (200, first)
    other = give_back(api, NUMBER, lines=lines(("1", "2")))
    assert (other.status_code, other.json()["code"]) == (409, "return_conflict")
    api.post("/orders", order("another"))
    elsewhere = give_back(api, "another", lines=lines(("1", "1")))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "return_conflict")
    assert {n: c for n, c in row_counts().items() if "return" in n} == {
        n: c for n, c in before.items() if "return" in n
    }


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"return_id": "R-1", "lines": lines(("1", "2.001"))}, "/lines/0/quantity", "more_than_remains"),
        ({"return_id": "R-1", "lines": lines(("9", "1"))}, "/lines/0/line_id", "unknown"),
        ({"return_id": "R-1", "lines": lines(("1", "0"))}, "/lines/0/quantity", "above"),
        ({"return_id": "R-1", "lines": lines(("1", "-1"))}, "/lines/0/quantity", "above"),
        ({"return_id": "R-1", "lines": lines(("1", "1"), ("1", "1"))}, "/lines/1/line_id", "duplicate"),
        ({"return_id": "R-1", "lines": []}, "/lines", "required"),
        ({"return_id": "R-1"}, "/lines", "required"),
        ({"return_id": "R-1", "all": "yes"}, "/all", "invalid"),
        ({"return_id": "R-1", "all": True, "lines": lines(("1", "1"))}, "/lines", "not_with_all"),
        ({"all": True}, "/return_id", "required"),
        ({"return_id": "cancel:x", "all": True}, "/return_id", "reserved"),
        ({"return_id": "r" * 101, "all": True}, "/return_id", "max_length"),
        ({"return_id": "R-1", "all": True, "returned_at": "2027-01-01T00:00:00Z"}, "/returned_at", "future"),
        ({"return_id": "R-1", "all": True, "why": "sour"}, "/why", "unknown_field"),
    ],
)
def test_bad_returns_name_the_field_and_write_nothing(
    api: Api, base_rule: None, row_counts: Callable[[], Any], body: Any, pointer: str, code: str
) -> None:
    api.post("/orders", order())
    before = row_counts()
    answer = api.post(f"/orders/{NUMBER}/returns", body)
    assert answer.status_code == 422, answer.content
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert row_counts() == before


def test_more_than_remains_after_an_earlier_return(api: Api, base_rule: None) -> None:
    api.post("/orders", order())
    give_back(api, NUMBER, lines=lines(("1", "1.5")))
    answer = give_back(api, NUMBER, "R-2", lines=lines(("1", "1")))
    assert answer.json()["errors"][0]["code"] == "more_than_remains"
    assert give_back(api, NUMBER, "R-3").json()["points"] == {"taken_back": 9, "debt": 0}  # ⌊9.95⌋ was left
    nothing = give_back(api, NUMBER, "R-4")
    assert [(e["pointer"], e["code"]) for e in nothing.json()["errors"]] == [("/all", "nothing_remains")]


def test_spent_points_become_debt_that_the_next_order_repays(api: Api, base_rule: None) -> None:
    api.post("/orders", priced("1", "100.00"))
    spent = api.post("/burns", {"member": {"member_id": str(ANNA)}, "points": 70, "reference": "till-7-0001"})
    assert spent.status_code == 201, spent.content
    body = give_back(api, "1").json()
    assert body["points"] == {"taken_back": 100, "debt": 70}
    assert account(api) == {"available": 0, "pending": 0, "held": 0, "debt": 70}
    next_order = api.post("/orders", priced("2", "90.00")).json()
    assert next_order["points"] == {"accrued": 90, "pending": 0, "debt_repaid": 70}
    assert account(api) == {"available": 20, "pending": 0, "held": 0, "debt": 0}


def test_a_discount_is_prorated_by_quantity(api: Api, base_rule: None) -> None:
    api.post("/orders", order("1", lines=[line("10.00", "3", discount="1.00")]))  # 29 points
    body = give_back(api, "1", lines=lines(("1", "1"))).json()
    assert body["points"]["taken_back"] == 29 - 19  # 20 − 0.67 = 19.33


def test_a_return_is_judged_by_the_recorded_version(api: Api, base_rule: None) -> None:
    api.post("/orders", order("1", lines=[line("10.00", "2")]))
    changed = api.patch("/earning-rules/base", {"effect": {"type": "per_amount", "points": "5", "per": "1"}})
    assert changed.status_code == 200, changed.content
    assert api.post("/earning-rules/base/publish").status_code == 200
    assert give_back(api, "1", lines=lines(("1", "1"))).json()["points"]["taken_back"] == 10
    assert api.post("/orders", priced("2", "10.00")).json()["entries"][0]["version"] == 2


def test_pending_points_are_taken_back_too(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE | {"points": {"pending": {"days": 7}}})
    api.post("/orders", order())
    assert account(api) == {"available": 0, "pending": 39, "held": 0, "debt": 0}
    give_back(api, NUMBER)
    assert account(api) == {"available": 0, "pending": 0, "held": 0, "debt": 0}


def test_a_rule_that_would_only_now_win_earns_nothing(api: Api, publish: Callable[..., None]) -> None:
    small = multiplier(
        "small-basket", "2", when={"all": [{"fact": "order.amount", "op": "lt", "value": "15"}]}
    )
    publish(BASE, small)
    assert api.post("/orders", order("1", lines=[line("10.00", "2")])).json()["points"]["accrued"] == 20
    assert give_back(api, "1", lines=lines(("1", "1"))).json()["points"]["taken_back"] == 10
    assert account(api)["available"] == 10


def test_a_window_bonus_goes_when_one_of_its_orders_comes_back(
    api: Api, publish: Callable[..., None]
) -> None:
    three = {
        "code": "three-orders",
        "name": {"en": "Three orders this month"},
        "trigger": "order.paid",
        "when": {"all": [{"fact": "member.orders.count", "window": "month", "op": "eq", "value": 3}]},
        "effect": {"type": "fixed", "points": 1000},
    }
    publish(BASE, three)
    for number in ("1", "2"):
        assert api.post("/orders", priced(number, "10.00")).json()["points"]["accrued"] == 10
    third = priced("3", "10.00", ordered_at="2026-11-22T09:30:00+08:00")
    assert api.post("/orders", third).json()["points"]["accrued"] == 1010
    body = give_back(api, "1").json()
    assert body["points"] == {"taken_back": 1010, "debt": 0}
    assert sorted((e["rule"], e["order_id"], e["points"]) for e in body["entries"]) == [
        ("base", "1", -10),
        ("three-orders", "3", -1000),
    ]
    assert give_back(api, "3", "R-2").json()["points"] == {"taken_back": 10, "debt": 0}


def test_a_return_may_be_numbered_like_the_recount_of_another(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    """Return "R" of order "1" recounts order "2"; neither "R:2" nor "R:1" may stand in its way."""
    two = {
        "code": "two-orders",
        "name": {"en": "Two orders this month"},
        "trigger": "order.paid",
        "when": {"all": [{"fact": "member.orders.count", "window": "month", "op": "eq", "value": 2}]},
        "effect": {"type": "fixed", "points": 100},
    }
    publish(BASE, two)
    for number, ordered_at in (("1", "09:15"), ("2", "09:16"), ("3", "09:17"), ("4", "09:18")):
        api.post("/orders", priced(number, "10.00", ordered_at=f"2026-11-22T{ordered_at}:00+08:00"))
    for number, return_id in (("3", "R:2"), ("4", "R:1")):
        assert give_back(api, number, return_id).json()["points"]["taken_back"] == 10
    assert give_back(api, "1", "R").json()["points"] == {"taken_back": 110, "debt": 0}
    assert account(api)["available"] == 10
    facts = TierQualification.objects.filter(spend__lt=0).values_list("source", "reference")
    assert sorted(facts) == [("return", "R"), ("return", "R:1"), ("return", "R:2")]


def test_an_order_with_the_longest_number_can_be_cancelled(api: Api, base_rule: None) -> None:
    number = "O" * 100
    assert api.post("/orders", priced(number, "10.00")).status_code == 201
    answer = api.post(f"/orders/{number}/cancel")
    assert (answer.status_code, answer.json()["points"]["taken_back"]) == (200, 10)
    assert api.post(f"/orders/{number}/cancel").json() == answer.json()


def test_a_return_before_its_order_is_parked_and_applied(api: Api, base_rule: None, in_acme: Brand) -> None:
    parked = give_back(api, NUMBER, lines=lines(("1", "1")))
    assert parked.status_code == 202
    expected = {
        "return_id": "R-1",
        "order_id": NUMBER,
        "status": "parked",
        "parked_at": "2026-11-22T02:00:00Z",
        "dropped_at": None,
        "problem": None,
    }
    assert parked.json() == expected
    assert give_back(api, NUMBER, lines=lines(("1", "1"))).status_code == 202
    assert give_back(api, NUMBER, lines=lines(("1", "2"))).json()["code"] == "return_conflict"
    assert api.get("/returns/parked").json() == {"items": [expected], "next_cursor": None}
    body = api.post("/orders", order()).json()
    assert body["points"]["accrued"] == 39
    assert [r["points"] for r in body["returns"]] == [{"taken_back": 20, "debt": 0}]
    assert body["account"]["available"] == 19
    assert api.get("/returns/parked").json()["items"] == []
    assert [r["status"] for r in api.get("/returns/parked?status=applied").json()["items"]] == ["applied"]
    again = give_back(api, NUMBER, lines=lines(("1", "1")))
    assert (again.status_code, again.json()["points"]) == (200, {"taken_back": 20, "debt": 0})
    assert PurchaseReturn.objects.count() == 1


def test_a_parked_return_that_does_not_fit_is_dropped_with_its_reason(api: Api, base_rule: None) -> None:
    give_back(api, NUMBER, lines=lines(("1", "5")))
    body = api.post("/orders", order())
    assert (body.status_code, body.json()["account"]["available"]) == (201, 39)
    dropped = api.get("/returns/parked?status=dropped").json()["items"]
    assert dropped[0]["problem"] == {
        "code": "validation_failed",
        "errors": [{"pointer": "/lines/0/quantity", "code": "more_than_remains"}],
    }


def test_parked_returns_are_given_up_after_30_days(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    give_back(api, NUMBER)
    assert service.drop_parked(now=now + timedelta(days=30) - timedelta(seconds=1)) == 0
    assert service.drop_parked(now=now + timedelta(days=30)) == 1
    assert api.post("/orders", order()).json()["account"]["available"] == 39
    assert ParkedReturn.objects.get().problem == {"code": "order_never_came", "errors": []}


def test_a_return_parked_while_its_order_came_is_applied_by_the_tick(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    give_back(api, NUMBER)
    ParkedReturn.objects.update(order_id="elsewhere")
    api.post("/orders", order())
    ParkedReturn.objects.update(order_id=NUMBER)
    assert service.apply_waiting(now=now) == 1
    assert service.apply_waiting(now=now) == 0
    assert account(api)["available"] == 0


def test_a_guest_order_comes_back_without_points(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.post("/orders", order(member=None))
    body = give_back(api, NUMBER).json()
    assert (body["points"], body["account"], body["whole"]) == ({"taken_back": 0, "debt": 0}, None, True)


def test_cancelling_is_a_return_of_everything_once(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.post("/orders", order())
    give_back(api, NUMBER, lines=lines(("1", "1")))
    first = api.post(f"/orders/{NUMBER}/cancel")
    assert (first.status_code, first.json()["points"]) == (200, {"taken_back": 19, "debt": 0})
    assert api.post(f"/orders/{NUMBER}/cancel").json() == first.json()
    assert account(api)["available"] == 0
    assert Purchase.objects.get().status == "cancelled"
    completed = api.post(f"/orders/{NUMBER}/complete")
    assert (completed.status_code, completed.json()["code"]) == (409, "order_cancelled")
    assert OutboxEvent.objects.filter(type="order.cancelled").count() == 1
    assert api.post("/orders/unknown/cancel").status_code == 404
    assert api.post("/orders/unknown/complete").status_code == 404


def test_windows_and_first_order_skip_what_came_back_whole(api: Api, publish: Callable[..., None]) -> None:
    first_order = BASE | {
        "code": "first-order",
        "when": {"all": [{"fact": "member.first_order", "op": "eq", "value": True}]},
        "effect": {"type": "fixed", "points": 1000},
    }
    publish(BASE, first_order)
    assert api.post("/orders", priced("1", "5.00")).json()["points"]["accrued"] == 1005
    give_back(api, "1")
    assert api.post("/orders", priced("2", "5.00")).json()["points"]["accrued"] == 1005


def test_which_order_it_is_follows_from_those_that_are_left(api: Api, publish: Callable[..., None]) -> None:
    def fixed(code: str, points: int, **leaf: Any) -> dict[str, Any]:
        when = {"all": [leaf]}
        return BASE | {"code": code, "when": when, "effect": {"type": "fixed", "points": points}}

    publish(
        fixed("first", 1000, fact="member.first_order", op="eq", value=True),
        fixed("second", 200, fact="member.nth_order", op="eq", value=2),
        fixed("third", 300, fact="member.nth_order", op="eq", value=3),
        fixed("sixth-day", 6, fact="member.days_since_last_order", op="eq", value=6),
        fixed("two", 2, fact="member.orders.count", window="month", op="eq", value=2),
        fixed("ten", 10, fact="member.orders.amount", window="days:30", op="eq", value=10),
    )

    def bought(number: str, day: str) -> dict[str, int]:
        body = api.post("/orders", priced(number, "5.00", ordered_at=f"2026-11-{day}T09:00:00+08:00")).json()
        return {each["rule"]: each["points"] for each in body["entries"]}

    assert bought("1", "01") == {"first": 1000}
    assert bought("2", "07") == {"second": 200, "sixth-day": 6, "two": 2, "ten": 10}
    # What was earned as the second stays so: only its windows counted the order that came back.
    assert give_back(api, "1").json()["points"]["taken_back"] == 1012
    assert account(api)["available"] == 206
    # The second is left, so this is no first order: no bonus twice, nor for nothing kept.
    assert bought("3", "13") == {"second": 200, "sixth-day": 6, "two": 2, "ten": 10}
    give_back(api, "3", "R-3")
    give_back(api, "2", "R-2")
    assert account(api)["available"] == 0
    for number in ("4", "5", "6"):
        assert bought(number, "14") == {"first": 1000}
        give_back(api, number, f"R-{number}")
        assert (account(api)["available"], account(api)["debt"]) == (0, 0)


def test_carried_fractions_are_added_to_the_next_order(api: Api, base_rule: None, acme: Brand) -> None:
    set_policy(acme, rounding="carry")
    told = [api.post("/orders", priced(f"c{n}", "0.40")).json() for n in range(5)]
    assert [each["points"]["accrued"] for each in told] == [0, 0, 1, 0, 1]
    assert [each["explanation"][0]["text"] for each in told[1:3]] == [
        "less than one point",
        "0.40 × 1 point per CNY → 1, with what earlier orders left below one point",
    ]


def test_a_recounted_window_still_leaves_out_what_is_for_adults(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    spent = {"fact": "member.orders.amount", "window": "month", "op": "gte", "value": 100}
    bonus = {"code": "spender", "effect": {"type": "fixed", "points": 50}, "when": {"all": [spent]}}
    publish(BASE, BASE | bonus)
    Member.objects.filter(pk=ANNA).update(birthday="2012-01-01")
    milk = line("30.00", "2") | {"line_id": "milk"}
    wine = line("200.00", tags=["alcohol"]) | {"line_id": "wine"}
    assert api.post("/orders", order("1", lines=[milk, wine])).json()["points"]["accrued"] == 60
    assert api.post("/orders", priced("2", "60.00")).json()["points"]["accrued"] == 110
    # 30 + 60 are left of the month: the wine never counted for somebody of fourteen.
    answer = give_back(api, "1", "R-1", lines=[{"line_id": "milk", "quantity": "1"}])
    assert answer.status_code == 201, answer.content
    assert account(api)["available"] == 90


def test_blocked_lines_do_not_exist(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    second = BASE | {
        "code": "second-order",
        "when": {"all": [{"fact": "member.nth_order", "op": "eq", "value": 2}]},
        "effect": {"type": "fixed", "points": 100},
    }
    publish(BASE, second)
    formula = line("300.00", tags=["infant_0_6"])
    blocked = api.post("/orders", order("1", lines=[formula])).json()
    assert blocked["points"]["accrued"] == 0
    assert {e["reason"] for e in blocked["explanation"]} == {"compliance"}
    assert not Purchase.objects.get(order_id="1").visible_earn
    assert api.post("/orders", order("2", lines=[formula, line("5.00")])).json()["points"]["accrued"] == 5
    assert api.post("/orders", priced("3", "5.00")).json()["points"]["accrued"] == 105


def test_what_was_taken_back_stays_taken_back_when_its_window_is_recounted(
    api: Api, publish: Callable[..., None]
) -> None:
    bonus = BASE | {
        "code": "two-orders",
        "when": {"all": [{"fact": "member.orders.count", "window": "month", "op": "gte", "value": 2}]},
        "effect": {"type": "fixed", "points": 500},
    }
    publish(BASE, bonus)
    given = [api.post("/orders", priced(n, "10.00")).json()["points"]["accrued"] for n in "1234"]
    assert given == [10, 510, 510, 510]
    # 4 counts 1, 2 and 3; 3 counts 1 and 2; 2 counts 1.
    taken = [give_back(api, n, f"R-{n}").json()["points"]["taken_back"] for n in "4123"]
    assert taken == [510, 510, 510, 10]
    assert account(api) == {"available": 0, "pending": 0, "held": 0, "debt": 0}
