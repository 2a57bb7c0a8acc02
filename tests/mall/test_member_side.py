"""The mall and the first screen, as a member sees them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.lib import clock
from mall.models import Redemption, Reward
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.mall.conftest import ADDRESS, available, give, lots, make, order, stock
from tests.mall.test_place import give_tiers
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db
Look = Callable[[], Any]


@pytest.fixture
def me(acme: Brand) -> Api:
    """Anna of acme, signed in."""
    return signed_in("acme", ANNA)


def body(reward_id: str, reference: str = "wish-1", **changes: Any) -> dict[str, Any]:
    return {"reward_id": reward_id, "reference": reference, "quantity": 1, **changes}


def test_the_catalogue_says_what_can_be_done_and_why_not(
    api: Api, acme: Brand, anna: None, me: Api, mug: str
) -> None:
    give_tiers(acme)
    lamp = make(api, sku="LAMP", name={"en": "Lamp"}, points=150, sort=1)
    gone = make(api, sku="CAP", name={"en": "Cap"}, stock=0, sort=2)
    gold = make(api, sku="PEN", name={"en": "Pen"}, tier_min="gold", sort=3)
    make(api, sku="X", status="draft")
    make(api, sku="Y", ends_at="2026-11-22T02:00:00Z")
    items = me.get("/catalog").json()["items"]
    assert [(i["reward_id"], i["actions"], i["blocked"]) for i in items] == [
        (mug, ["redeem"], None),
        (lamp, [], {"code": "insufficient_points", "text": "30 points missing", "points_missing": 30}),
        (gone, [], {"code": "out_of_stock", "text": "Not enough of this reward is left.", "left": 0}),
        (
            gold,
            [],
            {
                "code": "not_eligible",
                "text": "This reward is not open to this member.",
                "reason": "tier",
                "tier_min": "gold",
            },
        ),
    ]
    first = items[0]
    assert {k: first[k] for k in ("name", "points", "left", "redeemed", "limit_per_member")} == {
        "name": "Mug",
        "points": 50,
        "left": 10,
        "redeemed": 0,
        "limit_per_member": 2,
    }
    assert me.get(f"/catalog/{mug}").json() == first
    assert signed_in("acme", ANNA, "zh-hans").get(f"/catalog/{mug}").json()["name"] == "马克杯"


def test_what_is_missing_is_told_in_the_brand_s_word_for_points(
    api: Api, acme: Brand, anna: None, me: Api
) -> None:
    acme.points_name = {"en": "beans", "zh-hans": "鲜豆"}
    acme.save()
    lamp, pen = make(api, sku="LAMP", points=150), make(api, sku="PEN", points=121)

    def said(speaker: Api) -> list[str]:
        return [speaker.get(f"/catalog/{reward}").json()["blocked"]["text"] for reward in (lamp, pen)]

    assert said(me) == ["30 beans missing", "1 bean missing"]
    assert said(signed_in("acme", ANNA, "zh-hans")) == ["还差 30 鲜豆", "还差 1 鲜豆"]


def test_what_the_catalogue_says_is_what_a_redemption_answers(
    api: Api, acme: Brand, anna: None, me: Api, mug: str
) -> None:
    lamp = make(api, sku="LAMP", points=150)
    cap = make(api, sku="CAP", stock=0)
    for number in range(2):
        for item in me.get("/catalog").json()["items"]:
            answer = me.post("/redemptions", body(item["reward_id"], f"{number} {item['reward_id']}"))
            told = item["blocked"]["code"] if item["blocked"] else None
            assert (answer.status_code < 300, answer.json().get("code")) == (told is None, told)
        me.post("/redemptions", body(mug, "another"))
    assert {lamp, cap, mug} == {i["reward_id"] for i in me.get("/catalog").json()["items"]}
    assert me.get(f"/catalog/{mug}").json()["blocked"]["code"] == "limit_reached"


def test_what_the_law_hides_is_not_shown(api: Api, acme: Brand, me: Api, mug: str) -> None:
    toddler = make(api, sku="MILK", tags=["toddler_12_36"], sort=1)
    wine = make(api, sku="WINE", tags=["alcohol"], sort=2)

    def shown() -> list[str]:
        return [i["reward_id"] for i in me.get("/catalog").json()["items"]]

    assert shown() == [mug, toddler, wine]
    with in_brand(acme):
        children = [{"birth_month": "2026-01", "guardian_consent": True}]
        Member.objects.filter(pk=ANNA).update(birthday="2010-01-01", children=children)
    assert shown() == [mug]
    assert me.get(f"/catalog/{wine}").json()["code"] == "reward_not_found"
    with in_brand(acme):
        without_consent = [{"birth_month": "2026-01", "guardian_consent": False}]
        Member.objects.filter(pk=ANNA).update(birthday="1990-01-01", children=without_consent)
        Reward.objects.filter(pk=mug).update(tags=["home", "tobacco"])
    assert shown() == [toddler, wine]


def test_the_catalogue_is_filtered_and_paged(api: Api, me: Api, mug: str) -> None:
    coupon = make(api, sku=None, stock=None, kind="coupon", category="coupon", sort=1)

    def listed(query: str) -> list[str]:
        return [i["reward_id"] for i in me.get(f"/catalog?{query}").json()["items"]]

    assert listed("kind=coupon") == [coupon]
    assert listed("category=home") == []
    page = me.get("/catalog?limit=1").json()
    assert [i["reward_id"] for i in page["items"]] == [mug]
    assert listed(f"limit=1&cursor={page['next_cursor']}") == [coupon]


def test_a_member_redeems_and_takes_it_back(api: Api, acme: Brand, anna: None, me: Api, mug: str) -> None:
    answer = me.post("/redemptions", body(mug))
    assert answer.status_code == 201
    placed = answer.json()
    assert {k: placed[k] for k in ("status", "points", "reference", "name", "actions", "account")} == {
        "status": "placed",
        "points": 50,
        "reference": "wish-1",
        "name": "Mug",
        "actions": ["set_address", "cancel"],
        "account": {"points_currency": "points", "available": 70, "pending": 0, "held": 0, "debt": 0},
    }
    again = me.post("/redemptions", body(mug))
    assert (again.status_code, again.json()) == (200, placed)
    at = f"/redemptions/{placed['redemption_id']}"
    assert me.patch(at, {"address": ADDRESS}).json()["address"] == ADDRESS
    moved = {**ADDRESS, "city": "Foshan"}
    assert me.put(at, {"address": moved}).json()["address"] == moved
    assert me.get(at).json()["address"] == moved
    assert [r["redemption_id"] for r in me.get("/redemptions").json()["items"]] == [placed["redemption_id"]]
    assert me.get("/redemptions?status=shipped").json()["items"] == []
    spent = me.get("/me/entries").json()["items"][0]
    assert (spent["points"], spent["kind"], spent["reference"]) == (-50, "burn", "wish-1")
    assert {"actor", "reason", "cost_centre"}.isdisjoint(spent)
    undone = me.post(f"{at}/cancel", {"reason": "changed my mind"}).json()
    assert (undone["status"], undone["actions"], undone["account"]["available"]) == ("cancelled", [], 120)
    assert lots(acme) == [(30, 30, "open"), (90, 90, "open")]
    assert stock(acme) == (10, 10, 0)
    by_partner = api.get(at).json()
    assert by_partner["reference"] == f"member/{ANNA}/wish-1"
    assert [step["actor"] for step in by_partner["steps"]] == [f"member:{ANNA}"] * 2


def test_two_members_may_use_the_same_reference(acme: Brand, anna: None, me: Api, mug: str) -> None:
    give(acme, BORIS, 100)
    boris = signed_in("acme", BORIS)
    assert me.post("/redemptions", body(mug)).status_code == 201
    assert boris.post("/redemptions", body(mug)).status_code == 201
    assert (available(acme), available(acme, BORIS)) == (70, 50)


def test_nobody_sees_or_undoes_what_is_not_theirs(
    acme: Brand, anna: None, me: Api, mug: str, unchanged: Look
) -> None:
    at = f"/redemptions/{me.post('/redemptions', body(mug)).json()['redemption_id']}"
    boris = signed_in("acme", BORIS)
    before = unchanged()
    for answer in (
        boris.get(at),
        boris.post(f"{at}/cancel"),
        boris.patch(at, {"address": ADDRESS}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "redemption_not_found")
    assert boris.get("/redemptions").json()["items"] == []
    assert boris.get("/me/entries").json()["items"] == []
    assert unchanged() == before


def test_a_coupon_that_may_be_in_use_is_not_taken_back_by_the_member(
    api: Api, acme: Brand, anna: None, me: Api, unchanged: Look
) -> None:
    coupon = make(api, sku=None, stock=None, kind="coupon")
    placed = me.post("/redemptions", body(coupon)).json()
    assert (len(placed["code"]), placed["actions"]) == (12, [])
    before = unchanged()
    answer = me.post(f"/redemptions/{placed['redemption_id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "redemption_state")
    assert unchanged() == before
    assert api.post(f"/redemptions/{placed['redemption_id']}/cancel").status_code == 200


def test_a_members_token_opens_nothing_of_the_partner_api(me: Api, acme: Brand, mug: str) -> None:
    partner = Api("acme.localhost", me.token)
    assert partner.get("/rewards").status_code == 401
    assert partner.post("/redemptions", order(mug)).status_code == 401
    assert partner.get(f"/members/{ANNA}").status_code == 401


def test_the_first_screen_in_one_call(api: Api, acme: Brand, me: Api, mug: str) -> None:
    give_tiers(acme)
    give(acme, ANNA, 30, datetime.fromisoformat("2026-12-01T16:00:00+00:00"))
    give(acme, ANNA, 90, datetime.fromisoformat("2027-06-30T16:00:00+00:00"))
    home = me.get("/home").json()
    (offer,) = home.pop("offers")
    assert (offer["reward_id"], offer["actions"]) == (mug, ["redeem"])
    assert home == {
        "profile": {
            "member_id": str(ANNA),
            "name": "C-anna of acme",
            "referral_code": "ANNA",
            "locale": "",
        },
        "brand": {"name": "Acme", "points_name": "points"},
        "account": {
            "points_currency": "points",
            "available": 120,
            "pending": 0,
            "held": 0,
            "debt": 0,
            "lifetime_accrued": 120,
        },
        "tier": {
            "code": "silver",
            "name": "silver",
            "since": home["tier"]["since"],
            "until": None,
            "qualify_by": "points",
            "qualifying_points": 0,
            "next": {
                "code": "gold",
                "name": "gold",
                "points_missing": 5000,
                "by": None,
                "text": "5,000 more points to gold",
            },
            "keep": None,
        },
        "expiring": [{"expires_at": "2026-12-01T16:00:00Z", "points": 30}],
        "tasks": [],
    }
    with clock.frozen(datetime.fromisoformat("2026-12-01T16:00:00+00:00")):
        later = signed_in("acme", ANNA).get("/home").json()
    assert (later["account"]["available"], later["expiring"]) == (90, [])


def test_the_first_screen_of_somebody_who_has_nothing(acme: Brand) -> None:
    home = signed_in("acme", BORIS).get("/home").json()
    assert home["account"] == {
        "points_currency": "points",
        "available": 0,
        "pending": 0,
        "held": 0,
        "debt": 0,
        "lifetime_accrued": 0,
    }
    assert (home["tier"], home["expiring"], home["offers"]) == (None, [], [])


@pytest.mark.parametrize("path", ["/home", "/catalog"])
def test_the_number_of_queries_does_not_grow(path: str, api: Api, acme: Brand, anna: None, me: Api) -> None:
    make(api)
    me.get(path)
    with CaptureQueriesContext(connection) as few:
        me.get(path)
    for number in range(5):
        make(api, sku=f"SKU-{number}")
    with CaptureQueriesContext(connection) as many:
        me.get(path)
    assert len(many) == len(few)
    assert len(few) <= 14


def test_entries_are_paged_newest_first(acme: Brand, me: Api) -> None:
    for amount in (10, 20, 30):
        with clock.frozen(clock.now() + timedelta(minutes=amount)):
            give(acme, ANNA, amount)
    page = me.get("/me/entries?limit=2").json()
    assert [(e["points"], e["balance_after"]) for e in page["items"]] == [(30, 60), (20, 30)]
    rest = me.get(f"/me/entries?limit=2&cursor={page['next_cursor']}").json()
    assert [e["points"] for e in rest["items"]] == [10]
    assert rest["next_cursor"] is None
    assert me.get("/me/entries?kind=burn").json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"quantity": 0}, ["/quantity"]),
        ({"reference": "x" * 101}, ["/reference"]),
        ({"member": {"member_id": str(BORIS)}}, ["/member"]),
        ({"points": 1}, ["/points"]),
    ],
    ids=str,
)
def test_bad_input_is_named(
    changes: dict, pointers: list[str], acme: Brand, anna: None, me: Api, mug: str, unchanged: Look
) -> None:
    before = unchanged()
    answer = me.post("/redemptions", body(mug) | changes)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert unchanged() == before
    with in_brand(acme):
        assert not Redemption.objects.exists()
