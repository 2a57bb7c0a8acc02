"""`POST /redemptions`: points and stock move together, once, or not at all."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from mall.models import Redemption, Reward
from members.models import Member
from points import services as points
from points.models import Entry
from points.services import tiers
from tenants.context import in_brand
from tenants.models import Brand
from tests.mall.conftest import ADDRESS, available, give, lots, make, order, stock
from tests.support.brands import ANNA, BORIS, KEY_ID
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Look = Callable[[], Any]
BooksAgree = Callable[[], int]


def test_points_and_stock_move_together(
    api: Api, acme: Brand, anna: None, mug: str, books_agree: BooksAgree
) -> None:
    answer = api.post("/redemptions", order(mug, address=ADDRESS))
    assert answer.status_code == 201
    body = answer.json()
    told = (
        "status",
        "points",
        "quantity",
        "reference",
        "member_id",
        "reward_id",
        "kind",
        "sku",
        "address",
        "code",
        "actor",
        "placed_at",
        "actions",
        "account",
    )
    assert {name: body[name] for name in told} == {
        "status": "placed",
        "points": 50,
        "quantity": 1,
        "reference": "mini-0001",
        "member_id": str(ANNA),
        "reward_id": mug,
        "kind": "physical",
        "sku": "MUG",
        "address": ADDRESS,
        "code": None,
        "actor": f"key:{KEY_ID}",
        "placed_at": "2026-11-22T02:00:00Z",
        "actions": ["set_address", "ship", "complete", "cancel"],
        "account": {"points_currency": "points", "available": 70, "pending": 0, "held": 0, "debt": 0},
    }
    assert lots(acme) == [(30, 0, "closed"), (90, 70, "open")]
    assert stock(acme) == (9, 10, 1)
    with in_brand(acme):
        entry = Entry.objects.get(pk=body["entry_id"])
        assert (entry.kind, entry.source, entry.reference, entry.signed_points, entry.system_account) == (
            "burn",
            "redemption",
            "mini-0001",
            -50,
            "redemption",
        )
        event = OutboxEvent.objects.get(type="redemption.placed")
        assert event.member_id == ANNA
        assert event.payload["redemption_id"] == body["redemption_id"]
        assert (event.payload["points"], event.payload["status"]) == (50, "placed")
        assert "address" not in event.payload
    assert books_agree() == 1
    full = api.get(f"/redemptions/{body['redemption_id']}").json()
    assert full["steps"] == [
        {
            "from": None,
            "to": "placed",
            "at": "2026-11-22T02:00:00Z",
            "actor": f"key:{KEY_ID}",
            "note": "",
        }
    ]


def test_several_pieces_cost_several_times(api: Api, acme: Brand, anna: None, mug: str) -> None:
    body = api.post("/redemptions", order(mug, quantity=2)).json()
    assert (body["points"], body["account"]["available"]) == (100, 20)
    assert stock(acme) == (8, 10, 2)


def test_the_same_reference_is_the_same_redemption(
    api: Api, acme: Brand, anna: None, mug: str, unchanged: Look
) -> None:
    first = api.post("/redemptions", order(mug)).json()
    before = unchanged()
    again = api.post("/redemptions", order(mug))
    assert (again.status_code, again.json()) == (200, first)
    by_identity = api.post("/redemptions", order(mug, member={"external_id": "C-anna"}))
    assert (by_identity.status_code, by_identity.json()) == (200, first)
    assert unchanged() == before


@pytest.mark.parametrize(
    "changes", [{"quantity": 2}, {"address": ADDRESS}, {"member": {"member_id": str(BORIS)}}], ids=str
)
def test_the_same_reference_with_other_content_is_a_conflict(
    changes: dict, api: Api, acme: Brand, anna: None, mug: str, unchanged: Look
) -> None:
    give(acme, BORIS, 500)
    api.post("/redemptions", order(mug))
    before = unchanged()
    answer = api.post("/redemptions", order(mug) | changes)
    assert (answer.status_code, answer.json()["code"]) == (409, "reference_conflict")
    assert unchanged() == before


def test_a_replayed_key_gives_the_first_answer_byte_for_byte(
    api: Api, acme: Brand, anna: None, mug: str
) -> None:
    key = "redemption-key-0001"
    first = api.post("/redemptions", order(mug), key=key)
    give(acme, ANNA, 7)
    again = api.post("/redemptions", order(mug), key=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    other = api.post("/redemptions", order(mug, quantity=2), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    with in_brand(acme):
        assert Redemption.objects.count() == 1


def test_a_refusal_is_replayed_too(api: Api, acme: Brand, mug: str) -> None:
    key = "redemption-key-0002"
    first = api.post("/redemptions", order(mug), key=key)
    assert (first.status_code, first.json()["code"]) == (409, "insufficient_points")
    give(acme, ANNA, 500)
    again = api.post("/redemptions", order(mug), key=key)
    assert (again.status_code, again.content) == (409, first.content)
    assert api.post("/redemptions", order(mug), key=key + "-new").status_code == 201


def test_too_few_points(api: Api, acme: Brand, mug: str, unchanged: Look) -> None:
    give(acme, ANNA, 49)
    before = unchanged()
    answer = api.post("/redemptions", order(mug))
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_points")
    assert unchanged() == before


def test_out_of_stock(api: Api, acme: Brand, anna: None, unchanged: Look) -> None:
    reward = make(api, stock=1, limit_per_member=None)
    before = unchanged()
    answer = api.post("/redemptions", order(reward, quantity=2))
    assert (answer.status_code, answer.json()["code"], answer.json()["left"]) == (409, "out_of_stock", 1)
    assert unchanged() == before


def test_the_limit_counts_pieces_that_were_not_cancelled(
    api: Api, acme: Brand, mug: str, unchanged: Look
) -> None:
    give(acme, ANNA, 1000)
    first = api.post("/redemptions", order(mug, "r-1")).json()
    api.post("/redemptions", order(mug, "r-2"))
    before = unchanged()
    answer = api.post("/redemptions", order(mug, "r-3"))
    assert (answer.status_code, answer.json()["code"]) == (409, "limit_reached")
    assert (answer.json()["limit_per_member"], answer.json()["redeemed"]) == (2, 2)
    assert unchanged() == before
    api.post(f"/redemptions/{first['redemption_id']}/cancel")
    assert api.post("/redemptions", order(mug, "r-3")).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "draft"},
        {"status": "archived"},
        {"starts_at": "2026-11-22T02:00:01Z"},
        {"ends_at": "2026-11-22T02:00:00Z"},
    ],
    ids=str,
)
def test_a_reward_that_is_not_open(changes: dict, api: Api, acme: Brand, anna: None, unchanged: Look) -> None:
    reward = make(api, **changes)
    before = unchanged()
    answer = api.post("/redemptions", order(reward))
    assert (answer.status_code, answer.json()["code"]) == (409, "reward_not_available")
    assert unchanged() == before


def test_an_offer_opens_and_ends_to_the_second(api: Api, acme: Brand, anna: None) -> None:
    reward = make(api, starts_at="2026-11-22T02:00:00Z", ends_at="2026-11-22T02:00:01Z")
    assert api.post("/redemptions", order(reward, "in-time")).status_code == 201
    with clock.frozen(clock.now() + timedelta(seconds=1)):
        assert api.post("/redemptions", order(reward, "late")).status_code == 409


def test_from_a_tier_on(api: Api, acme: Brand, anna: None, unchanged: Look) -> None:
    give_tiers(acme)
    reward = make(api, tier_min="gold")
    before = unchanged()
    answer = api.post("/redemptions", order(reward))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_eligible")
    assert (answer.json()["reason"], answer.json()["tier_min"]) == ("tier", "gold")
    assert unchanged() == before
    with in_brand(acme):
        tiers.grant(
            member_id=ANNA, code="gold", since=clock.now(), until=None, now=clock.now(), reference="care-1"
        )
    assert api.post("/redemptions", order(reward)).status_code == 201


def test_the_cheapest_offer_open_to_the_member_applies(api: Api, acme: Brand, anna: None, mug: str) -> None:
    give_tiers(acme)
    api.post("/offers", {"reward_id": mug, "points": 5, "tier_min": "gold"})
    cheaper = api.post("/offers", {"reward_id": mug, "points": 40}).json()["offer_id"]
    body = api.post("/redemptions", order(mug)).json()
    assert (body["points"], body["offer_id"]) == (40, cheaper)
    api.patch(f"/offers/{cheaper}", {"enabled": False})
    assert api.post("/redemptions", order(mug, "second")).json()["points"] == 50


def test_a_named_offer_applies_or_nothing_does(api: Api, acme: Brand, anna: None, mug: str) -> None:
    dearer = api.post("/offers", {"reward_id": mug, "points": 60}).json()["offer_id"]
    assert api.post("/redemptions", order(mug, offer_id=dearer)).json()["points"] == 60
    elsewhere = api.get(f"/rewards/{make(api, sku='CAP')}").json()["offers"][0]["offer_id"]
    answer = api.post("/redemptions", order(mug, "other", offer_id=elsewhere))
    assert (answer.status_code, answer.json()["code"]) == (404, "offer_not_found")


def test_a_tag_that_the_law_forbids_closes_a_reward_published_before(
    api: Api, acme: Brand, anna: None, mug: str, unchanged: Look
) -> None:
    with in_brand(acme):
        Reward.objects.filter(pk=mug).update(tags=["infant_0_6"])
    before = unchanged()
    answer = api.post("/redemptions", order(mug))
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (
        403,
        "not_eligible",
        "compliance",
    )
    assert unchanged() == before


def test_no_wine_for_a_minor(api: Api, acme: Brand, anna: None) -> None:
    reward = make(api, tags=["Alcohol"])
    with in_brand(acme):
        Member.objects.filter(pk=ANNA).update(birthday="2008-11-23")
    refused = api.post("/redemptions", order(reward))
    assert (refused.status_code, refused.json()["reason"]) == (403, "compliance")
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert api.post("/redemptions", order(reward)).status_code == 201


def test_without_stock_there_is_no_end_of_it(api: Api, acme: Brand, anna: None) -> None:
    reward = make(api, sku=None, stock=None, kind="virtual")
    body = api.post("/redemptions", order(reward, quantity=2)).json()
    assert (body["status"], body["points"], body["actions"]) == ("placed", 100, ["complete", "cancel"])


def test_a_coupon_has_a_code_of_its_own(api: Api, acme: Brand, anna: None) -> None:
    reward = make(api, sku=None, stock=None, kind="coupon", points=10)
    codes = [api.post("/redemptions", order(reward, f"c-{n}")).json()["code"] for n in range(2)]
    assert [len(code) for code in codes] == [12, 12]
    assert codes[0] != codes[1]


def test_running_low_is_told_once(api: Api, acme: Brand, anna: None) -> None:
    reward = make(api, stock=2, points=10, limit_per_member=None)
    api.post("/stock", {"sku": "MUG", "on_hand": 3, "low_at": 1})
    for number in range(3):
        api.post("/redemptions", order(reward, f"r-{number}"))
    with in_brand(acme):
        events = OutboxEvent.objects.filter(type="reward.stock_low")
        assert [e.payload for e in events] == [{"sku": "MUG", "on_hand": 1, "low_at": 1}]


def test_a_frozen_account_spends_nothing(
    api: Api, acme: Brand, anna: None, mug: str, unchanged: Look
) -> None:
    with in_brand(acme):
        points.freeze(member_id=ANNA, earn=False, burn=True, reason="fraud", now=clock.now())
    before = unchanged()
    answer = api.post("/redemptions", order(mug))
    assert (answer.status_code, answer.json()["code"]) == (403, "account_frozen")
    assert unchanged() == before


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"member": {"member_id": "01900000-0000-7000-8000-00000000dead"}}, 404, "member_not_found"),
        ({"member": {"external_id": "nobody"}}, 404, "member_not_found"),
        ({"reward_id": "01900000-0000-7000-8000-00000000dead"}, 404, "reward_not_found"),
    ],
    ids=str,
)
def test_who_or_what_is_unknown(
    changes: dict, status: int, code: str, api: Api, anna: None, mug: str, unchanged: Look
) -> None:
    before = unchanged()
    answer = api.post("/redemptions", order(mug) | changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert unchanged() == before


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"quantity": 0}, ["/quantity"]),
        ({"quantity": -1}, ["/quantity"]),
        ({"quantity": "1"}, ["/quantity"]),
        ({"quantity": 10_001}, ["/quantity"]),
        ({"reference": ""}, ["/reference"]),
        ({"reference": "x" * 201}, ["/reference"]),
        ({"reward_id": "mug"}, ["/reward_id"]),
        ({"member": {}}, ["/member"]),
        ({"member": {"phone": "call me"}}, ["/member/phone"]),
        ({"member": {"member_id": str(ANNA), "phone": "+8613800000000"}}, ["/member"]),
        ({"member": {"openid": "o-1"}}, ["/member/app_id"]),
        ({"address": {}}, ["/address"]),
        ({"address": 7}, ["/address"]),
        ({"points": 1}, ["/points"]),
    ],
    ids=str,
)
def test_bad_input_is_named(
    changes: dict, pointers: list[str], api: Api, anna: None, mug: str, unchanged: Look
) -> None:
    before = unchanged()
    answer = api.post("/redemptions", order(mug) | changes)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert unchanged() == before


def test_a_reward_of_another_brand_does_not_exist_here(
    api: Api, foreign: Api, intruder: Api, anna: None, mug: str, globex: Brand, unchanged: Look
) -> None:
    give(globex, ANNA, 500)
    before = unchanged()
    assert intruder.post("/redemptions", order(mug)).status_code == 401
    answer = foreign.post("/redemptions", order(mug))
    assert (answer.status_code, answer.json()["code"]) == (404, "reward_not_found")
    assert unchanged() == before
    assert available(globex) == 500


def give_tiers(brand: Brand) -> None:
    levels = [("silver", "0"), ("gold", "5000")]
    with in_brand(brand):
        tiers.store_program(
            actor="test",
            now=clock.now(),
            config={
                "qualify_by": "points",
                "period": {"type": "rolling_months", "months": 12},
                "downgrade": "one_step",
                "grace_days": 0,
                "on_return": "at_once",
                "levels": [
                    {"code": code, "name": {"en": code}, "threshold": threshold, "multiplier": "1"}
                    for code, threshold in levels
                ],
            },
        )
