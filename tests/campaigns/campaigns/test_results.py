"""What a campaign gave and brought, beside its control group."""

from datetime import datetime
from decimal import Decimal

import pytest

from campaigns.engine.frame import in_control
from campaigns.models import Campaign, CampaignRule, Rule
from campaigns.results import Group, _incremental
from campaigns.services import rulewriting
from loyalty.lib import clock
from members.models import Member
from tenants.models import Brand
from tests.campaigns.shapes import count, earned, started
from tests.orders.shapes import multiplier
from tests.support.client import Api
from tests.tiers.shapes import SILVER, level, program

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("base_rule")]
LATER = "2026-11-30T00:00:00+08:00"
NOON = "2026-11-28T12:00:00+08:00"


def results(api: Api, now: str = LATER) -> dict[str, object]:
    with clock.frozen(datetime.fromisoformat(now)):
        answer = api.get("/campaigns/double/results")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_points_members_orders_amount_by_channel(api: Api, in_acme: Brand) -> None:
    api.put("/tiers", program(levels=[SILVER, level("gold", 200)]))
    started(api)
    earned(api, "before", "2026-11-27T23:59:59+08:00", "1000")
    earned(api, "o1", "2026-11-28T00:00:00+08:00", "100", channel="store")
    earned(api, "o2", NOON, "50", channel="app")
    earned(api, "o3", NOON, "30", channel="app", member={"external_id": "C-boris"})
    earned(api, "o4", NOON, "70", channel="app")
    with clock.frozen(datetime.fromisoformat(LATER)):
        assert api.post("/orders/o4/returns", {"return_id": "r4", "all": True}).status_code == 201
        count(clock.now())
    found = results(api)
    assert found["points"] == {"given": 250, "taken_back": 70, "members": 2, "orders": 4, "cost": "2.50"}
    members = Member.objects.filter(status="active").count()
    assert found["reached"] == {
        "members": members,
        "buyers": 2,
        "orders": 3,
        "amount": "180.00",
        "buyers_share": f"{2 / members:.4f}",
        "amount_per_member": f"{180 / members:.2f}",
    }
    assert (found["control"], found["incremental"], found["incremental_missing"]) == (
        None,
        None,
        "no_control",
    )
    rows = {row["channel"]: (row["points"], row["reached"]["amount"]) for row in found["by_channel"]}
    assert rows == {"app": (150, "80.00"), "store": (100, "100.00")}
    # Anna is gold, having bought for 1,000; whoever never rose holds the lowest tier.
    tiers = {row["tier"]: (row["points"], row["reached"]["members"]) for row in found["by_tier"]}
    assert tiers == {"gold": (220, 1), "silver": (30, members - 1)}


def test_what_the_rule_gave_at_another_time_is_not_the_campaign_s(api: Api, in_acme: Brand) -> None:
    api.post("/earning-rules", multiplier("extra", "3"))
    api.post("/earning-rules/extra/publish")
    earned(api, "apart", "2026-11-28T09:00:00+08:00", "100", channel="app")
    started(api, starts_at="2026-11-28T10:00:00+08:00")
    # The same code again, as a campaign before it may have had it.
    CampaignRule.objects.create(campaign=Campaign.objects.get(), rule=Rule.objects.get(code="extra"))
    rulewriting.changed(clock.now())
    earned(api, "within", NOON, "30", channel="app")
    with clock.frozen(datetime.fromisoformat(LATER)):
        for order in ("apart", "within"):
            assert api.post(f"/orders/{order}/returns", {"return_id": order, "all": True}).status_code == 201
    found = results(api)
    assert (found["points"]["given"], found["points"]["taken_back"]) == (90, 90)
    assert [(row["channel"], row["points"]) for row in found["by_channel"]] == [("app", 90)]


def test_beside_the_control_group(api: Api, in_acme: Brand) -> None:
    started(api, control_percent=50)
    spent: dict[bool, list[int]] = {True: [], False: []}
    for number in range(8):
        price = 10 * (number + 1)
        earned(api, f"o{number}", NOON, str(price), member={"external_id": f"C-{number}"})
        member = Member.objects.get(identities__subject=f"C-{number}")
        spent[in_control("double", str(member.pk), 5000)].append(price)
    found = results(api)
    for control, name in ((True, "control"), (False, "reached")):
        group = found[name]
        assert (group["buyers"], group["orders"]) == (len(spent[control]), len(spent[control]))
        assert group["amount"] == f"{sum(spent[control])}.00"
    assert (found["incremental"], found["incremental_missing"]) == (None, "too_few")
    assert found["points"]["given"] == sum(spent[False])


def test_nothing_yet(api: Api, in_acme: Brand) -> None:
    started(api)
    found = results(api, "2026-11-22T10:00:00+08:00")
    assert found["points"] == {"given": 0, "taken_back": 0, "members": 0, "orders": 0, "cost": "0.00"}
    assert found["reached"]["orders"] == 0
    assert found["by_channel"] == []
    assert api.get("/campaigns/nowhere/results").json()["code"] == "campaign_not_found"


def test_what_is_said_of_the_difference() -> None:
    campaign = Campaign(control_percent=10)
    # 100 of 900 members spent 90 each, 30 of 100 in the control group 10 each.
    reached = Group(900, 100, 120, Decimal(9000), Decimal(810_000))
    control = Group(100, 30, 30, Decimal(300), Decimal(3000))
    told, reason = _incremental(campaign, reached, control)
    # 10.00 − 3.00 a member; errors 800.8898776…/900 and 21.2121…/100, so the margin is 2.0575….
    assert (told, reason) == (
        {"amount": "6300.00", "low": "4448.22", "high": "8151.78", "orders": "-150.0", "certain": True},
        None,
    )
    same = Group(100, 30, 30, Decimal(1000), Decimal(60_000))
    told, _reason = _incremental(campaign, reached, same)
    assert told is not None
    assert (told["amount"], told["certain"]) == ("0.00", False)
    assert _incremental(campaign, reached, Group(100, 29, 29, Decimal(290), Decimal(2900))) == (
        None,
        "too_few",
    )
