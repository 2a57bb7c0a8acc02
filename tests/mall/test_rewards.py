"""`/rewards`, `/offers`, `/stock`: what the brand gives for points."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from mall import templates
from mall.models import Offer, Reward
from tenants.context import in_brand
from tenants.models import Brand
from tests.mall.conftest import MUG, make, order, stock
from tests.support.brands import KEY_ID
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
NOWHERE = "01900000-0000-7000-8000-00000000dead"


def test_a_reward_comes_with_its_offer_and_its_stock(api: Api, acme: Brand) -> None:
    answer = api.post("/rewards", MUG)
    assert answer.status_code == 201
    body = answer.json()
    (offer,) = body.pop("offers")
    assert body == {
        "reward_id": body["reward_id"],
        "name": {"en": "Mug", "zh-hans": "马克杯"},
        "description": {},
        "kind": "physical",
        "sku": "MUG",
        "stock": 10,
        "points": 50,
        "points_currency": "points",
        "starts_at": None,
        "ends_at": None,
        "limit_per_member": 2,
        "tier_min": "",
        "image": "",
        "category": "",
        "tags": [],
        "points_now": 50,
        "campaign": None,
        "unit_cost": None,
        "cost_currency": None,
        "sort": 0,
        "status": "published",
        "published_at": "2026-11-22T02:00:00Z",
        "created_at": "2026-11-22T02:00:00Z",
        "updated_at": "2026-11-22T02:00:00Z",
        "actions": ["archive"],
    }
    assert offer == {
        "offer_id": offer["offer_id"],
        "reward_id": body["reward_id"],
        "points": 50,
        "points_currency": "points",
        "starts_at": None,
        "ends_at": None,
        "limit_per_member": 2,
        "tier_min": "",
        "enabled": True,
        "main": True,
    }
    assert api.get(f"/rewards/{body['reward_id']}").json() == {**body, "offers": [offer]}
    assert stock(acme) == (10, 10, 0)
    with in_brand(acme):
        told = OutboxEvent.objects.get(type="stock.adjusted").payload
    assert told == {"sku": "MUG", "on_hand": 10, "low_at": 5, "change": 10, "actor": f"key:{KEY_ID}"}


def test_stock_without_a_sku_gets_one(api: Api) -> None:
    body = api.get(f"/rewards/{make(api, sku=None)}").json()
    assert body["sku"] == "R-" + body["reward_id"].replace("-", "")[-12:].upper()
    assert api.get(f"/stock/{body['sku']}").json()["on_hand"] == 10


def test_a_shared_sku_is_one_stock(api: Api, acme: Brand, anna: None) -> None:
    first, second = make(api), make(api, stock=None)
    api.post("/redemptions", order(second))
    assert api.get(f"/rewards/{first}").json()["stock"] == 9
    assert api.post("/rewards", MUG).status_code == 201
    assert [api.get(f"/rewards/{reward}").json()["stock"] for reward in (first, second)] == [10, 10]


def test_a_reward_is_changed_published_and_archived(api: Api, acme: Brand) -> None:
    reward = make(api, status="draft")
    assert api.get(f"/rewards/{reward}").json()["actions"] == ["publish", "archive"]
    with clock.frozen(clock.now() + timedelta(hours=1)):
        body = api.patch(
            f"/rewards/{reward}", {"points": 60, "category": "home", "status": "published"}
        ).json()
    assert (body["points"], body["category"], body["status"]) == (60, "home", "published")
    assert (body["published_at"], body["created_at"]) == ("2026-11-22T03:00:00Z", "2026-11-22T02:00:00Z")
    assert [o["points"] for o in body["offers"]] == [60]
    assert api.patch(f"/rewards/{reward}", {"status": "archived"}).json()["actions"] == ["publish"]
    again = api.patch(f"/rewards/{reward}", {"status": "draft"})
    assert [(e["pointer"], e["code"]) for e in again.json()["errors"]] == [("/status", "was_published")]
    assert api.patch(f"/rewards/{reward}", {"limit_per_member": None}).json()["limit_per_member"] is None


def test_what_was_redeemed_keeps_its_points(api: Api, anna: None, mug: str) -> None:
    placed = api.post("/redemptions", order(mug)).json()
    api.patch(f"/rewards/{mug}", {"points": 70})
    assert api.get(f"/redemptions/{placed['redemption_id']}").json()["points"] == 50
    assert api.post("/redemptions", order(mug, "second")).json()["points"] == 70


@pytest.mark.parametrize(
    "tag", ["infant_0_6", "INFANT_6_12", "fsmp", "tobacco", "rx_drug", "prepaid_card", "lottery"]
)
def test_the_law_forbids_some_rewards(tag: str, api: Api, row_counts: Counts) -> None:
    before = row_counts()
    answer = api.post("/rewards", {**MUG, "tags": ["nice", tag]})
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/tags", "compliance")]
    assert row_counts() == before
    draft = make(api, status="draft", tags=[tag])
    assert api.patch(f"/rewards/{draft}", {"status": "published"}).status_code == 422
    published = make(api, sku="CAP")
    assert api.patch(f"/rewards/{published}", {"tags": [tag]}).status_code == 422
    assert api.get(f"/rewards/{published}").json()["tags"] == []


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"name": {}}, ["/name"]),
        ({"name": {"fr": "Tasse"}}, ["/name"]),
        ({"name": {"en": "x" * 201}}, ["/name"]),
        ({"kind": "edible"}, ["/kind"]),
        ({"points": 0}, ["/points"]),
        ({"points": -5}, ["/points"]),
        ({"points": "50"}, ["/points"]),
        ({"points": 10**12 + 1}, ["/points"]),
        ({"stock": -1}, ["/stock"]),
        ({"limit_per_member": 0}, ["/limit_per_member"]),
        ({"tier_min": "gold"}, ["/tier_min"]),
        ({"image": "javascript:alert(1)"}, ["/image"]),
        ({"sku": "x" * 65}, ["/sku"]),
        ({"tags": "nice"}, ["/tags"]),
        ({"starts_at": "2026-11-22"}, ["/starts_at"]),
        ({"starts_at": "2026-11-23T00:00:00Z", "ends_at": "2026-11-23T00:00:00Z"}, ["/ends_at"]),
        ({"price": 3}, ["/price"]),
    ],
    ids=str,
)
def test_bad_input_is_named(changes: dict, pointers: list[str], api: Api, row_counts: Counts) -> None:
    before = row_counts()
    answer = api.post("/rewards", {**MUG, **changes})
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert row_counts() == before


def test_a_name_and_a_price_are_needed(api: Api) -> None:
    answer = api.post("/rewards", {"kind": "physical"})
    assert sorted((e["pointer"], e["code"]) for e in answer.json()["errors"]) == [
        ("/name", "required"),
        ("/points", "required"),
    ]


def test_a_replayed_key_makes_one_reward(api: Api, acme: Brand) -> None:
    first = api.post("/rewards", MUG, key="reward-key-000001")
    again = api.post("/rewards", MUG, key="reward-key-000001")
    assert (again.status_code, again.content) == (201, first.content)
    with in_brand(acme):
        assert Reward.objects.count() == 1


def test_the_list_is_in_catalogue_order_filtered_and_paged(api: Api) -> None:
    last, first = make(api, sort=2), make(api, sku="CAP", sort=-1)
    middle = make(api, sku=None, stock=None, kind="coupon", status="draft")

    def listed(query: str) -> list[str]:
        return [r["reward_id"] for r in api.get(f"/rewards?{query}").json()["items"]]

    assert listed("") == [first, middle, last]
    assert listed("status=draft") == [middle]
    assert listed("kind=physical") == [first, last]
    assert listed("sku=CAP") == [first]
    page = api.get("/rewards?limit=2").json()
    assert listed(f"limit=2&cursor={page['next_cursor']}") == [last]
    wrong = api.get("/rewards?status=lost&colour=red")
    assert [e["pointer"] for e in wrong.json()["errors"]] == ["/status", "/colour"]


def test_offers_are_added_changed_and_listed(api: Api, acme: Brand, mug: str) -> None:
    answer = api.post("/offers", {"reward_id": mug, "points": 40, "ends_at": "2026-12-01T00:00:00+08:00"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["points"], body["ends_at"], body["main"]) == (40, "2026-11-30T16:00:00Z", False)
    assert api.get(f"/offers/{body['offer_id']}").json() == body
    ended = api.patch(f"/offers/{body['offer_id']}", {"enabled": False, "points": 45}).json()
    assert (ended["enabled"], ended["points"]) == (False, 45)
    listed = api.get(f"/offers?reward_id={mug}").json()["items"]
    assert [o["points"] for o in listed] == [45, 50]
    page = api.get("/offers?limit=1").json()
    assert [o["points"] for o in page["items"]] == [45]
    assert [o["points"] for o in api.get(f"/offers?cursor={page['next_cursor']}").json()["items"]] == [50]
    wrong = api.patch(f"/offers/{body['offer_id']}", {"starts_at": "2026-12-01T00:00:00+08:00"})
    assert [e["pointer"] for e in wrong.json()["errors"]] == ["/ends_at"]
    assert api.post("/offers", {"reward_id": NOWHERE, "points": 40}).json()["code"] == "reward_not_found"
    with in_brand(acme):
        assert Offer.objects.count() == 2


def test_stock_is_counted_and_delivered(api: Api, acme: Brand, anna: None, mug: str) -> None:
    api.post("/redemptions", order(mug))
    assert api.patch("/stock/MUG", {"add": 5}).json()["on_hand"] == 14
    assert stock(acme) == (14, 15, 1)
    body = api.post("/stock", {"sku": "MUG", "on_hand": 3, "low_at": 3}).json()
    assert (body["on_hand"], body["low_at"], body["low"], body["taken"]) == (3, 3, True, 1)
    assert stock(acme) == (3, 4, 1)
    assert api.patch("/stock/MUG", {"add": -3}).json()["on_hand"] == 0
    below = api.patch("/stock/MUG", {"add": -1})
    assert (below.status_code, below.json()["errors"][0]["pointer"]) == (422, "/add")
    assert stock(acme) == (0, 1, 1)
    assert [s["sku"] for s in api.get("/stock").json()["items"]] == ["MUG"]


def test_stock_that_begins_later_counts_for_the_rewards_with_its_sku(api: Api, anna: None) -> None:
    reward = make(api, stock=None)
    assert api.get(f"/rewards/{reward}").json()["stock"] is None
    api.post("/stock", {"sku": "MUG", "add": 1})
    assert api.get(f"/rewards/{reward}").json()["stock"] == 1
    assert api.post("/redemptions", order(reward)).status_code == 201
    assert api.post("/redemptions", order(reward, "second")).json()["code"] == "out_of_stock"


def test_a_sku_may_hold_a_slash(api: Api) -> None:
    api.post("/stock", {"sku": "A/1 b", "on_hand": 2})
    assert api.get("/stock/A%2F1%20b").json()["on_hand"] == 2
    assert api.get("/stock/A/1%20b").json()["sku"] == "A/1 b"
    assert api.get("/stock/%00").status_code == 404
    assert api.patch("/stock/never-seen", {"on_hand": 1}).json()["code"] == "stock_not_found"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"on_hand": 1, "add": 1}, [""]),
        ({"on_hand": -1}, ["/on_hand"]),
        ({"add": 1, "low_at": 1}, ["/low_at"]),
        ({"on_hand": 1, "reserved": 2}, ["/reserved"]),
    ],
    ids=str,
)
def test_bad_stock_is_named(body: dict, pointers: list[str], api: Api, acme: Brand, mug: str) -> None:
    answer = api.patch("/stock/MUG", body)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert stock(acme) == (10, 10, 0)


def test_another_brand_sees_and_changes_nothing(
    api: Api, foreign: Api, reader: Api, mug: str, row_counts: Counts
) -> None:
    offer = api.get(f"/rewards/{mug}").json()["offers"][0]["offer_id"]
    before = row_counts()
    assert foreign.get("/rewards").json() == {"items": [], "next_cursor": None}
    assert foreign.get(f"/rewards/{mug}").status_code == 404
    assert foreign.patch(f"/rewards/{mug}", {"points": 1}).status_code == 404
    assert foreign.patch(f"/offers/{offer}", {"points": 1}).status_code == 404
    assert foreign.patch("/stock/MUG", {"on_hand": 1}).status_code == 404
    assert reader.get(f"/rewards/{mug}").status_code == 200
    assert reader.patch(f"/rewards/{mug}", {"points": 1}).json()["code"] == "scope_missing"
    assert row_counts() == before
    assert api.get(f"/rewards/{mug}").json()["points"] == 50


@pytest.mark.parametrize(("template", "drafts"), [("retail", 3), ("dairy", 3), ("fmcg", 3), ("blank", 0)])
def test_a_template_brings_drafts_and_publishes_nothing(template: str, drafts: int, acme: Brand) -> None:
    with in_brand(acme):
        for _time in range(2):
            templates.install(template, now=clock.now())
        assert list(Reward.objects.values_list("status", flat=True)) == ["draft"] * drafts
        assert all({"zh-hans", "en"} <= set(reward.name) for reward in Reward.objects.all())
