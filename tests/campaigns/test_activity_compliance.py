"""What law keeps from earning: activities about blocked articles, and sharing on WeChat."""

from collections.abc import Callable
from typing import Any

import pytest

from campaigns.services import moments
from mall.models import Grant
from tenants.context import in_brand
from tenants.models import Brand
from tests.campaigns.test_grants import granting
from tests.campaigns.test_moments import held
from tests.orders.shapes import BASE, line, order, set_policy
from tests.orders.test_activities import activity, fixed
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db
SHARE: dict[str, Any] = fixed("share", 10, "activity.share")


def given(api: Api, number: str, kind: str, attributes: dict[str, Any]) -> tuple[int, list[str | None]]:
    answer = api.post("/activities", activity(number, type=kind, attributes=attributes))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    return body["points"]["accrued"], [each.get("reason") for each in body["explanation"]]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "attributes",
    [
        {"sku": "BABY", "tags": ["infant_0_6"]},
        {"tags": "infant_0_6"},
        {"sku": "BABY", "order_id": "O-1"},
        {"sku": "BABY"},
        {"order_id": "O-1"},
    ],
)
def test_an_activity_about_a_blocked_article_earns_nothing(
    api: Api, publish: Callable[..., None], in_acme: Brand, attributes: dict[str, Any]
) -> None:
    publish(
        BASE, fixed("scan", 50, "activity.code-scan"), granting("c", "coupon", "C5", "activity.code-scan")
    )
    sold = api.post("/orders", order("O-1", lines=[line("299.00", sku="BABY", tags=["infant_0_6"])]))
    assert sold.json()["points"]["accrued"] == 0
    assert given(api, "A-1", "code-scan", attributes) == (0, ["compliance", "compliance"])
    assert held(api, ANNA) == 0
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    "attributes",
    [{"sku": "MILK", "order_id": "O-1"}, {"order_id": "O-1"}, {"sku": "BABY-2"}, {"tags": 5}, {}],
)
def test_an_activity_about_another_article_earns(
    api: Api, publish: Callable[..., None], attributes: dict[str, Any]
) -> None:
    publish(fixed("scan", 50, "activity.code-scan"))
    lines = [line("299.00", sku="BABY", tags=["infant_0_6"]), line("9.00", sku="MILK", tags=["fresh"])]
    assert api.post("/orders", order("O-1", lines=lines)).status_code == 201
    assert given(api, "A-1", "code-scan", attributes) == (50, [None])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("channel", ["wechat", "WeChat Moments", "wechat_moments", "miniprogram", "朋友圈"])
def test_sharing_on_wechat_earns_nothing_unless_unlocked(
    api: Api, publish: Callable[..., None], acme: Brand, channel: str
) -> None:
    publish(SHARE, granting("draw", "draw", "wheel", "activity.share"))
    assert given(api, "A-1", "share", {"channel": channel}) == (0, ["compliance", "compliance"])
    set_policy(acme, compliance_unlocked=[["wechat_share", "bonus"]])
    assert given(api, "A-2", "share", {"channel": channel}) == (10, [None, None])


def test_sharing_elsewhere_earns_and_so_does_what_is_no_sharing(
    api: Api, publish: Callable[..., None]
) -> None:
    publish(SHARE, fixed("review", 20, "activity.review"))
    assert given(api, "A-1", "share", {"channel": "app"}) == (10, [None])
    assert given(api, "A-2", "review", {"channel": "wechat"}) == (20, [None])


def test_a_rule_for_sharing_is_saved_with_a_warning(api: Api, acme: Brand) -> None:
    warned = [(w["pointer"], w["code"]) for w in api.post("/earning-rules", SHARE).json()["warnings"]]
    assert warned == [("/trigger", "wechat_share")]
    set_policy(acme, compliance_unlocked=[["wechat_share", "bonus"]])
    assert api.post("/earning-rules/share/publish").json()["warnings"] == []


def test_members_are_told_where_sharing_earns(api: Api, publish: Callable[..., None], acme: Brand) -> None:
    invite = fixed("invite", 50, "referral.first_order", to="referrer")
    publish(SHARE, invite, fixed("check-in", 5))

    def told() -> dict[str, bool]:
        items = signed_in("acme", ANNA).get("/earn").json()["items"]
        return {each["rule"]: "not in WeChat channels" in each["text"] for each in items}

    assert told() == {"check-in": False, "invite": True, "share": True}
    set_policy(acme, compliance_unlocked=[["wechat_share", "bonus"]])
    assert told() == {"check-in": False, "invite": False, "share": False}


def test_an_infant_row_cannot_be_unlocked(api: Api, publish: Callable[..., None], acme: Brand) -> None:
    publish(fixed("scan", 50, "activity.code-scan"))
    set_policy(acme, compliance_unlocked=[["infant_0_6", "bonus"], ["fsmp", "bonus"]])
    assert given(api, "A-1", "code-scan", {"tags": ["infant_0_6"]}) == (0, ["compliance"])
    assert given(api, "A-2", "code-scan", {"tags": ["fsmp"]}) == (50, [None])


@pytest.mark.parametrize(("source", "points"), [("wechat", 0), ("store", 50)])
def test_an_invitation_on_wechat_earns_nothing(
    api: Api, publish: Callable[..., None], acme: Brand, now: Any, source: str, points: int
) -> None:
    publish(fixed("invite", 50, "referral.registered", to="referrer"))
    code = api.get(f"/members/{ANNA}").json()["referral_code"]
    friend = {"external_id": "C-f", "referrer_code": code, "source": source}
    assert api.post("/members", friend).status_code == 201
    with in_brand(acme):
        moments.settle_due(now=now)
    assert held(api, ANNA) == points
