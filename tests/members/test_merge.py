"""Merging two members over HTTP: one person afterwards, whatever name a call uses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from campaigns.models import CapCounter
from loyalty.lib import checks, ids
from loyalty.outbox.models import OutboxEvent
from loyalty.outbox.registry import event_types
from mall.models import Redemption
from members.models import Identity, Member, Purchase
from points import services as points
from points.models import MemberTier, TierQualification
from points.services import tiers
from tenants.models import Brand
from tests.points.support import assert_sound, numbers
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _members(globex: Brand, in_acme: Brand, now: datetime) -> None:
    for member, amount in ((ANNA, 100), (BORIS, 7)):
        points.adjust(
            member_id=member, points=amount, reference=f"seed-{amount}", reason="r", actor="a", now=now
        )


def merge(api: Api, member: Any = ANNA, into: Any = BORIS, **more: Any) -> Any:
    return api.post(f"/members/{member}/merge", {"into": str(into)}, **more)


def everything_holds() -> None:
    for check in checks.registered():
        assert list(check.run().violations) == [], check.code


def test_it_answers_both_and_tells_once(api: Api) -> None:
    done = merge(api)
    account = {"points_currency": "points", "available": 107, "pending": 0, "held": 0, "debt": 0}
    body = {"member_id": str(ANNA), "into": str(BORIS), "status": "merged", "accounts": [account]}
    assert (done.status_code, done.json()) == (200, body)
    assert merge(api).json() == body
    event = OutboxEvent.objects.get(type="member.merged")
    assert (event.payload["member_id"], event.payload["into"]) == (str(ANNA), str(BORIS))
    assert event.payload["accounts"][0]["available"] == 107
    told = api.get(f"/members/{ANNA}").json()
    assert (told["status"], told["merged_into"]) == ("merged", str(BORIS))
    everything_holds()


def test_later_calls_by_the_old_id_or_identity_reach_the_survivor(api: Api) -> None:
    merge(api)
    for number, member in enumerate(({"member_id": str(ANNA)}, {"external_id": "C-anna"})):
        answer = api.post("/burns", {"member": member, "points": 10, "reference": f"b-{number}"})
        assert answer.json()["account"]["available"] == 97 - 10 * number
    assert numbers(BORIS) == (87, 0, 0, 0)
    body = {
        "order_id": "late-1", "member": {"external_id": "C-anna"}, "ordered_at": "2026-11-22T10:00:00+08:00",
        "currency": "CNY", "lines": [{"sku": "a", "quantity": "1", "unit_price": "5.00"}],
    }  # fmt: skip
    assert api.post("/orders", body).json()["member_id"] == str(BORIS)
    assert Identity.objects.filter(member=BORIS).count() == 2
    frozen = api.post(f"/members/{ANNA}/freeze", {"burn": True, "reason": "lost"})
    assert frozen.json()["member_id"] == str(BORIS)
    everything_holds()


@pytest.mark.parametrize(
    ("member", "into", "status", "code"),
    [
        (ANNA, ANNA, 422, "validation_failed"),
        (ANNA, ids.new(), 404, "member_not_found"),
        (ids.new(), ANNA, 404, "member_not_found"),
        (ANNA, "no", 422, "validation_failed"),
    ],
)
def test_who_cannot_be_merged(
    api: Api, row_counts: Callable[[], dict[str, int]], member: Any, into: Any, status: int, code: str
) -> None:
    before = row_counts()
    answer = merge(api, member, into)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert row_counts() == before


def test_neither_the_other_way_round_nor_twice_elsewhere(
    api: Api, reader: Api, row_counts: Callable[[], dict[str, int]]
) -> None:
    merge(api)
    before = row_counts()
    for member, into in ((BORIS, ANNA), (ANNA, CHEN), (CHEN, ANNA)):
        answer = merge(api, member, into)
        assert (answer.status_code, answer.json()["code"]) == (409, "member_not_active")
    assert merge(reader).status_code == 403
    assert row_counts() == before
    Member.objects.filter(pk=CHEN).update(status="closed")
    assert merge(api, CHEN, BORIS).json()["code"] == "member_not_active"


def test_a_chain_leads_to_the_last(api: Api) -> None:
    merge(api)
    merge(api, BORIS, CHEN)
    answer = api.post("/burns", {"member": {"external_id": "C-anna"}, "points": 7, "reference": "x"})
    assert answer.json()["account"]["available"] == 100
    assert Member.objects.get(pk=ANNA).merged_into_id == CHEN
    everything_holds()


def test_profile_gaps_are_filled_and_nobody_invites_themselves(api: Api, in_acme: Brand) -> None:
    given = {"purpose": "marketing", "granted": True, "at": "2026-01-01T00:00:00Z"}
    Member.objects.filter(pk=ANNA).update(
        name="Old", region="440100", tags=["vip", "a"], consents=[given], referrer=BORIS
    )
    Member.objects.filter(pk=BORIS).update(name="Kept", region="", tags=["a"], referrer=ANNA)
    Member.objects.filter(pk=CHEN).update(referrer=ANNA)
    code = Member.objects.get(pk=ANNA).referral_code
    merge(api)
    kept = Member.objects.get(pk=BORIS)
    assert (kept.name, kept.region, kept.tags, kept.consents) == ("Kept", "440100", ["a", "vip"], [given])
    assert (kept.referrer_id, Member.objects.get(pk=CHEN).referrer_id) == (None, BORIS)
    joined = api.post("/members", {"external_id": "new", "referrer_code": code})
    assert joined.json()["referrer_id"] == str(BORIS)


TIERS = {
    "qualify_by": "points",
    "period": {"type": "calendar_year"},
    "levels": [
        {"code": "silver", "threshold": 0},
        {"code": "gold", "threshold": 100},
        {"code": "black", "threshold": 150},
    ],
}


def test_orders_tier_and_returns_go_along(api: Api, publish: Any, now: datetime) -> None:
    publish({
        "code": "base", "name": {"en": "Base"}, "trigger": "order.paid",
        "effect": {"type": "per_amount", "points": "1", "per": "1"},
    })  # fmt: skip
    assert api.put("/tiers", TIERS).status_code == 200

    def order(number: str, member: str, amount: str) -> Any:
        return api.post("/orders", {
            "order_id": number, "member": {"external_id": member}, "ordered_at": "2026-11-22T09:00:00+08:00",
            "currency": "CNY", "lines": [{"sku": "a", "quantity": "1", "unit_price": amount}],
        })  # fmt: skip

    first = order("a-1", "C-anna", "90.00")
    order("b-1", "C-boris", "80.00")
    assert tiers.peek(member_id=BORIS, at=now).code == "silver"  # type: ignore[union-attr]
    merge(api)
    account = api.get(f"/members/{BORIS}/account").json()
    assert (account["available"], account["tier"]["code"]) == (277, "black")
    assert account["tier"]["qualifying_points"] == 170
    assert not MemberTier.objects.filter(member_id=ANNA).exists()
    assert Purchase.objects.get(order_id="a-1").member_id == BORIS
    again = order("a-1", "C-anna", "90.00")
    assert (again.status_code, again.json()["entries"]) == (200, first.json()["entries"])
    back = api.post("/orders/a-1/returns", {"return_id": "r-1", "all": True})
    assert back.json()["points"]["taken_back"] == 90
    account = api.get(f"/members/{BORIS}/account").json()
    assert (account["available"], account["tier"]["code"]) == (187, "silver")
    assert TierQualification.objects.filter(member_id=BORIS, source="merge").count() == 1
    everything_holds()


def test_caps_add_up(api: Api, in_acme: Brand) -> None:
    for member, used in ((ANNA, 3), (BORIS, 4)):
        CapCounter.objects.create(
            member_id=member, rule="r", kind="points", period="day:2026-11-22", used=used
        )
    CapCounter.objects.create(member_id=ANNA, rule="r", kind="points", period="day:2026-11-21", used=9)
    merge(api)
    rows = CapCounter.objects.order_by("period").values_list("member_id", "used")
    assert list(rows) == [(BORIS, 9), (BORIS, 7)]


def test_a_redemption_is_cancelled_to_the_survivor(api: Api) -> None:
    reward = api.post("/rewards", {
        "name": {"en": "Mug"}, "kind": "physical", "sku": "MUG", "stock": 1, "points": 60,
        "status": "published",
    }).json()["reward_id"]  # fmt: skip
    body = {"member": {"member_id": str(ANNA)}, "reward_id": reward, "quantity": 1, "reference": "m-1"}
    placed = api.post("/redemptions", body).json()["redemption_id"]
    merge(api)
    assert Redemption.objects.get().member_id == BORIS
    everything_holds()
    assert api.post(f"/redemptions/{placed}/cancel").status_code == 200
    assert (numbers(ANNA), numbers(BORIS)) == ((0, 0, 0, 0), (107, 0, 0, 0))
    everything_holds()


def test_a_key_replays_it_and_the_event_fits_its_schema(api: Api) -> None:
    key = "merge-" + "k" * 16
    first = merge(api, key=key)
    points.burn(member_id=BORIS, points=1, reference="x", now=OutboxEvent.objects.latest("id").occurred_at)
    again = merge(api, key=key)
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    required = event_types()["member.merged"].schema["required"]
    assert set(required) <= set(OutboxEvent.objects.get(type="member.merged").payload)
    assert_sound()
