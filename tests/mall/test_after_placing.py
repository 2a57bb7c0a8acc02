"""Cancelling, sending, handing over: `POST /redemptions/{id}/cancel` and `/fulfil`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from points.models import Consumption, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.mall.conftest import ADDRESS, available, lots, make, order, stock
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Look = Callable[[], Any]
BooksAgree = Callable[[], int]
NOWHERE = "01900000-0000-7000-8000-00000000dead"


@pytest.fixture
def placed(api: Api, anna: None, mug: str) -> str:
    """Anna's redemption of a mug, for 30 points of one lot and 20 of the other."""
    return str(api.post("/redemptions", order(mug)).json()["redemption_id"])


def events(brand: Brand, kind: str) -> list[dict]:
    with in_brand(brand):
        return [e.payload for e in OutboxEvent.objects.filter(type=kind).order_by("id")]


def test_cancelling_gives_back_to_the_very_lots_and_to_stock(
    api: Api, acme: Brand, placed: str, books_agree: BooksAgree
) -> None:
    assert lots(acme) == [(30, 0, "closed"), (90, 70, "open")]
    answer = api.post(f"/redemptions/{placed}/cancel", {"reason": "changed my mind"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["cancelled_at"], body["actions"]) == (
        "cancelled",
        "2026-11-22T02:00:00Z",
        [],
    )
    assert body["account"]["available"] == 120
    assert lots(acme) == [(30, 30, "open"), (90, 90, "open")]
    assert stock(acme) == (10, 10, 0)
    with in_brand(acme):
        reversal = Entry.objects.get(pk=body["reversal_id"])
        assert (str(reversal.reverses_id), reversal.kind, reversal.signed_points, reversal.source) == (
            body["entry_id"],
            "reversal",
            50,
            "redemption",
        )
        given_back = Consumption.objects.filter(entry=reversal).order_by("points")
        assert [c.points for c in given_back] == [-30, -20]
    (event,) = events(acme, "redemption.cancelled")
    assert (event["reason"], event["reversal_id"]) == ("changed my mind", body["reversal_id"])
    assert books_agree() == 1


def test_cancelling_twice_changes_nothing_more(api: Api, acme: Brand, placed: str, unchanged: Look) -> None:
    first = api.post(f"/redemptions/{placed}/cancel").json()
    before = unchanged()
    again = api.post(f"/redemptions/{placed}/cancel")
    assert (again.status_code, again.json()) == (200, first)
    assert unchanged() == before


def test_points_of_a_lot_that_ran_out_meanwhile_expire(
    api: Api, acme: Brand, placed: str, books_agree: BooksAgree
) -> None:
    with clock.frozen(datetime.fromisoformat("2027-01-01T02:00:00+00:00")):
        body = api.post(f"/redemptions/{placed}/cancel").json()
        assert body["account"]["available"] == 90
    assert available(acme) == 90
    assert books_agree() == 1


def test_an_article_is_sent_and_arrives(api: Api, acme: Brand, placed: str, books_agree: BooksAgree) -> None:
    body = api.post(
        f"/redemptions/{placed}/fulfil",
        {"step": "ship", "address": ADDRESS, "carrier": "SF", "tracking_number": "SF1001"},
    ).json()
    assert (body["status"], body["carrier"], body["tracking_number"], body["address"]) == (
        "shipped",
        "SF",
        "SF1001",
        ADDRESS,
    )
    assert (body["shipped_at"], body["actions"]) == ("2026-11-22T02:00:00Z", ["complete"])
    with clock.frozen(clock.now() + timedelta(days=2)):
        done = api.post(f"/redemptions/{placed}/fulfil", {"step": "complete", "note": "signed"}).json()
    assert (done["status"], done["completed_at"], done["actions"]) == (
        "completed",
        "2026-11-24T02:00:00Z",
        [],
    )
    steps = api.get(f"/redemptions/{placed}").json()["steps"]
    assert [(s["from"], s["to"], s["note"]) for s in steps] == [
        (None, "placed", ""),
        ("placed", "shipped", ""),
        ("shipped", "completed", "signed"),
    ]
    (shipped,) = events(acme, "redemption.shipped")
    assert (shipped["carrier"], shipped["tracking_number"]) == ("SF", "SF1001")
    assert "address" not in shipped
    assert len(events(acme, "redemption.completed")) == 1
    assert books_agree() == 1


def test_an_address_is_demanded_before_sending(api: Api, placed: str, unchanged: Look) -> None:
    before = unchanged()
    answer = api.post(f"/redemptions/{placed}/fulfil")
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/address", "required")]
    assert unchanged() == before
    assert api.patch(f"/redemptions/{placed}", {"address": ADDRESS}).json()["address"] == ADDRESS
    assert api.post(f"/redemptions/{placed}/fulfil").json()["status"] == "shipped"


def test_repeating_a_step_changes_nothing(api: Api, placed: str, unchanged: Look) -> None:
    for body in ({"address": ADDRESS, "carrier": "SF"}, {"step": "complete"}):
        first = api.post(f"/redemptions/{placed}/fulfil", body).json()
        before = unchanged()
        again = api.post(f"/redemptions/{placed}/fulfil", body)
        assert (again.status_code, again.json()) == (200, first)
        assert unchanged() == before


def test_without_a_step_an_article_is_never_completed_by_a_repetition(api: Api, placed: str) -> None:
    for _time in range(3):
        body = api.post(f"/redemptions/{placed}/fulfil", {"address": ADDRESS}).json()
        assert body["status"] == "shipped"


def test_a_virtual_good_is_handed_over_at_once(api: Api, acme: Brand, anna: None) -> None:
    reward = make(api, kind="virtual", sku=None, stock=None)
    placed = api.post("/redemptions", order(reward)).json()["redemption_id"]
    assert api.post(f"/redemptions/{placed}/fulfil").json()["status"] == "completed"
    answer = api.post(f"/redemptions/{placed}/fulfil", {"step": "ship", "address": ADDRESS})
    assert (answer.status_code, answer.json()["code"]) == (409, "redemption_state")


@pytest.mark.parametrize("step", ["ship", "complete"])
def test_nothing_is_sent_after_a_cancellation(step: str, api: Api, placed: str, unchanged: Look) -> None:
    api.post(f"/redemptions/{placed}/cancel")
    before = unchanged()
    answer = api.post(f"/redemptions/{placed}/fulfil", {"step": step, "address": ADDRESS})
    assert (answer.status_code, answer.json()["code"]) == (409, "redemption_state")
    assert (answer.json()["redemption_status"], answer.json()["actions"]) == ("cancelled", [])
    assert api.patch(f"/redemptions/{placed}", {"address": ADDRESS}).status_code == 409
    assert unchanged() == before


@pytest.mark.parametrize("steps", [["ship"], ["ship", "complete"], ["complete"]], ids=str)
def test_what_was_sent_cannot_be_cancelled(steps: list[str], api: Api, placed: str, unchanged: Look) -> None:
    for step in steps:
        api.post(f"/redemptions/{placed}/fulfil", {"step": step, "address": ADDRESS})
    before = unchanged()
    answer = api.post(f"/redemptions/{placed}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "redemption_state")
    assert unchanged() == before


def test_a_cancelled_reference_is_not_used_again(
    api: Api, acme: Brand, mug: str, placed: str, unchanged: Look
) -> None:
    api.post(f"/redemptions/{placed}/cancel")
    before = unchanged()
    answer = api.post("/redemptions", order(mug))
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert unchanged() == before


@pytest.mark.parametrize("action", ["cancel", "fulfil"])
def test_another_brands_redemption_does_not_exist_here(
    action: str, api: Api, foreign: Api, intruder: Api, reader: Api, placed: str, unchanged: Look
) -> None:
    before = unchanged()
    for caller, redemption, status in (
        (foreign, placed, 404),
        (intruder, placed, 401),
        (reader, placed, 403),
        (api, NOWHERE, 404),
    ):
        answer = caller.post(f"/redemptions/{redemption}/{action}", {})
        assert answer.status_code == status
    assert unchanged() == before


def test_the_burn_of_a_redemption_is_not_undone_alone(
    api: Api, placed: str, unchanged: Look, books_agree: BooksAgree
) -> None:
    entry = api.get(f"/redemptions/{placed}").json()["entry_id"]
    before = unchanged()
    answer = api.post(f"/entries/{entry}/reverse")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_reversible")
    assert unchanged() == before
    assert books_agree() == 1


def test_a_replayed_key_cancels_once(api: Api, acme: Brand, placed: str) -> None:
    first = api.post(f"/redemptions/{placed}/cancel", {}, key="cancel-key-000001")
    again = api.post(f"/redemptions/{placed}/cancel", {}, key="cancel-key-000001")
    assert (again.status_code, again.content) == (200, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert available(acme) == 120


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"step": "lose"}, ["/step"]),
        ({"carrier": "x" * 61}, ["/carrier"]),
        ({"address": ""}, ["/address"]),
        ({"shipped": True}, ["/shipped"]),
    ],
    ids=str,
)
def test_bad_input_is_named(body: dict, pointers: list[str], api: Api, placed: str, unchanged: Look) -> None:
    before = unchanged()
    answer = api.post(f"/redemptions/{placed}/fulfil", body)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert unchanged() == before


def test_the_list_is_filtered_and_paged(api: Api, anna: None, mug: str) -> None:
    placed = []
    for number in range(2):
        with clock.frozen(clock.now() + timedelta(minutes=number)):
            placed.append(api.post("/redemptions", order(mug, f"r-{number}")).json()["redemption_id"])
    api.post(f"/redemptions/{placed[0]}/cancel")

    def listed(query: str) -> list[str]:
        return [r["redemption_id"] for r in api.get(f"/redemptions?{query}").json()["items"]]

    assert listed("") == [placed[1], placed[0]]
    assert listed("status=cancelled") == [placed[0]]
    assert listed("reference=r-1") == [placed[1]]
    assert listed(f"reward_id={NOWHERE}") == []
    first = api.get("/redemptions?limit=1").json()
    assert [r["redemption_id"] for r in first["items"]] == [placed[1]]
    assert listed(f"limit=1&cursor={first['next_cursor']}") == [placed[0]]
