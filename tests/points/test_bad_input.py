"""Every points call with input that is wrong, late, or sent twice: named, refused, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from loyalty.lib import clock, ids
from points import services as points
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.points.support import earn, numbers
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Rows = Callable[[], dict[str, int]]
WHO = {"member": {"member_id": str(ANNA)}}
TRANSFER = {"from": {"member_id": str(ANNA)}, "to": {"member_id": str(BORIS)}}
BODIES: dict[str, dict[str, Any]] = {
    "/burns": {**WHO, "points": 5, "reference": "r", "reason": "x"},
    "/holds": {**WHO, "points": 5, "reference": "r"},
    "/adjustments": {**WHO, "points": 5, "reference": "r", "reason": "x"},
    "/transfers": {**TRANSFER, "points": 5, "reference": "r"},
}
NO_POINTS = (0, 1.5, 1.0, "5", "", True, None, [], {}, 2**63, 2**64, -(2**63), 10**12 + 1, 1e300)


@pytest.fixture(autouse=True)
def _hundred(globex: Brand, in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 100, "o-1", now=now)


@pytest.mark.parametrize("path", BODIES)
def test_points_that_are_none(api: Api, row_counts: Rows, path: str) -> None:
    before = row_counts()
    wrong = NO_POINTS if path == "/adjustments" else (*NO_POINTS, -1, -5)
    for value in wrong:
        answer = api.post(path, {**BODIES[path], "points": value})
        assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (422, ["/points"]), (
            value
        )
    assert row_counts() == before


@pytest.mark.parametrize("path", BODIES)
def test_references_and_currencies_that_are_none(api: Api, row_counts: Rows, path: str) -> None:
    before = row_counts()
    cases = [("reference", value) for value in ("", "   ", "x" * 201, 5, None, ["r"], "a\x00b")]
    cases += [("points_currency", value) for value in ("", "Stars", "1st", "x" * 33, "a b", 5, None, "星")]
    cases += [("reason", "x" * 501), ("reason", 5), ("nonsense", 1)]
    for name, value in cases:
        answer = api.post(path, {**BODIES[path], name: value})
        assert answer.status_code in (400, 422), (name, value)
        if answer.status_code == 422:
            assert [e["pointer"] for e in answer.json()["errors"]] == [f"/{name}"], (name, value)
    assert row_counts() == before


@pytest.mark.parametrize("path", BODIES)
def test_a_long_reference_in_any_script_is_one_reference(api: Api, path: str) -> None:
    body = {**BODIES[path], "reference": "单号-🎁-" + "é" * 190}
    first = api.post(path, body)
    again = api.post(path, body)
    assert (first.status_code, again.status_code) == (201, 200)
    name = {"/holds": "hold_id", "/transfers": "journal"}.get(path, "entry_id")
    assert first.json()[name] == again.json()[name]


@pytest.mark.parametrize("path", BODIES)
def test_a_reference_with_other_content_conflicts(api: Api, row_counts: Rows, path: str) -> None:
    assert api.post(path, BODIES[path]).status_code == 201
    earn(BORIS, 50, "o-2", now=clock.now())
    before = row_counts()
    boris, anna = {"member_id": str(BORIS)}, {"member_id": str(ANNA)}
    other = {"from": boris, "to": anna} if path == "/transfers" else {"member": boris}
    for change in ({"points": 6}, other, {"points_currency": "stars"}):
        answer = api.post(path, {**BODIES[path], **change})
        assert (answer.status_code, answer.json()["code"]) == (409, "reference_conflict"), change
    assert row_counts() == before
    assert api.post(path, BODIES[path]).status_code == 200


@pytest.mark.parametrize("value", [0, -1, 1.5, "900", True, None, 30 * 86_400 + 1, 2**63])
def test_holds_of_no_length(api: Api, row_counts: Rows, value: Any) -> None:
    before = row_counts()
    answer = api.post("/holds", {**BODIES["/holds"], "expires_in_s": value})
    assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (422, ["/expires_in_s"])
    assert row_counts() == before


def test_the_ends_of_a_hold(api: Api, globex: Brand, now: datetime, row_counts: Rows) -> None:
    hold = api.post("/holds", {**BODIES["/holds"], "expires_in_s": 60}).json()["hold_id"]
    before = row_counts()
    for value in (0, -1, 2.5, "3", True):
        assert api.post(f"/holds/{hold}/capture", {"points": value}).status_code == 422
    more = api.post(f"/holds/{hold}/capture", {"points": 6})
    assert (more.status_code, more.json()["code"], more.json()["held"]) == (409, "capture_exceeds_hold", 5)
    assert row_counts() == before
    with in_brand(globex):
        earn(ANNA, 9, "o-1", now=now)
        foreign = points.hold(
            member_id=ANNA, points=9, reference="h", expires_at=now + timedelta(days=1), now=now
        ).hold_id
    for path in ("capture", "void"):
        assert api.post(f"/holds/{foreign}/{path}").status_code == 404
    assert api.post(f"/holds/{hold}/capture", {"points": 2}).json()["released"] == 3
    for path, body in (("capture", {"points": 2}), ("capture", {}), ("void", {})):
        ended = api.post(f"/holds/{hold}/{path}", body)
        assert (ended.status_code, ended.json()["code"]) == (409, "hold_ended")
    assert numbers(ANNA) == (98, 0, 0, 0)


def test_what_cannot_be_reversed(api: Api, row_counts: Rows) -> None:
    burnt = api.post("/burns", BODIES["/burns"]).json()["entry_id"]
    part = api.post(f"/entries/{burnt}/reverse", {"points": 2, "reference": "p"}).json()["entry_id"]
    given = api.post("/transfers", {**BODIES["/transfers"], "reference": "t"}).json()
    before = row_counts()
    for entry in (part, given["from"]["entry_id"], given["to"]["entry_id"]):
        answer = api.post(f"/entries/{entry}/reverse", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_reversible")
    for points_back, reference, code in (
        (4, "q", "reversal_exceeds_entry"),
        (3, "p", "reference_conflict"),
    ):
        answer = api.post(f"/entries/{burnt}/reverse", {"points": points_back, "reference": reference})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert api.post(f"/entries/{burnt}/reverse", {"points": 2, "reference": "p"}).status_code == 200
    assert row_counts() == before
    assert api.post(f"/entries/{burnt}/reverse").json()["points"] == 3
    assert numbers(ANNA) == (95, 0, 0, 0)


@pytest.mark.parametrize("path", BODIES)
def test_unknown_and_frozen_members(api: Api, row_counts: Rows, path: str, now: datetime) -> None:
    before = row_counts()
    for member in ({"member_id": str(ids.new())}, {"external_id": "nobody"}):
        name = "from" if path == "/transfers" else "member"
        answer = api.post(path, {**BODIES[path], name: member})
        assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
    assert row_counts() == before
    points.freeze(member_id=ANNA, earn=True, burn=True, reason="x", now=now)
    answer = api.post(path, BODIES[path])
    # An adjustment is the way in which an operator sets a frozen account right.
    expected = (201, None) if path == "/adjustments" else (403, "account_frozen")
    assert (answer.status_code, answer.json().get("code")) == expected


def test_a_brand_that_lists_its_currencies_has_no_others(api: Api, acme: Brand, row_counts: Rows) -> None:
    connection.set_schema_to_public()
    Brand.objects.filter(pk=acme.pk).update(settings={"points_currencies": ["stars"]})
    hosts.forget()
    connection.set_tenant(acme)
    before = row_counts()
    for path, body in BODIES.items():
        answer = api.post(path, {**body, "points_currency": "coins"})
        found = [(e["pointer"], e["code"]) for e in answer.json()["errors"]]
        assert (answer.status_code, found) == (422, [("/points_currency", "unknown_currency")])
    assert api.get(f"/members/{ANNA}/account?points_currency=coins").status_code == 422
    assert row_counts() == before
    answer = api.post("/adjustments", {**BODIES["/adjustments"], "points_currency": "stars"})
    assert answer.json()["account"]["points_currency"] == "stars"
    entries = api.get(f"/members/{ANNA}/entries?points_currency=stars").json()["items"]
    assert [entry["points"] for entry in entries] == [5]


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2199-12-31T23:59:59Z", 200),
        ("1970-01-01T00:00:00Z", 200),
        ("2200-01-01T00:00:00Z", 422),
        ("1969-12-31T23:59:59Z", 422),
        ("9999-12-31T23:59:59-23:59", 422),
        ("2026-11-22T10:00:00", 422),
        ("2026-13-01T00:00:00Z", 422),
        ("now", 422),
        ("", 422),
    ],
)
def test_instants_of_the_account(api: Api, at: str, status: int) -> None:
    answer = api.get(f"/members/{ANNA}/account?at={at}")
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["errors"][0]["pointer"] == "/at"
    else:
        assert answer.json()["available"] == (100 if at > "2026" else 0)
