"""Messages that events of the account lead to: through the API, exact texts, once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.models import Message, MessageTemplate
from campaigns.services.messages import inbox, sending, standard
from loyalty.dev.channel_sandbox import Sandbox
from loyalty.lib import clock
from loyalty.outbox import handling, relay
from loyalty.outbox.models import Cursor
from members.models import Member
from points.services import tiernotices, tiers
from tenants.models import Brand
from tests.messages import support
from tests.support.brands import ANNA
from tests.support.client import Api

BASE = {
    "code": "base",
    "name": {"en": "Base"},
    "trigger": "order.paid",
    "effect": {"type": "per_amount", "points": "1", "per": "1"},
}


@pytest.fixture(autouse=True)
def _set_up(in_acme: Brand, now: datetime) -> None:
    standard.install(now=now)
    support.channel("email", now=now, settings={"from": "hello@acme.example"})
    support.known_by(ANNA, "email", "anna@example.com", now)
    Member.objects.filter(pk=ANNA).update(locale="en")


def _told() -> list[tuple[str, str, str]]:
    """Template, title and text of what was queued, in order."""
    relay.run()
    handling.run()
    member = Member.objects.get(pk=ANNA)
    found = Message.objects.select_related("template").filter(member=ANNA).order_by("queued_at", "id")
    return [(each.template.code, *inbox.written(each, member)) for each in found]


def order(api: Api, number: str = "S-1", price: str = "39.00") -> None:
    line = {"sku": "1", "quantity": "1", "unit_price": price}
    order = {
        "order_id": number,
        "member": {"member_id": str(ANNA)},
        "ordered_at": "2026-11-22T09:00:00+08:00",
        "channel": "store",
        "currency": "CNY",
        "lines": [line],
    }
    answer = api.post("/orders", order)
    assert answer.status_code == 201, answer.json()


def _reward(api: Api, name: str, points: int) -> str:
    body = {
        "name": {"en": name},
        "kind": "physical",
        "sku": name.upper(),
        "stock": 10,
        "points": points,
        "status": "published",
    }
    answer = api.post("/rewards", body)
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["reward_id"])


def test_points_arrived_and_what_they_buy(api: Api, publish: Callable[..., None], now: datetime) -> None:
    publish(BASE)
    _reward(api, "Mug", 30)
    _reward(api, "Cup", 20)
    _reward(api, "Bag", 100)
    order(api)
    assert _told() == [("points-arrived", "+39 points", "39 points arrived; 39 to spend. Enough for: Mug")]
    assert _told() == _told()  # handled again, told once
    Cursor.objects.filter(name="campaigns.messages").update(position=0)
    assert len(_told()) == 1


@pytest.mark.parametrize("who", ["a minor", "said no to marketing"])
def test_what_points_buy_is_not_praised_to_minors_and_those_who_said_no(
    api: Api, publish: Callable[..., None], now: datetime, who: str
) -> None:
    if who == "a minor":
        Member.objects.filter(pk=ANNA).update(birthday=now.date() - timedelta(days=365 * 15))
    else:
        support.agrees(ANNA, now)
        support.agrees(ANNA, now + timedelta(seconds=1), granted=False)
    publish(BASE)
    _reward(api, "Mug", 30)
    order(api)
    assert [text.strip() for _code, _title, text in _told()] == ["39 points arrived; 39 to spend."]
    assert Message.objects.get().facts["reward"] == ""


def test_what_is_missing_for_the_nearest_reward(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE)
    _reward(api, "Bag", 100)
    _reward(api, "Mug", 50)
    order(api)
    assert [text for _code, _title, text in _told()] == ["39 points arrived; 39 to spend. 11 more for: Mug"]


def test_spent_shipped_returned(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE)
    order(api)
    reward = _reward(api, "Mug", 30)
    redeemed = {
        "member": {"member_id": str(ANNA)},
        "reward_id": reward,
        "quantity": 1,
        "reference": "r-1",
        "address": {"name": "A", "phone": "+8613800000000", "line": "1 Road"},
    }
    answer = api.post("/redemptions", redeemed)
    assert answer.status_code == 201, answer.json()
    number = answer.json()["redemption_id"]
    assert api.post("/orders/S-1/returns", {"return_id": "R-1", "all": True}).status_code == 201
    codes = [(code, text) for code, _title, text in _told()][1:]
    assert codes == [
        ("points-spent", "You spent 30 points; 9 are left."),
        ("points-taken-back", "A return took 39 points back; 0 to spend."),
    ]
    assert api.post(f"/redemptions/{number}/cancel", {"reason": "x"}).status_code == 200
    assert _told()[-1][0] == "points-given-back"


def test_what_happened_days_ago_is_not_told(api: Api, publish: Callable[..., None], now: datetime) -> None:
    publish(BASE)
    order(api)
    relay.run()
    with clock.frozen(now + timedelta(days=3)):
        handling.run()
    assert not Message.objects.exists()


def test_what_the_brand_switched_off_is_not_told(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE)
    MessageTemplate.objects.filter(event="points.arrived").update(enabled=False)
    order(api)
    assert _told() == []


def test_installing_again_changes_nothing(now: datetime) -> None:
    assert MessageTemplate.objects.count() == len(standard.SENTENCES)
    assert standard.install(now=now) == 0


def test_the_text_is_in_the_members_language_and_the_brands_time(
    providers: Sandbox, now: datetime, mailoutbox: Any
) -> None:
    template = MessageTemplate.objects.get(event="points.expiring")
    facts = {
        "points": 39,
        "currency": {"zh-hans": "积分", "en": "points"},
        "last_day_at": "2026-12-22T15:59:59Z",
        "buys": {"zh-hans": "可兑换杯", "en": "!"},
    }
    for number, (locale, text) in enumerate(
        {
            "en": "39 points can be used until 22 Dec 2026. !",
            "zh-hans": "您有39积分将在2026年12月22日后失效。可兑换杯",
            "": "您有39积分将在2026年12月22日后失效。可兑换杯",
        }.items()
    ):
        Member.objects.filter(pk=ANNA).update(locale=locale)
        support.queued(template, "email", now, ANNA, f"o-{number}", **facts)
        sending.run()
        assert mailoutbox[-1].body == text


def test_what_keeps_a_tier_is_said_with_its_unit(
    api: Api, publish: Callable[..., None], now: datetime
) -> None:
    publish(BASE)
    levels = [{"code": "silver", "threshold": 0}, {"code": "gold", "threshold": 1000, "name": {"en": "Gold"}}]
    period = {"type": "calendar_month"}
    for number, (by, said) in enumerate((("points", "1,000 more points"), ("spend", "CNY 1,000.00 more"))):
        program = {
            "qualify_by": by,
            "period": period,
            "downgrade": "one_step",
            "grace_days": 0,
            "levels": levels,
        }
        assert api.put("/tiers", program).status_code == 200
        if number == 0:
            order(api, "S-1", "1000.00")
        with clock.frozen(now + timedelta(days=33 + 2 * number)):
            tiers.review_due(now=clock.now())
            tiernotices.announce_falls(now=clock.now(), stages=[7 - number])
            assert _told()[-1][0] == "tier-downgrade-upcoming"
            assert _told()[-1][2] == f"{said} by 31 Dec 2026 to stay Gold."
