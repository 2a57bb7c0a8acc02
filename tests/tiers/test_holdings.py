"""Of all that a member holds, earned and granted, the best counts at any instant, and none of it is lost."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from loyalty.lib import clock
from points import services as points
from points.models import MemberTier, TierChange
from points.services import tiers
from tenants.models import Brand
from tests.orders.shapes import priced
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.tiers.shapes import DIAMOND, GOLD, SILVER, level, program

pytestmark = pytest.mark.django_db
PLATINUM = level("platinum", 9000)
BY_EARNED = {"downgrade": "by_earned", "levels": [SILVER, GOLD, DIAMOND, PLATINUM]}
CALENDAR = {"downgrade": "by_earned", "period": {"type": "calendar_year"}}
Grant = Callable[..., None]


@pytest.fixture
def grant(in_acme: Brand, now: datetime) -> Grant:
    def given(code: str, until: str | None, member: Any = ANNA) -> None:
        points.open_account(member_id=member, now=now)
        points.lock_account(member_id=member, now=now)
        end = datetime.fromisoformat(until) if until else None
        tiers.grant(member_id=member, code=code, since=now, until=end, now=now, reference="care")

    return given


def held(api: Api, at: str | None = None, member: Any = ANNA) -> tuple[str, str | None]:
    path = f"/members/{member}/account" + (f"?at={at.replace('+', '%2B')}" if at else "")
    tier = api.get(path).json()["tier"]
    return tier["code"], tier["until"]


def bought(api: Api, order_id: str, price: str, **more: Any) -> None:
    answer = api.post("/orders", priced(order_id, price, **more))
    assert answer.status_code == 201, answer.content


def back(api: Api, order_id: str) -> None:
    answer = api.post(f"/orders/{order_id}/returns", {"return_id": f"R-{order_id}", "all": True})
    assert answer.status_code == 201, answer.content


def test_each_granted_tier_lasts_to_its_own_end_after_an_earned_one(
    api: Api, base_rule: None, grant: Grant
) -> None:
    api.put("/tiers", program(**BY_EARNED))
    grant("gold", "2030-01-01T00:00:00+08:00")
    grant("diamond", "2028-06-01T00:00:00+08:00")
    bought(api, "1", "9000.00")
    steps = [
        ("2027-11-22T23:59:59+08:00", ("platinum", "2027-11-22T16:00:00Z")),
        ("2027-11-23T00:00:00+08:00", ("diamond", "2028-05-31T16:00:00Z")),
        ("2028-06-01T00:00:00+08:00", ("gold", "2029-12-31T16:00:00Z")),
        ("2030-01-01T00:00:00+08:00", ("silver", None)),
    ]
    assert [held(api, at) for at, _held in steps] == [standing for _at, standing in steps]
    # Swept at each of these instants it comes out as when it is worked out ahead.
    for at, standing in steps:
        with clock.frozen(datetime.fromisoformat(at)):
            tiers.review_due(now=clock.now())
            assert (MemberTier.objects.get().code, held(api)) == (standing[0], standing)
    told = TierChange.objects.order_by("recorded_at", "id").values_list("to_code", "why")
    assert list(told) == [
        ("gold", "granted"),
        ("diamond", "granted"),
        ("platinum", "earned"),
        ("diamond", "period_end"),
        ("gold", "period_end"),
        ("silver", "period_end"),
    ]


def test_a_lower_or_shorter_grant_takes_nothing_and_stays_when_the_order_comes_back(
    api: Api, base_rule: None, grant: Grant
) -> None:
    api.put("/tiers", program(**BY_EARNED))
    bought(api, "1", "5000.00")
    grant("gold", "2028-01-01T00:00:00+08:00")
    grant("diamond", "2027-01-01T00:00:00+08:00")
    assert held(api) == ("diamond", "2027-11-22T16:00:00Z")
    back(api, "1")
    assert held(api) == ("diamond", "2026-12-31T16:00:00Z")
    assert held(api, "2027-01-01T00:00:00+08:00") == ("gold", "2027-12-31T16:00:00Z")
    assert held(api, "2028-01-01T00:00:00+08:00") == ("silver", None)


def test_a_granted_tier_survives_an_order_that_earns_the_same_and_its_return(
    api: Api, base_rule: None, grant: Grant
) -> None:
    api.put("/tiers", program(**CALENDAR))
    grant("gold", "2027-06-01T00:00:00+08:00")
    bought(api, "1", "1000.00")
    assert held(api) == ("gold", "2027-12-31T16:00:00Z")
    back(api, "1")
    assert held(api) == ("gold", "2027-05-31T16:00:00Z")
    assert held(api, "2027-06-01T00:00:00+08:00") == ("silver", None)


def test_a_return_gives_back_what_an_earlier_period_had_earned(api: Api, base_rule: None) -> None:
    api.put("/tiers", program(**CALENDAR))
    bought(api, "1", "1000.00")
    assert held(api) == ("gold", "2027-12-31T16:00:00Z")
    with clock.frozen(datetime.fromisoformat("2027-02-01T10:00:00+08:00")):
        bought(api, "2", "1000.00", ordered_at="2027-02-01T09:00:00+08:00")
        assert held(api) == ("gold", "2028-12-31T16:00:00Z")
        back(api, "2")
        assert held(api) == ("gold", "2027-12-31T16:00:00Z")
        back(api, "1")
        assert held(api) == ("silver", None)


def test_a_return_leaves_what_the_other_orders_reached_by_themselves(api: Api, base_rule: None) -> None:
    api.put("/tiers", program())
    for number, month, price in (("1", "2026-12", "600"), ("2", "2027-05", "400"), ("3", "2027-11", "400")):
        day = f"{month}-10T10:00:00+08:00"
        with clock.frozen(datetime.fromisoformat(day)):
            bought(api, number, price, ordered_at=day)
    with clock.frozen(datetime.fromisoformat("2028-01-10T10:00:00+08:00")):
        assert held(api) == ("gold", "2028-05-10T16:00:00Z")
        # The first and the last made a thousand within twelve months.
        back(api, "2")
        assert held(api) == ("gold", "2028-11-10T16:00:00Z")
        back(api, "3")
        assert held(api) == ("silver", None)


def test_of_two_grants_of_one_tier_the_longer_counts(api: Api, base_rule: None, grant: Grant) -> None:
    api.put("/tiers", program(**BY_EARNED))
    grant("gold", "2028-01-01T00:00:00+08:00")
    grant("gold", "2027-01-01T00:00:00+08:00")
    grant("diamond", "2026-01-01T00:00:00+08:00")
    assert held(api) == ("gold", "2027-12-31T16:00:00Z")
    grant("gold", None)
    assert held(api) == ("gold", None)


def test_who_is_merged_brings_what_they_hold(api: Api, base_rule: None, grant: Grant) -> None:
    api.put("/tiers", program(**BY_EARNED))
    grant("gold", "2030-01-01T00:00:00+08:00")
    grant("diamond", "2028-01-01T00:00:00+08:00")
    points.open_account(member_id=BORIS, now=clock.now())
    bought(api, "b-1", "9000.00", member={"member_id": str(BORIS)})
    assert api.post(f"/members/{ANNA}/merge", {"into": str(BORIS)}).status_code == 200
    assert held(api, member=BORIS) == ("platinum", "2027-11-22T16:00:00Z")
    back(api, "b-1")
    assert held(api, member=BORIS) == ("diamond", "2027-12-31T16:00:00Z")
    assert held(api, "2028-01-01T00:00:00+08:00", member=BORIS) == ("gold", "2029-12-31T16:00:00Z")


def test_the_tier_of_a_programme_that_was_followed_before_a_tick_is_not_lost(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "600.00")
    api.put("/tiers", program(levels=[SILVER, level("bronze", 500), GOLD, DIAMOND]))
    reached = held(api)
    assert reached == ("bronze", "2027-11-22T16:00:00Z")
    api.put("/tiers", program(levels=[SILVER, level("bronze", 700), GOLD, DIAMOND]))
    assert held(api) == reached
    assert tiers.review_due(now=now) == 1
    assert (held(api), TierChange.objects.get().why) == (reached, "program")
    assert held(api, "2027-11-23T00:00:00+08:00") == ("silver", None)


def test_what_ended_while_nothing_was_ever_lost_did_not_end(
    api: Api, base_rule: None, in_acme: Brand
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00")
    for day, downgrade in (("2027-11-20", "never"), ("2027-12-10", "one_step")):
        with clock.frozen(datetime.fromisoformat(f"{day}T10:00:00+08:00")):
            api.put("/tiers", program(downgrade=downgrade))
    # Nobody was judged in between: the period is that of the change, whenever they are.
    with clock.frozen(datetime.fromisoformat("2028-03-01T10:00:00+08:00")):
        assert held(api) == ("gold", "2028-12-10T16:00:00Z")
        assert tiers.review_due(now=clock.now()) == 1
        assert held(api) == ("gold", "2028-12-10T16:00:00Z")


@pytest.mark.parametrize("swept", [False, True])
def test_a_level_removed_and_put_back_is_held_as_before(
    api: Api, base_rule: None, grant: Grant, now: datetime, swept: bool
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00")
    grant("diamond", "2027-01-01T00:00:00+08:00")
    api.put("/tiers", program(levels=[SILVER]))
    assert held(api) == ("silver", None)
    if swept:
        assert tiers.review_due(now=now) == 1
    api.put("/tiers", program())
    assert held(api) == ("diamond", "2026-12-31T16:00:00Z")
    # One step below the granted tier is gold, for another year.
    assert held(api, "2027-01-01T00:00:00+08:00")[0] == "gold"
    assert tiers.review_due(now=now) == 1
    assert MemberTier.objects.get().code == "diamond"
