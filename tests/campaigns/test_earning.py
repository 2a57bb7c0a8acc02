"""The member's side of earning: ways to earn in words, check-ins, friends brought."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns.models import SegmentMember
from campaigns.services import moments
from loyalty.lib import clock
from members.models import Activity, Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.campaigns.test_grants import granting
from tests.orders.shapes import BASE, order, set_policy
from tests.orders.test_activities import activity, fixed
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(acme: Brand) -> Api:
    """Anna in the mini-program."""
    return signed_in("acme", ANNA)


def test_one_check_in_a_day(api: Api, anna: Api, publish: Callable[..., None], acme: Brand, now: Any) -> None:
    publish(fixed("check-in", 5))
    assert anna.get("/check-ins").json() == {
        "today": "2026-11-22",
        "checked_in_today": False,
        "streak": 0,
        "days": [],
    }
    first = anna.post("/check-ins")
    assert first.status_code == 201, first.content
    with clock.frozen(now + timedelta(minutes=10)):
        again = anna.post("/check-ins")
    assert again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["points"] == {"accrued": 5, "pending": 0, "debt_repaid": 0}
    assert (first.json()["streak"], first.json()["account"]["available"]) == (1, 5)
    with in_brand(acme):
        assert Activity.objects.count() == 1
    # 00:10 of the next day in Shanghai.
    with clock.frozen(now + timedelta(hours=14, minutes=10)):
        anna = signed_in("acme", ANNA)
        assert anna.get("/check-ins").json()["streak"] == 1
        third = anna.post("/check-ins").json()
    assert (third["today"], third["streak"], third["days"]) == (
        "2026-11-23",
        2,
        ["2026-11-22", "2026-11-23"],
    )
    assert third["account"]["available"] == 10


def test_a_partner_s_check_in_counts_for_today(
    api: Api, anna: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(fixed("check-in", 5))
    api.post("/activities", activity("T-1", attributes={"place": "till"}))
    answer = anna.post("/check-ins")
    assert (answer.status_code, answer.json()["account"]["available"]) == (200, 5)
    assert Activity.objects.count() == 1


def test_a_streak_that_doubles(publish: Callable[..., None], now: Any) -> None:
    publish(
        fixed("check-in", 1),
        {
            **fixed("streak", 1, "activity.check-in"),
            "effect": {"type": "multiplier", "factor": "2"},
            "when": {"all": [{"fact": "activity.streak", "op": "gte", "value": 3}]},
        },
    )
    given = []
    for day in range(4):
        with clock.frozen(now + timedelta(days=day)):
            given.append(signed_in("acme", ANNA).post("/check-ins").json()["points"]["accrued"])
    assert given == [1, 1, 2, 2]


def test_the_ways_to_earn_are_the_rules_that_run(
    api: Api, anna: Api, publish: Callable[..., None], now: Any
) -> None:
    publish(
        BASE,
        fixed("over", 1, schedule={"ends_at": "2026-11-01T00:00:00+08:00"}),
        fixed("soon", 7, schedule={"starts_at": "2026-12-12T00:00:00+08:00"}),
        fixed("nobody", 1, audience={"rollout_percent": 0}),
    )
    items = anna.get("/earn").json()["items"]
    assert [(each["rule"], each["starts_at"]) for each in items] == [
        ("base", None),
        ("soon", "2026-12-11T16:00:00Z"),
    ]
    assert "1" in items[0]["text"]
    api.post("/earning-rules/base/retire")
    assert [each["rule"] for each in anna.get("/earn").json()["items"]] == ["soon"]
    chinese = signed_in("acme", ANNA, language="zh-hans").get("/earn").json()["items"]
    assert "7" in chinese[0]["text"]
    assert chinese[0]["text"] != items[1]["text"]


def leaf(fact: str, op: str, value: Any) -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value}


def test_members_see_what_is_for_them_and_no_tags_or_segments(
    publish: Callable[..., None], acme: Brand, now: Any
) -> None:
    lost, new = leaf("member.tags", "has", "churn-risk"), leaf("member.tags", "has", "new-parent")
    streak = leaf("activity.streak", "gte", 3)
    publish(
        fixed("a-segment", 1, audience={"segment": "big-spenders"}),
        fixed("b-fact", 1, when={"all": [leaf("member.segments", "has", "big-spenders")]}),
        fixed("c-not-lost", 1, when={"none": [lost]}),
        fixed("d-lost", 1, when={"all": [lost, streak]}),
        fixed("e-either", 1, when={"any": [new, streak]}),
        fixed("f-nobody", 1, when={"any": [lost, {"all": [new, lost]}]}),
        granting("g-tag", "tag", "seen", "activity.check-in"),
        granting("h-coupon", "coupon", "MILK5", "activity.check-in"),
        fixed("i-referee", 1, "referral.registered", to="referee", when={"all": [new]}),
    )
    with in_brand(acme):
        Member.objects.filter(pk=ANNA).update(tags=["staff"])
        Member.objects.filter(pk=BORIS).update(tags=["churn-risk", "new-parent"])
        SegmentMember.objects.create(member_id=BORIS, code="big-spenders", since=now)

    def told(member_id: UUID) -> dict[str, str]:
        items = signed_in("acme", member_id).get("/earn").json()["items"]
        return {each["rule"]: each["text"] for each in items}

    check_in = "When the activity “Check-in” is done: 1 point once"
    invited = (
        "When a friend registers: 1 point once; the one who was invited receives it; not in WeChat channels."
    )
    assert told(ANNA) == {
        "c-not-lost": f"{check_in}.",
        "e-either": f"{check_in}; if the streak is at least 3.",
        "h-coupon": "When the activity “Check-in” is done: grants the coupon “MILK5”.",
        "i-referee": invited,
    }
    assert told(BORIS) == {
        "a-segment": f"{check_in}.",
        "b-fact": f"{check_in}.",
        "d-lost": f"{check_in}; if the streak is at least 3.",
        "e-either": f"{check_in}.",
        "f-nobody": f"{check_in}.",
        "h-coupon": "When the activity “Check-in” is done: grants the coupon “MILK5”.",
        "i-referee": invited,
    }


def test_types_and_fields_are_told_by_name(api: Api, publish: Callable[..., None], acme: Brand) -> None:
    own = {"name": {"en": "Milk diary", "zh-hans": "喝奶日记"}, "attributes_schema": {"type": "object"}}
    assert api.put("/activity-types/milk-diary", own).status_code in (200, 201)
    publish(
        fixed("diary", 2, "activity.milk-diary", when={"all": [leaf("activity.attributes.cups", "gte", 2)]}),
        fixed("review", 5, "activity.review", caps={"once_per": ["activity.order_id"]}),
    )

    def told(language: str) -> list[str]:
        items = signed_in("acme", ANNA, language=language).get("/earn").json()["items"]
        return [each["text"] for each in items]

    assert told("en") == [
        "When the activity “Milk diary” is done: 2 points once; if cups is at least 2.",
        "When the activity “Review” is done: 5 points once; once for the same order.",
    ]
    assert told("zh-hans") == [
        "完成活动“喝奶日记”时：得 2 积分；条件：cups 不低于 2。",
        "完成活动“评价”时：得 5 积分；同一订单只奖励一次。",
    ]


def test_friends(api: Api, anna: Api, publish: Callable[..., None], acme: Brand, now: Any) -> None:
    publish(fixed("invite", 500, "referral.first_order", to="referrer"))
    set_policy(acme, referral_link="https://acme.example/join?code={code}")
    code = api.get(f"/members/{ANNA}").json()["referral_code"]
    for name in ("王小明", "李雷"):
        api.post("/members", {"external_id": name, "name": name, "referrer_code": code.lower()})
    api.post("/orders", order(member={"external_id": "李雷"}))
    with in_brand(acme):
        moments.settle_due(now=now)
    told = anna.get("/me/referral").json()
    assert (told["code"], told["link"]) == (code, f"https://acme.example/join?code={code}")
    assert (told["friends"], told["rewarded"]) == (2, 1)
    assert sorted((each["name"], each["state"]) for each in told["newest"]) == [
        ("李•", "rewarded"),
        ("王•", "registered"),
    ]
    assert [each["rule"] for each in told["ways"]] == ["invite"]
    assert signed_in("acme", BORIS).get("/me/referral").json()["friends"] == 0


def test_the_reward_is_there_right_after_the_answer(
    api: Api,
    publish: Callable[..., None],
    in_acme: Brand,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    publish(fixed("invite", 500, "referral.first_order", to="both"))
    code = Member.objects.get(pk=ANNA).referral_code
    friend = api.post("/members", {"external_id": "C-f", "referrer_code": code}).json()["member_id"]
    with django_capture_on_commit_callbacks(execute=True):
        api.post("/orders", order(member={"external_id": "C-f"}))
    balances = [api.get(f"/members/{m}/account").json()["available"] for m in (ANNA, friend)]
    assert balances == [500, 500]
