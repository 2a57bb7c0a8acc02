"""Exchange days: rewards cost less while the campaign runs, to the second, and no longer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from campaigns.models import Campaign
from campaigns.services import campaigns
from loyalty.analytics.services import programme
from loyalty.lib import clock, ids
from mall.models import PriceCut, Redemption, Reward
from mall.prices import Cut, price
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.campaigns.shapes import count
from tests.mall.conftest import available, books_agree, give, make, order
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db
__all__ = ["books_agree"]
Counts = Callable[[], dict[str, int]]
START, END = "2026-11-28T00:00:00+08:00", "2026-11-29T00:00:00+08:00"
NOON = "2026-11-28T12:00:00+08:00"


def at(text: str) -> Any:
    return clock.frozen(datetime.fromisoformat(text))


def begun(api: Api, discount: dict[str, Any], **more: Any) -> str:
    """An exchange day that will run at its time; its code."""
    body = {
        "code": "exchange",
        "name": {"en": "Exchange day", "zh-hans": "兑换日"},
        "kind": "exchange_day",
        "starts_at": START,
        "ends_at": END,
        "discount": discount,
        **more,
    }
    assert api.post("/campaigns", body).status_code == 201
    answer = api.post(f"/campaigns/{body['code']}/start")
    assert answer.status_code == 200, answer.content
    return str(body["code"])


def bought(api: Api, reward: str, when: str, reference: str, **more: Any) -> dict[str, Any]:
    with at(when):
        answer = api.post("/redemptions", order(reward, reference, **more))
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def just_before(text: str) -> str:
    return (datetime.fromisoformat(text) - timedelta(microseconds=1)).isoformat()


def test_from_the_first_second_until_before_the_last(api: Api, acme: Brand) -> None:
    give(acme, ANNA, 1000)
    mug = make(api, limit_per_member=None)
    begun(api, {"percent": 15})
    paid = {
        when: bought(api, mug, when, f"r{number}")["points"]
        for number, when in enumerate((just_before(START), START, just_before(END), END))
    }
    # 50 less 15 % are 42.5: the brand's favour is half a point.
    assert list(paid.values()) == [50, 43, 43, 50]
    assert available(acme) == 1000 - 50 - 43 - 43 - 50


def test_old_and_new_price_are_shown_to_brand_and_member(api: Api, acme: Brand) -> None:
    mug, cup = make(api), make(api, sku="CUP", points=7)
    begun(api, {"points": 20, "rewards": [mug]})
    with at(NOON):
        shown = {each["reward_id"]: each for each in api.get("/rewards").json()["items"]}
        member = signed_in("acme", ANNA)
        mine = {each["reward_id"]: each for each in member.get("/catalog").json()["items"]}
    assert [
        (shown[key]["points"], shown[key]["points_now"], shown[key]["campaign"]) for key in (mug, cup)
    ] == [
        (50, 30, "exchange"),
        (7, 7, None),
    ]
    told = ("points", "full_points", "campaign", "campaign_ends_at")
    assert [tuple(mine[key][name] for name in told) for key in (mug, cup)] == [
        (30, 50, "exchange", "2026-11-28T16:00:00Z"),
        (7, 7, None, None),
    ]
    assert mine[mug]["blocked"]["points_missing"] == 30
    before = {each["reward_id"]: each["points_now"] for each in api.get("/rewards").json()["items"]}
    assert before[mug] == 50


def test_a_cancelled_redemption_gives_back_what_was_charged(
    api: Api, acme: Brand, books_agree: Callable[[], int]
) -> None:
    give(acme, ANNA, 100)
    mug = make(api)
    begun(api, {"percent": 20})
    placed = bought(api, mug, NOON, "cheap", quantity=2)
    assert (placed["points"], placed["full_points"], placed["campaign"]) == (80, 100, "exchange")
    assert available(acme) == 20
    # After the day, at the full price of then.
    with at("2026-12-05T12:00:00+08:00"):
        answer = api.post(f"/redemptions/{placed['redemption_id']}/cancel")
        assert answer.status_code == 200
    assert available(acme) == 100
    with in_brand(acme):
        burn, back = Entry.objects.filter(reference="cheap").order_by("recorded_at")
        assert (burn.points, back.points, back.reverses_id) == (80, 80, burn.pk)
    assert books_agree() == 1


def test_a_replay_after_the_day_is_the_first_redemption(api: Api, acme: Brand) -> None:
    give(acme, ANNA, 100)
    mug = make(api)
    begun(api, {"percent": 20})
    first = bought(api, mug, NOON, "once")
    with at("2026-12-05T12:00:00+08:00"):
        again = api.post("/redemptions", order(mug, "once"))
    assert (again.status_code, again.json()["points"]) == (200, first["points"])
    assert available(acme) == 60


def test_enough_points_for_the_lower_price_are_enough(api: Api, acme: Brand) -> None:
    give(acme, ANNA, 40)
    mug = make(api)
    begun(api, {"percent": 20})
    with at(just_before(START)):
        assert api.post("/redemptions", order(mug)).json()["code"] == "insufficient_points"
    assert bought(api, mug, NOON, "now")["points"] == 40
    assert available(acme) == 0


def test_by_category_and_what_lies_below_it(api: Api, acme: Brand) -> None:
    give(acme, ANNA, 1000)
    rewards = [
        make(api, sku=f"S{number}", category=category)
        for number, category in enumerate(("home", "home/kitchen", "homes", ""))
    ]
    begun(api, {"percent": 50, "categories": ["/home/"]})
    paid = [bought(api, reward, NOON, reward)["points"] for reward in rewards]
    assert paid == [25, 25, 50, 50]


def test_paused_resumed_and_ended_at_once(api: Api, acme: Brand) -> None:
    give(acme, ANNA, 1000)
    mug = make(api, limit_per_member=None)
    begun(api, {"points": 10})
    paid = []
    for number, step in enumerate(("", "pause", "resume", "end")):
        when = (datetime.fromisoformat(NOON) + timedelta(minutes=number)).isoformat()
        with at(when):
            if step:
                assert api.post(f"/campaigns/exchange/{step}").status_code == 200
        paid.append(bought(api, mug, when, f"r{number}")["points"])
    assert paid == [40, 50, 40, 50]


def test_its_budget_in_points_stops_it_and_more_lets_it_go_on(api: Api, acme: Brand) -> None:
    give(acme, ANNA, 1000)
    mug = make(api, limit_per_member=None, unit_cost="12.50")
    tea = make(api, sku="TEA", limit_per_member=None)
    begun(api, {"points": 10}, budget_points=40)
    with at(NOON), in_brand(acme):
        assert campaigns.turn_due(now=clock.now()) == 1
    bought(api, mug, NOON, "r1", quantity=2)
    bought(api, tea, NOON, "r2")
    with at(NOON), in_brand(acme):
        count(clock.now())
        count(clock.now())
        campaign = Campaign.objects.get()
    assert (campaign.status, campaign.given_points, campaign.given_amount) == ("running", 30, Decimal("0.3"))
    # Two mugs of 12.50, and tea for 40 points of 0.01.
    assert campaign.redeemed_amount == Decimal("25.40")
    bought(api, tea, NOON, "r3")
    with at(NOON), in_brand(acme):
        count(clock.now())
        assert Campaign.objects.get().status == "stopped"
    assert bought(api, tea, NOON, "r4")["points"] == 50
    with at(NOON):
        assert api.patch("/campaigns/exchange", {"budget_points": 100}).json()["status"] == "running"
    assert bought(api, tea, NOON, "r5")["points"] == 40


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"discount": {}}, "/discount", "required"),
        ({"discount": {"percent": 5, "points": 5}}, "/discount", "required"),
        ({"discount": {"percent": 0}}, "/discount/percent", "min_value"),
        ({"discount": {"percent": 100}}, "/discount/percent", "max_value"),
        ({"discount": {"points": 0}}, "/discount/points", "min_value"),
        ({"discount": {"percent": 5, "rewards": [str(ids.new())]}}, "/discount/rewards/0", "unknown_reward"),
        ({"discount": {"percent": 5, "colour": 1}}, "/discount/colour", "unknown_field"),
        ({"kind": "member_day"}, "/discount", "kind"),
    ],
)
def test_bad_discounts(
    api: Api, row_counts: Counts, changes: dict[str, Any], pointer: str, code: str
) -> None:
    before = row_counts()
    body = {
        "code": "exchange", "name": {"en": "Day"}, "kind": "exchange_day", "starts_at": START,
        "ends_at": END, "discount": {"percent": 5}, **changes,
    }  # fmt: skip
    answer = api.post("/campaigns", body)
    assert answer.status_code == 422, answer.content
    assert (pointer, code) in {(each["pointer"], each["code"]) for each in answer.json()["errors"]}
    assert row_counts() == before


def test_the_discount_is_fixed_once_it_is_under_way(api: Api, acme: Brand) -> None:
    make(api)
    begun(api, {"percent": 20})
    assert api.patch("/campaigns/exchange", {"discount": {"percent": 20}}).status_code == 200
    answer = api.patch("/campaigns/exchange", {"discount": {"percent": 21}})
    assert [each["code"] for each in answer.json()["errors"]] == ["fixed"]
    with in_brand(acme):
        assert PriceCut.objects.get().percent == 20


def test_the_best_of_several_and_never_nothing() -> None:
    def cut(campaign: str, percent: int | None = None, points: int | None = None) -> Cut:
        return Cut(campaign, percent, points, frozenset(), frozenset(), datetime.fromisoformat(END))

    mug = Reward(category="home")
    found = price(50, mug, [cut("b", percent=20), cut("a", points=10), cut("c", percent=10)])
    assert (found.points, found.full, found.cut and found.cut.campaign) == (40, 50, "a")
    assert price(1, mug, [cut("a", percent=99)]).points == 1
    assert price(5, mug, [cut("a", points=70)]).points == 1
    assert price(50, mug, []).cut is None


def test_a_reward_s_own_cost_counts_for_the_programme(api: Api, acme: Brand) -> None:
    give(acme, ANNA, 1000)
    answer = api.post(
        "/rewards", {"name": {"en": "x"}, "points": 1, "unit_cost": "1", "cost_currency": "USD"}
    )
    assert answer.json()["errors"][0]["code"] == "currency_not_accepted"
    mug, tea = make(api, unit_cost="12.5"), make(api, sku="TEA")
    shown = api.get(f"/rewards/{mug}").json()
    assert (shown["unit_cost"], shown["cost_currency"]) == ("12.50", "CNY")
    first = bought(api, mug, NOON, "r1", quantity=2)
    bought(api, tea, NOON, "r2")
    start, end = (datetime.fromisoformat(text) for text in ("2026-11-01T00:00:00+08:00", END))
    with in_brand(acme):
        assert programme.redemption_cost(start=start, end=end) == Decimal("25.50")
    # What a piece costs later changes nothing of what was redeemed.
    assert api.patch(f"/rewards/{mug}", {"unit_cost": None}).json()["cost_currency"] is None
    with in_brand(acme):
        assert Redemption.objects.get(reference="r1").unit_cost == Decimal("12.5")
        assert programme.redemption_cost(start=start, end=end) == Decimal("25.50")
    with at(NOON):
        api.post(f"/redemptions/{first['redemption_id']}/cancel")
    with in_brand(acme):
        assert programme.redemption_cost(start=start, end=end) == Decimal("0.50")
