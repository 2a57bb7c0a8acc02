"""Experiments: the members whom a rule's rollout has in it beside the others, with exact figures."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from campaigns.engine.rule import bucket
from campaigns.models import Rule, SegmentMember
from loyalty.analytics.services import unitcosts
from members.models import Identity, Member
from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import ROLES, signed_in
from tests.orders.shapes import BASE, line, order, set_policy
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
HALF = BASE | {
    "code": "half",
    "effect": {"type": "per_amount", "points": "2", "per": "1"},
    "audience": {"rollout_percent": 50},
}


@pytest.fixture
def people(acme: Brand, now: datetime) -> dict[bool, list[str]]:
    """Twelve more members, by whether the rule runs for them; all fifteen are told apart as in the engine."""
    with in_brand(acme):
        for number in range(12):
            member = Member.objects.create(name=f"M{number}", enrolled_at=now, referral_code=f"E{number}")
            Identity.objects.create(
                member=member, provider="external_id", subject=f"E-{number}", created_at=now
            )
        found: dict[bool, list[str]] = {True: [], False: []}
        for identity in Identity.objects.filter(provider="external_id"):
            found[bucket("half", str(identity.member_id)) < 5000].append(identity.subject)
    return found


def buys(api: Api, who: str, order_id: str, price: str, quantity: str = "1") -> None:
    sent = order(order_id, member={"external_id": who}, lines=[line(price, quantity, line_id="a")])
    answer = api.post("/orders", sent)
    assert answer.status_code == 201, answer.content


@pytest.fixture
def running(api: Api, acme: Brand, publish: Callable[..., None], people: dict[bool, list[str]]) -> None:
    """Two with the rule buy for 20 (of 30, a third came back) and 10; one without it for 6."""
    set_policy(acme, point_cost="0.01")
    publish(BASE, HALF)
    buys(api, people[True][0], "T-1", "10.00", "3")
    buys(api, people[True][1], "T-2", "10.00")
    buys(api, people[False][0], "C-1", "6.00")
    buys(api, people[False][1], "C-2", "99.00")
    some = {"return_id": "R-1", "lines": [{"line_id": "a", "quantity": "1"}]}
    assert api.post("/orders/T-1/returns", some).status_code == 201
    assert api.post("/orders/C-2/cancel").status_code in (200, 201)


def test_both_sides_with_exact_figures(api: Api, running: None, people: dict[bool, list[str]]) -> None:
    answer = api.get("/earning-rules/half/experiment?from=2026-11-01T00:00:00Z&to=2026-11-30T00:00:00Z")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    treated, control = len(people[True]), len(people[False])
    assert treated + control == 15
    assert (told["rule"], told["version"], told["rollout_percent"]) == ("half", 1, "50")
    assert [{k: v for k, v in each.items() if k != "per_member"} for each in told["variants"]] == [
        {
            "variant": "treatment", "members": treated, "buyers": 2, "orders": 2, "amount": "30.00",
            "points": 60, "cost": "0.60",
        },
        {
            "variant": "control", "members": control, "buyers": 1, "orders": 1, "amount": "6.00",
            "points": 0, "cost": "0.00",
        },
    ]  # fmt: skip
    amounts = {each["metric"]: each for each in told["differences"]}
    # By hand: the treated spent 20, 10 and 0 …, the others 6 and 0 …
    difference = 30 / treated - 6 / control
    spread = (500 - 900 / treated) / (treated - 1) / treated + (36 - 36 / control) / (control - 1) / control
    margin = 1.96 * spread**0.5
    for name, expected in (
        ("per_member", difference),
        ("low", difference - margin),
        ("high", difference + margin),
    ):
        assert float(amounts["amount"][name]) == pytest.approx(expected, abs=0.0001)
    assert float(amounts["points"]["per_member"]) == pytest.approx(60 / treated, abs=0.0001)


def test_only_the_audience_and_the_period_count(
    api: Api, acme: Brand, publish: Callable[..., None], running: None, now: datetime
) -> None:
    with in_brand(acme):
        for member_id in (ANNA, BORIS, CHEN):
            SegmentMember.objects.create(member_id=member_id, code="vip", since=now)
    publish(HALF | {"code": "vips", "audience": {"segment": "vip", "rollout_percent": 50}})
    told = api.get("/earning-rules/vips/experiment").json()
    inside = sum(bucket("vips", str(each)) < 5000 for each in (ANNA, BORIS, CHEN))
    assert [each["members"] for each in told["variants"]] == [inside, 3 - inside]
    later = "from=2026-11-23T00:00:00Z&to=2026-11-30T00:00:00Z"
    told = api.get(f"/earning-rules/half/experiment?{later}").json()
    assert [(each["orders"], each["points"]) for each in told["variants"]] == [(0, 0), (0, 0)]
    assert {each["per_member"] for each in told["differences"]} == {"0.0000"}


WHOLE = "from=2026-11-01T00:00:00Z&to=2026-11-30T00:00:00Z"


def _sides(api: Api, period: str) -> list[tuple[int, int, int]]:
    """Members, orders and points of treatment and control."""
    told = api.get(f"/earning-rules/half/experiment?{period}").json()
    return [(each["members"], each["orders"], each["points"]) for each in told["variants"]]


def test_the_period_has_its_first_instant_and_not_its_last(api: Api, running: None) -> None:
    bought = "2026-11-22T01:15:00Z"
    assert [side[1:] for side in _sides(api, f"from={bought}&to=2026-11-30T00:00:00Z")] == [(2, 60), (1, 0)]
    assert [side[1:] for side in _sides(api, f"from=2026-11-01T00:00:00Z&to={bought}")] == [(0, 0), (0, 0)]


def test_who_left_or_joined_after_the_period_does_not_count(
    api: Api, acme: Brand, running: None, people: dict[bool, list[str]]
) -> None:
    before = _sides(api, WHOLE)
    with in_brand(acme):
        for side, change in (
            (True, {"enrolled_at": datetime.fromisoformat("2026-11-30T00:00:00Z")}),
            (False, {"status": "closed"}),
        ):
            # One who bought and one who did not, of each side.
            for who in (people[side][0], people[side][2]):
                Member.objects.filter(identities__subject=who).update(**change)
    treated, control = before
    assert _sides(api, WHOLE) == [(treated[0] - 2, 1, 20), (control[0] - 2, 0, 0)]


def test_points_cost_what_they_cost_when_they_were_earned(api: Api, acme: Brand, running: None) -> None:
    def cost() -> list[str]:
        return [v["cost"] for v in api.get(f"/earning-rules/half/experiment?{WHOLE}").json()["variants"]]

    def costs_from(at: str, amount: str) -> None:
        with in_brand(acme):
            unitcosts.set_unit_cost(
                points_currency="points",
                cost=Decimal(amount),
                actor="t",
                now=datetime.fromisoformat(at),
                valid_from=datetime.fromisoformat(at),
            )

    costs_from("2026-11-22T01:15:01Z", "0.05")  # a second after the purchases
    assert cost() == ["0.60", "0.00"]
    costs_from("2026-11-22T01:15:00Z", "0.02")
    assert cost() == ["1.20", "0.00"]


def test_only_what_the_rule_gave_counts_and_not_what_was_taken_from_elsewhere(
    api: Api, acme: Brand, running: None, people: dict[bool, list[str]], now: datetime
) -> None:
    with in_brand(acme):
        member_id = Identity.objects.get(subject=people[True][1]).member_id
        points.burn(member_id=member_id, points=5, reference="b-1", now=now)
        points.adjust(member_id=member_id, points=7, reference="a-1", reason="care", actor="t", now=now)
    assert [side[1:] for side in _sides(api, WHOLE)] == [(2, 60), (1, 0)]


def test_a_rule_for_all_has_nobody_to_compare_with(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE)
    assert api.post("/earning-rules", HALF).status_code == 201
    for code in ("base", "half"):
        answer = api.get(f"/earning-rules/{code}/experiment")
        assert (answer.status_code, answer.json()["code"]) == (409, "no_experiment")
    assert api.get("/earning-rules/none/experiment").status_code == 404
    api.post("/earning-rules/half/publish")
    answer = api.get("/earning-rules/half/experiment?to=2026-11-01T00:00:00Z")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/to")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_rule_page_shows_it(acme: Brand, api: Api, running: None, language: str) -> None:
    with in_brand(acme):
        keys = dict(Rule.objects.values_list("code", "pk"))
    browser = signed_in(acme, "marketing", language)
    page: Any = browser.get(f"campaigns/rule/{keys['half']}/experiment/")
    text = page.content.decode()
    assert page.status_code == 200
    assert {"en": "with the rule", "zh-hans": "有此规则"}[language] in text.split('id="variant-treatment"')[1]
    assert 'id="difference-amount"' in text
    assert (
        f"{keys['half']}/experiment/"
        in browser.get(f"campaigns/rule/{keys['half']}/change/").content.decode()
    )
    nothing = browser.get(f"campaigns/rule/{keys['base']}/experiment/").content.decode()
    assert 'id="difference-amount"' not in nothing


def test_only_those_who_write_rules_see_it(acme: Brand, api: Api, running: None) -> None:
    with in_brand(acme):
        path = f"campaigns/rule/{Rule.objects.get(code='half').pk}"
    seen = {}
    for role in ROLES:
        browser = signed_in(acme, role)
        shown = "/experiment/" in browser.get(f"{path}/change/").content.decode()
        seen[role] = (browser.get(f"{path}/experiment/").status_code, shown)
    assert seen == {
        "owner": (200, True),
        "marketing": (200, True),
        "care": (403, False),
        "shop": (403, False),
    }
