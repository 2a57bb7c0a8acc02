"""Members climb, keep and lose tiers; told through the API, with the clock moved."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from points import services as points
from points.models import MemberTier, TierChange, TierQualification
from points.services import tiernotices, tiers
from tenants.models import Brand
from tests.orders.shapes import BASE, line, order, priced
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tiers.shapes import DIAMOND, GOLD, SILVER, level, program

pytestmark = pytest.mark.django_db


def tier(api: Api, at: str | None = None) -> dict[str, Any]:
    path = f"/members/{ANNA}/account" + (f"?at={at.replace('+', '%2B')}" if at else "")
    found: dict[str, Any] = api.get(path).json()["tier"]
    return found


def bought(api: Api, order_id: str, price: str, **more: Any) -> dict[str, Any]:
    answer = api.post("/orders", priced(order_id, price, **more))
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_the_order_that_reaches_a_tier_is_judged_by_the_tier_before(
    api: Api,
    base_rule: None,
    in_acme: Brand,
) -> None:
    api.put("/tiers", program())
    assert tier(api) | {"since": ""} == {
        "code": "silver",
        "name": {"en": "Silver"},
        "since": "",
        "until": None,
        "qualify_by": "points",
        "qualifying_points": 0,
        "next": {
            "code": "gold",
            "name": {"en": "Gold"},
            "points_missing": 1000,
            "by": None,
            "text": "1,000 more points to Gold",
        },
        "keep": None,
    }
    first = bought(api, "1", "1000.00")
    assert (first["points"]["accrued"], first["tier"]) == (1000, "gold")
    assert tier(api) == {
        "code": "gold",
        "name": {"en": "Gold"},
        "since": "2026-11-22T02:00:00Z",
        "until": "2027-11-22T16:00:00Z",
        "qualify_by": "points",
        "qualifying_points": 1000,
        "next": {
            "code": "diamond",
            "name": {"en": "Diamond"},
            "points_missing": 4000,
            "by": None,
            "text": "4,000 more points to Diamond",
        },
        "keep": {
            "by": "2027-11-22T16:00:00Z",
            "points_missing": 1000,
            "text": "1,000 more points by 22 Nov 2027 to keep Gold",
        },
    }
    second = bought(api, "2", "100.00")
    assert [(e["rule"], e["points"]) for e in second["entries"]] == [("base", 100), ("tier-gold", 20)]
    assert tier(api)["qualifying_points"] == 1120
    change = TierChange.objects.get()
    assert (change.from_code, change.to_code, change.why, change.reference) == (
        "silver",
        "gold",
        "earned",
        "1",
    )
    event = OutboxEvent.objects.get(type="tier.upgraded")
    assert (event.payload["from"], event.payload["to"], event.payload["qualifying"]) == (
        "silver",
        "gold",
        1000,
    )


def test_a_return_lowers_the_tier_at_once(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program())
    bought(api, "1", "999.00")
    assert bought(api, "2", "1.00")["tier"] == "gold"
    back = api.post("/orders/2/returns", {"return_id": "R-1", "all": True})
    assert back.status_code == 201, back.content
    assert (tier(api)["code"], tier(api)["qualifying_points"]) == ("silver", 999)
    assert list(TierChange.objects.order_by("recorded_at", "id").values_list("to_code", "why")) == [
        ("gold", "earned"),
        ("silver", "return"),
    ]
    assert OutboxEvent.objects.filter(type="tier.downgraded").count() == 1


def test_a_brand_may_wait_for_the_end_of_the_period(api: Api, base_rule: None) -> None:
    api.put("/tiers", program(on_return="period_end"))
    bought(api, "1", "1000.00")
    api.post("/orders/1/returns", {"return_id": "R-1", "all": True})
    assert (tier(api)["code"], tier(api)["qualifying_points"]) == ("gold", 0)


def test_undoing_an_upgrade_gives_back_the_tier_held_before(
    api: Api,
    base_rule: None,
    in_acme: Brand,
) -> None:
    api.put("/tiers", program(period={"type": "calendar_year"}))
    with clock.frozen(datetime.fromisoformat("2026-12-01T10:00:00+08:00")):
        bought(api, "1", "1000.00")
    with clock.frozen(datetime.fromisoformat("2027-02-01T10:00:00+08:00")):
        assert tier(api)["until"] == "2027-12-31T16:00:00Z"
        assert bought(api, "2", "5000.00")["tier"] == "diamond"
        api.post("/orders/2/returns", {"return_id": "R-1", "all": True})
        found = tier(api)
        assert (found["code"], found["until"], found["qualifying_points"]) == (
            "gold",
            "2027-12-31T16:00:00Z",
            0,
        )


def test_the_end_of_the_period_projected_swept_and_settled_are_the_same(
    api: Api,
    base_rule: None,
    in_acme: Brand,
) -> None:
    api.put("/tiers", program(grace_days=10))
    bought(api, "1", "1000.00")
    ends = "2027-11-23T00:00:00+08:00"
    over = "2027-12-03T00:00:00+08:00"
    assert tier(api, ends)["code"] == "gold"
    assert tier(api, over)["code"] == "silver"
    assert MemberTier.objects.get().code == "gold"
    with clock.frozen(datetime.fromisoformat(over)):
        # Nobody has swept: the order itself is judged with the tier of its time.
        body = bought(api, "2", "100.00", ordered_at=over)
        assert [(e["rule"], e["points"]) for e in body["entries"]] == [("base", 100)]
        assert body["tier"] == "silver"
    assert list(TierChange.objects.order_by("recorded_at", "id").values_list("to_code", "why")) == [
        ("gold", "earned"),
        ("silver", "period_end"),
    ]


def test_the_sweep_settles_what_is_due_once(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00")
    due = datetime.fromisoformat("2027-11-23T00:00:00+08:00")
    assert tiers.review_due(now=due.replace(day=22)) == 0
    assert tiers.review_due(now=due) == 1
    assert tiers.review_due(now=due) == 0
    assert MemberTier.objects.get().code == "silver"


def test_a_level_inserted_between_two_reaches_members_at_the_sweep(
    api: Api,
    base_rule: None,
    in_acme: Brand,
    now: datetime,
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "600.00")
    assert tier(api)["code"] == "silver"
    api.put("/tiers", program(levels=[SILVER, level("bronze", 500, "1.1"), GOLD, DIAMOND]))
    assert tier(api)["code"] == "bronze"
    assert tiers.review_due(now=now) == 1
    assert (MemberTier.objects.get().code, TierChange.objects.get().why) == ("bronze", "program")


def test_a_level_that_is_gone_leaves_what_was_earned(
    api: Api,
    base_rule: None,
    in_acme: Brand,
    now: datetime,
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00")
    api.put("/tiers", program(levels=[SILVER, DIAMOND]))
    assert tier(api)["code"] == "silver"
    body = bought(api, "2", "100.00")
    assert [(e["rule"], e["points"]) for e in body["entries"]] == [("base", 100)]


def test_qualifying_by_spend(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE | {"points": {"qualifying": False}})
    api.put("/tiers", program(qualify_by="spend", levels=[SILVER, level("gold", "100.50", "2")]))
    bought(api, "1", "100.49")
    assert (tier(api)["code"], tier(api)["qualifying_points"]) == ("silver", "100.49")
    following = tier(api)["next"]
    assert (following["points_missing"], following["text"]) == ("0.01", "CNY 0.01 more to Gold")
    bought(api, "2", "0.01")
    assert tier(api)["code"] == "gold"
    api.post("/orders/2/returns", {"return_id": "R-1", "all": True})
    assert (tier(api)["code"], tier(api)["qualifying_points"]) == ("silver", "100.49")


def test_qualifying_by_visits_counts_days(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program(qualify_by="visits", levels=[SILVER, level("gold", 2)]))
    bought(api, "1", "1.00", ordered_at="2026-11-20T10:00:00+08:00")
    bought(api, "2", "1.00", ordered_at="2026-11-20T20:00:00+08:00")
    assert (tier(api)["code"], tier(api)["qualifying_points"]) == ("silver", 1)
    assert bought(api, "3", "1.00", ordered_at="2026-11-21T00:00:00+08:00")["tier"] == "gold"
    api.post("/orders/1/returns", {"return_id": "R-1", "all": True})
    assert tier(api)["qualifying_points"] == 2
    api.post("/orders/2/returns", {"return_id": "R-2", "all": True})
    assert (tier(api)["code"], tier(api)["qualifying_points"]) == ("silver", 1)


def test_partial_returns_add_up_to_nothing(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program())
    api.post("/orders", order("1", lines=[line("3.33", "3")]))
    for number in range(3):
        back = {"return_id": f"R-{number}", "lines": [{"line_id": "1", "quantity": "1"}]}
        assert api.post("/orders/1/returns", back).status_code == 201
    rows = TierQualification.objects.values_list("points", "spend", "visits")
    assert [sum(each) for each in zip(*rows, strict=True)] == [0, 0, 0]


def test_a_late_order_of_last_year_may_still_earn_last_years_tier(api: Api, base_rule: None) -> None:
    api.put("/tiers", program(period={"type": "calendar_year"}))
    with clock.frozen(datetime.fromisoformat("2027-01-02T10:00:00+08:00")):
        body = bought(api, "1", "1000.00", ordered_at="2026-12-31T10:00:00+08:00")
        assert body["tier"] == "gold"
        assert tier(api)["until"] == "2027-12-31T16:00:00Z"


def test_spent_points_still_qualify(api: Api, base_rule: None) -> None:
    api.put("/tiers", program())
    bought(api, "1", "999.00")
    api.post("/burns", {"member": {"member_id": str(ANNA)}, "points": 900, "reference": "till-7-0001"})
    assert bought(api, "2", "1.00")["tier"] == "gold"


@pytest.mark.parametrize(("by", "threshold"), [("points", 100), ("spend", 100), ("visits", 1)])
def test_an_order_dated_after_midnight_by_a_clock_ahead_counts_at_once(
    api: Api, base_rule: None, in_acme: Brand, now: datetime, by: str, threshold: int
) -> None:
    api.put("/tiers", program(qualify_by=by, levels=[SILVER, level("gold", threshold, "1.2")]))
    tomorrow = "2026-11-23T00:00:30+08:00"
    assert bought(api, "1", "150.00", ordered_at=tomorrow)["tier"] == "gold"
    assert (tier(api)["since"], tier(api)["until"]) == ("2026-11-22T02:00:00Z", "2027-11-23T16:00:00Z")
    assert (tier(api, tomorrow)["code"], tier(api, tomorrow)["next"]) == ("gold", None)
    part = {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "0.1"}]}
    assert api.post("/orders/1/returns", part).status_code == 201
    assert tier(api)["code"] == "gold"
    api.post("/orders/1/returns", {"return_id": "R-2", "all": True})
    assert tier(api)["code"] == "silver"


def care(code: str, now: datetime) -> None:
    """Anna is granted a tier until the end of 2029."""
    until = datetime.fromisoformat("2030-01-01T00:00:00+00:00")
    points.open_account(member_id=ANNA, now=now)
    points.lock_account(member_id=ANNA, now=now)
    assert tiers.grant(member_id=ANNA, code=code, since=now, until=until, now=now, reference="care")


def test_what_was_held_before_an_upgrade_outlives_a_changed_programme(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    api.put("/tiers", program())
    care("gold", now)
    assert bought(api, "1", "5000.00")["tier"] == "diamond"
    api.put("/tiers", program(grace_days=10))
    assert tiers.review_due(now=now) == 1
    api.post("/orders/1/returns", {"return_id": "R-1", "all": True})
    assert (tier(api)["code"], tier(api)["until"]) == ("gold", "2030-01-01T00:00:00Z")


def test_a_granted_tier_is_not_lost_by_having_earned_a_higher_one(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    api.put("/tiers", program(downgrade="by_earned"))
    care("gold", now)
    assert bought(api, "1", "5000.00")["tier"] == "diamond"
    over = "2027-11-23T00:00:00+08:00"
    assert (tier(api, over)["code"], tier(api, over)["until"]) == ("gold", "2030-01-01T00:00:00Z")
    assert tiernotices.announce_falls(now=datetime.fromisoformat("2027-11-20T00:00:00+08:00")) == 1
    assert OutboxEvent.objects.get(type="tier.downgrade_upcoming").payload["to"] == "gold"
    assert tiers.review_due(now=datetime.fromisoformat(over)) == 1
    assert (MemberTier.objects.get().code, TierChange.objects.latest("recorded_at").to_code) == (
        "gold",
        "gold",
    )
    assert tier(api, "2030-01-01T08:00:00+08:00")["code"] == "silver"


def test_a_tier_earned_while_none_was_lost_is_held_for_a_period_once_tiers_are_lost_again(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00")
    api.put("/tiers", program(downgrade="never"))
    assert (tier(api)["until"], tier(api)["keep"]) == (None, None)
    bought(api, "2", "5000.00")
    assert (tier(api)["code"], tier(api)["until"]) == ("diamond", None)
    api.put("/tiers", program(downgrade="by_earned"))
    assert tier(api)["until"] == "2027-11-22T16:00:00Z"
    assert tiers.review_due(now=now) == 1
    assert tier(api)["until"] == "2027-11-22T16:00:00Z"
    assert tier(api, "2027-11-23T00:00:00+08:00")["code"] == "silver"
