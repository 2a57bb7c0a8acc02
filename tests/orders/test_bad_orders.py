"""Orders that are wrong: the field is named, in the caller's language, and nothing is written."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from campaigns.services.orders import content as parser
from campaigns.services.orders import returncontent
from partners.api import orderdocs
from tests.orders.shapes import MILK, line, order
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def with_line(**changes: Any) -> dict[str, Any]:
    return order(lines=[{k: v for k, v in (MILK | changes).items() if v is not ...}])


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("no number", order(order_id=...), "/order_id", "required"),
    ("empty number", order(order_id="  "), "/order_id", "blank"),
    ("number is a number", order(order_id=7), "/order_id", "type"),
    ("over-long number", order(order_id="x" * 101), "/order_id", "max_length"),
    ("line break in the number", order(order_id="a\nb"), "/order_id", "character"),
    ("no member", order(member=...), "/member", "required"),
    ("member is a string", order(member="C-anna"), "/member", "invalid"),
    ("member is empty", order(member={}), "/member", "one_identity"),
    ("member by an unknown field", order(member={"nick": "a"}), "/member/nick", "unknown_field"),
    ("two identities", order(member={"external_id": "a", "card_no": "1"}), "/member", "one_identity"),
    ("not an id", order(member={"member_id": "42"}), "/member/member_id", "invalid"),
    ("not a phone", order(member={"phone": "12"}), "/member/phone", "phone"),
    ("an openid without app", order(member={"openid": "o1"}), "/member/app_id", "required"),
    ("a provider without subject", order(member={"provider": "jd"}), "/member/subject", "required"),
    ("identity is a number", order(member={"external_id": 5}), "/member/external_id", "type"),
    ("no time", order(ordered_at=...), "/ordered_at", "required"),
    ("not a time", order(ordered_at="yesterday"), "/ordered_at", "invalid"),
    ("time without offset", order(ordered_at="2026-11-22T10:15:00"), "/ordered_at", "offset"),
    ("more than a day ahead", order(ordered_at="2026-11-23T02:00:01Z"), "/ordered_at", "future"),
    ("completed in the future", order(completed_at="2026-11-24T00:00:00Z"), "/completed_at", "future"),
    ("before there were computers", order(ordered_at="1816-01-01T00:00:00Z"), "/ordered_at", "range"),
    ("no currency", order(currency=...), "/currency", "required"),
    ("unknown currency", order(currency="¥¥¥"), "/currency", "currency"),
    ("lower case currency", order(currency="cny"), "/currency", "currency"),
    ("no lines", order(lines=...), "/lines", "required"),
    ("empty lines", order(lines=[]), "/lines", "empty"),
    ("lines are an object", order(lines={"1": MILK}), "/lines", "not_a_list"),
    ("a line is a string", order(lines=["milk"]), "/lines/0", "invalid"),
    ("too many lines", order(lines=[line("1")] * 1001), "/lines", "max_items"),
    ("no quantity", with_line(quantity=...), "/lines/0/quantity", "required"),
    ("zero quantity", with_line(quantity="0"), "/lines/0/quantity", "above"),
    ("negative quantity", with_line(quantity="-1"), "/lines/0/quantity", "above"),
    ("quantity in words", with_line(quantity="two"), "/lines/0/quantity", "invalid"),
    ("quantity with an exponent", with_line(quantity="1e3"), "/lines/0/quantity", "invalid"),
    ("quantity too fine", with_line(quantity="0.0001"), "/lines/0/quantity", "places"),
    ("quantity is a truth", with_line(quantity=True), "/lines/0/quantity", "invalid"),
    ("no price", with_line(unit_price=...), "/lines/0/unit_price", "required"),
    ("negative price", with_line(unit_price="-0.01"), "/lines/0/unit_price", "min_value"),
    ("huge price", with_line(unit_price="10000000000"), "/lines/0/unit_price", "max_value"),
    ("negative discount", with_line(discount="-1"), "/lines/0/discount", "min_value"),
    ("discount above the amount", with_line(discount="39.81"), "/lines/0/discount", "exceeds_amount"),
    ("over-long name", with_line(name="名" * 201), "/lines/0/name", "max_length"),
    ("over-long category", with_line(category="a/" * 101), "/lines/0/category", "max_length"),
    ("unknown field of a line", with_line(colour="red"), "/lines/0/colour", "unknown_field"),
    ("tags are a string", with_line(tags="new"), "/lines/0/tags", "not_a_list"),
    ("a tag is a number", with_line(tags=["a", 1]), "/lines/0/tags/1", "type"),
    ("a line twice", order(lines=[dict(MILK), dict(MILK)]), "/lines/1/line_id", "duplicate"),
    (
        "a given line_id is another's position",
        order(lines=[{**MILK, "line_id": "2"}, line("1")]),
        "/lines/1/line_id",
        "duplicate",
    ),
    ("unknown field", order(colour="red"), "/colour", "unknown_field"),
    ("unknown field with a slash", order(**{"a/b": 1}), "/a~1b", "unknown_field"),
    ("total does not add up", order(total="39.79"), "/total", "total_mismatch"),
    ("total is not a number", order(total="lots"), "/total", "invalid"),
    ("channel is a list", order(channel=["store"]), "/channel", "type"),
    ("over-long channel", order(channel="c" * 41), "/channel", "max_length"),
    ("over-long store", order(store_id="s" * 65), "/store_id", "max_length"),
    ("attributes are a list", order(attributes=[]), "/attributes", "invalid"),
    ("attributes too large", order(attributes={"a": "x" * 20_000}), "/attributes", "too_large"),
    ("payment without method", order(payments=[{"amount": "1"}]), "/payments/0/method", "required"),
    (
        "negative payment",
        order(payments=[{"method": "a", "amount": "-1"}]),
        "/payments/0/amount",
        "min_value",
    ),
    (
        "payments above the total",
        order(payments=[{"method": "a", "amount": "39.81"}]),
        "/payments",
        "exceeds_total",
    ),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("body", "pointer", "code"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_the_field_is_named_and_nothing_is_written(
    api: Api, row_counts: Callable[[], Any], body: dict[str, Any], pointer: str, code: str
) -> None:
    before = row_counts()
    answer = api.post("/orders", body)
    problem = answer.json()
    assert answer.status_code == 422, problem
    assert problem["code"] == "validation_failed"
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [(pointer, code)]
    assert row_counts() == before
    preview = api.post("/orders/preview", body)
    assert preview.json()["errors"] == problem["errors"]


def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    body = order(
        order_id="", currency="x", lines=[line("-1", "0"), {"quantity": "1", "unit_price": "1", "x": 1}]
    )
    problem = api.post("/orders", body).json()
    assert [e["pointer"] for e in problem["errors"]] == [
        "/order_id",
        "/currency",
        "/lines/0/quantity",
        "/lines/0/unit_price",
        "/lines/1/x",
    ]


def test_the_detail_is_in_the_callers_language(api: Api) -> None:
    english = api.post("/orders", order(order_id=...)).json()
    assert english["errors"][0]["detail"] == "This field is required."


def test_another_currency_is_not_accepted(api: Api, row_counts: Callable[[], Any]) -> None:
    before = row_counts()
    answer = api.post("/orders", order(currency="USD"))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "currency_not_accepted")
    assert (problem["currency"], problem["accepted"]) == ("USD", "CNY")
    assert [error["pointer"] for error in problem["errors"]] == ["/currency"]
    assert row_counts() == before


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b'{"order_id": NaN}', 400, "malformed_json"),
        (b"[]", 422, "validation_failed"),
        (b'"order"', 422, "validation_failed"),
        (b"null", 422, "validation_failed"),
        (json.dumps(order(order_id="a\x00b")).encode(), 422, "validation_failed"),
        (json.dumps(order(attributes={"a": "x" * 2_200_000})).encode(), 413, "body_too_large"),
    ],
)
def test_bodies_that_are_no_order(
    api: Api, row_counts: Callable[[], Any], raw: bytes, status: int, code: str
) -> None:
    before = row_counts()
    answer = api.post("/orders", raw=raw)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert row_counts() == before


def test_totals_add_up_as_a_till_rounds(api: Api) -> None:
    lines = [line("1.99", "0.333"), line("1.99", "0.333")]  # 0.66267 each, 1.32534 together
    for number, total in enumerate(("1.33", "1.32", "1.32534")):
        assert api.post("/orders", order(f"t{number}", lines=lines, total=total)).status_code == 201, total
    problem = api.post("/orders", order("t9", lines=lines, total="1.34")).json()
    assert problem["errors"][0]["pointer"] == "/total"


def test_the_documents_name_the_fields_that_the_parser_knows() -> None:
    assert set(orderdocs.ORDER["properties"]) == parser.ORDER_FIELDS
    assert set(orderdocs.LINE["properties"]) == parser.LINE_FIELDS
    payment = orderdocs.ORDER["properties"]["payments"]["items"]
    assert set(payment["properties"]) == parser.PAYMENT_FIELDS
    assert set(orderdocs.RETURN["properties"]) == returncontent.RETURN_FIELDS
    returned = orderdocs.RETURN["properties"]["lines"]["items"]
    assert set(returned["properties"]) == returncontent.RETURN_LINE_FIELDS
    assert set(orderdocs.MEMBER_REF["properties"]) == {"member_id", *parser.IDENTITY_FIELDS}
