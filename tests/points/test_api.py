"""The points calls over HTTP: they work, name what is wrong, repeat safely, and stay within the brand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from loyalty.lib import clock, ids
from points import services as points
from points.models import Entry
from tenants import hosts
from tenants.models import Brand
from tests.points.support import book, earn, numbers
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
ACCOUNT = {"points_currency": "points", "available": 60, "pending": 0, "held": 0, "debt": 0}
BURN = {"member": {"member_id": str(ANNA)}, "points": 40, "reference": "till-7-0001", "reason": "checkout"}


@pytest.fixture(autouse=True)
def _hundred(globex: Brand, in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 100, "o-1", now=now, expires_at=now + timedelta(days=30))


def test_burn_answers_the_entry_and_the_account(api: Api) -> None:
    answer = api.post("/burns", BURN)
    assert answer.status_code == 201
    body = answer.json()
    assert body == {
        "entry_id": body["entry_id"],
        "kind": "burn",
        "points": -40,
        "balance_after": 60,
        "account": ACCOUNT,
    }
    stored = Entry.objects.get(pk=body["entry_id"])
    assert (stored.reason, stored.reference) == ("checkout", "till-7-0001")
    assert stored.actor != ""


def test_the_reference_again_is_200_with_the_first_entry_and_other_content_is_409(api: Api) -> None:
    first = api.post("/burns", BURN).json()
    again = api.post("/burns", BURN)
    assert (again.status_code, again.json()["entry_id"]) == (200, first["entry_id"])
    other = api.post("/burns", {**BURN, "points": 41})
    assert (other.status_code, other.json()["code"]) == (409, "reference_conflict")
    assert numbers(ANNA) == (60, 0, 0, 0)


def test_an_idempotency_key_replays_byte_for_byte(api: Api) -> None:
    key = "k" * 16
    first = api.post("/burns", BURN, key=key)
    points.burn(member_id=ANNA, points=1, reference="between", now=clock.now())
    again = api.post("/burns", BURN, key=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"


def test_too_few_points(api: Api, row_counts: Callable[[], dict[str, int]]) -> None:
    before = row_counts()
    answer = api.post("/burns", {**BURN, "points": 101})
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_points")
    assert answer.json()["available"] == 100
    assert row_counts() == before


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/burns", {**BURN, "points": 0}, "/points"),
        ("/burns", {**BURN, "points": -5}, "/points"),
        ("/burns", {**BURN, "points": 1.5}, "/points"),
        ("/burns", {**BURN, "points": "5"}, "/points"),
        ("/burns", {**BURN, "points": 10**12 + 1}, "/points"),
        ("/burns", {**BURN, "points": True}, "/points"),
        ("/burns", {**BURN, "reference": ""}, "/reference"),
        ("/burns", {**BURN, "reference": "x" * 201}, "/reference"),
        ("/burns", {**BURN, "member": {}}, "/member"),
        ("/burns", {**BURN, "member": {"member_id": "no"}}, "/member/member_id"),
        ("/burns", {**BURN, "member": {"phone": "12"}}, "/member/phone"),
        ("/burns", {**BURN, "member": {"nick": "a"}}, "/member/nick"),
        ("/burns", {**BURN, "extra": 1}, "/extra"),
        ("/burns", {k: v for k, v in BURN.items() if k != "reference"}, "/reference"),
        ("/holds", {**BURN, "expires_in_s": 0}, "/expires_in_s"),
        ("/holds", {**BURN, "expires_in_s": 10**9}, "/expires_in_s"),
        ("/adjustments", {**BURN, "points": 0}, "/points"),
        ("/adjustments", {**BURN, "reason": ""}, "/reason"),
        ("/transfers", {"from": {"member_id": str(ANNA)}, "points": 1, "reference": "t"}, "/to"),
    ],
)
def test_bad_input_is_named_and_writes_nothing(
    api: Api, row_counts: Callable[[], dict[str, int]], path: str, body: dict[str, Any], pointer: str
) -> None:
    before = row_counts()
    answer = api.post(path, body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "validation_failed"
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert row_counts() == before


def test_a_member_is_found_by_an_identity(api: Api) -> None:
    assert api.post("/burns", {**BURN, "member": {"external_id": "C-anna"}}).status_code == 201
    missing = api.post("/burns", {**BURN, "reference": "x", "member": {"external_id": "C-none"}})
    assert (missing.status_code, missing.json()["code"]) == (404, "member_not_found")


def test_hold_capture_void(api: Api, now: datetime) -> None:
    body = {"member": {"member_id": str(ANNA)}, "points": 30, "reference": "h-1", "expires_in_s": 900}
    held = api.post("/holds", body)
    assert held.status_code == 201
    assert held.json() == {
        "hold_id": held.json()["hold_id"],
        "status": "open",
        "points": 30,
        "captured": 0,
        "released": 0,
        "expires_at": "2026-11-22T02:15:00Z",
        "entry_id": None,
        "account": {**ACCOUNT, "available": 70, "held": 30},
    }
    path = f"/holds/{held.json()['hold_id']}"
    taken = api.post(f"{path}/capture", {"points": 20})
    assert (taken.status_code, taken.json()["status"], taken.json()["released"]) == (200, "captured", 10)
    assert taken.json()["account"] == {**ACCOUNT, "available": 80}
    ended = api.post(f"{path}/void")
    assert (ended.status_code, ended.json()["code"]) == (409, "hold_ended")
    second = api.post("/holds", {**body, "reference": "h-2"}).json()["hold_id"]
    assert api.post(f"/holds/{second}/void").json()["status"] == "voided"
    third = api.post("/holds", {**body, "reference": "h-3"}).json()["hold_id"]
    assert api.post(f"/holds/{third}/capture", {"points": 31}).json()["code"] == "capture_exceeds_hold"
    with clock.frozen(now + timedelta(seconds=900)):
        late = api.post(f"/holds/{third}/capture")
    assert (late.status_code, late.json()["code"]) == (409, "hold_ended")
    assert api.post(f"/holds/{ids.new()}/capture").status_code == 404


def test_reverse_gives_back_and_once(api: Api) -> None:
    burned = api.post("/burns", BURN).json()["entry_id"]
    back = api.post(f"/entries/{burned}/reverse", {"reason": "rung up twice"})
    assert (back.status_code, back.json()["points"], back.json()["reverses"]) == (201, 40, burned)
    assert api.post(f"/entries/{burned}/reverse").json()["entry_id"] == back.json()["entry_id"]
    more = api.post(f"/entries/{burned}/reverse", {"reference": "again"})
    assert (more.status_code, more.json()["code"]) == (409, "reversal_exceeds_entry")
    assert numbers(ANNA) == (100, 0, 0, 0)
    partial = api.post(f"/entries/{burned}/reverse", {"points": 5})
    assert (partial.status_code, partial.json()["errors"][0]["pointer"]) == (422, "/reference")


def test_adjustments_and_their_threshold(api: Api, acme: Brand) -> None:
    body = {"member": {"member_id": str(ANNA)}, "points": -50, "reason": "booked twice", "reference": "a-1"}
    done = api.post("/adjustments", body)
    assert (done.status_code, done.json()["points"], done.json()["kind"]) == (201, -50, "adjustment")
    assert api.post("/adjustments", {**body, "points": -51, "reference": "a-2"}).status_code == 409
    given = api.post("/adjustments", {**body, "points": 7, "reference": "a-3"})
    assert given.json()["account"]["available"] == 57


def test_a_reversal_above_the_threshold_waits(api: Api, acme: Brand) -> None:
    burned = api.post("/burns", BURN).json()["entry_id"]
    connection.set_schema_to_public()
    Brand.objects.filter(pk=acme.pk).update(settings={"adjustment_approval_above": 39})
    hosts.forget()
    connection.set_tenant(acme)
    asked = api.post(f"/entries/{burned}/reverse", {"reason": "rung up twice"})
    assert (asked.status_code, asked.json()["status"], asked.json()["points"]) == (
        202,
        "pending_approval",
        40,
    )
    assert api.post(f"/entries/{burned}/reverse", {"reason": "rung up twice"}).json() == asked.json()
    assert numbers(ANNA) == (60, 0, 0, 0)


def test_transfer(api: Api) -> None:
    body = {
        "from": {"member_id": str(ANNA)},
        "to": {"external_id": "C-boris"},
        "points": 30,
        "reference": "t",
    }
    answer = api.post("/transfers", body)
    assert answer.status_code == 201
    assert (answer.json()["from"]["points"], answer.json()["to"]["points"]) == (-30, 30)
    assert answer.json()["to"]["account"]["available"] == 30
    assert api.post("/transfers", body).status_code == 200
    self_gift = api.post("/transfers", {**body, "to": body["from"], "reference": "t-2"})
    assert (self_gift.status_code, self_gift.json()["code"]) == (422, "same_member")
    assert [error["pointer"] for error in self_gift.json()["errors"]] == ["/to"]


def test_account_now_and_at_another_time(api: Api, now: datetime) -> None:
    body = api.get(f"/members/{ANNA}/account").json()
    assert {k: body[k] for k in (*ACCOUNT, "lifetime_accrued", "expiring", "tier")} == {
        **ACCOUNT,
        "available": 100,
        "lifetime_accrued": 100,
        "expiring": [{"expires_at": "2026-12-22T02:00:00Z", "points": 100}],
        "tier": None,
    }
    later = api.get(f"/members/{ANNA}/account?at=2026-12-22T02:00:00Z").json()
    assert (later["available"], later["expiring"]) == (0, [])
    before = api.get(f"/members/{ANNA}/account?at=2026-11-22T01:59:59Z").json()
    assert (before["available"], before["lifetime_accrued"]) == (0, 0)
    assert api.get(f"/members/{ANNA}/account?points_currency=stars").json()["available"] == 0
    assert api.get(f"/members/{ANNA}/account?at=yesterday").status_code == 422
    assert api.get(f"/members/{CHEN}/account").json()["available"] == 0
    assert api.get(f"/members/{ids.new()}/account").status_code == 404


def test_entries_newest_first_by_cursor(api: Api, now: datetime) -> None:
    for number in range(5):
        points.burn(member_id=ANNA, points=number + 1, reference=f"b-{number}", now=now)
    first = api.get(f"/members/{ANNA}/entries?limit=4").json()
    assert [entry["points"] for entry in first["items"]] == [-5, -4, -3, -2]
    rest = api.get(f"/members/{ANNA}/entries?limit=4&cursor={first['next_cursor']}").json()
    assert [entry["points"] for entry in rest["items"]] == [-1, 100]
    assert rest["next_cursor"] is None
    only = api.get(f"/members/{ANNA}/entries?kind=accrual").json()["items"]
    assert [entry["reference"] for entry in only] == ["o-1"]
    assert api.get(f"/members/{BORIS}/entries").json() == {"items": [], "next_cursor": None}


def test_an_entry_shows_its_trace(api: Api, now: datetime) -> None:
    burned = api.post("/burns", BURN).json()["entry_id"]
    entry = api.get(f"/entries/{burned}").json()
    earned = Entry.objects.get(kind="accrual")
    assert entry["lots"] == [
        {
            "lot_id": str(earned.id),
            "points": -40,
            "entry_id": str(earned.id),
            "expires_at": "2026-12-22T02:00:00Z",
        }
    ]
    assert (entry["member_id"], entry["kind"], entry["balance_after"]) == (str(ANNA), "burn", 60)
    origin = api.get(f"/entries/{earned.id}").json()
    assert [lot["points"] for lot in origin["lots"]] == [100]
    assert api.get(f"/entries/{ids.new()}").json()["code"] == "not_found"


def test_scopes_and_foreign_credentials(reader: Api, intruder: Api, foreign: Api) -> None:
    assert reader.get(f"/members/{ANNA}/account").status_code == 200
    refused = reader.post("/burns", BURN)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert intruder.post("/burns", BURN).status_code == 401
    entry_id = Entry.objects.get().id
    assert foreign.get(f"/entries/{entry_id}").status_code == 404
    assert foreign.post(f"/entries/{entry_id}/reverse").status_code == 404
    # The same member id exists in the other brand, with an account of its own.
    assert foreign.get(f"/members/{ANNA}/account").json()["available"] == 0
    assert foreign.post("/burns", BURN).json()["code"] == "insufficient_points"
    assert book(ANNA) == [("accrual", 100, 100)]


def test_details_are_told_in_the_callers_language(acme: Brand, api: Api) -> None:
    api.language = "zh-hans"
    answer = api.post("/burns", {**BURN, "points": 101})
    assert answer.json()["code"] == "insufficient_points"
