"""What there is to do for points, as a member sees it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns.models import Message, Wakeup
from loyalty.lib import clock
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.audiences.shapes import segment, where
from tests.audiences.wakeupshapes import go, reached, scheduled, template
from tests.orders.shapes import BASE
from tests.orders.test_activities import fixed
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db
REST: dict[str, Any] = {"points": None, "min_spend": None, "currency": None, "until": None}


def told(who: UUID = ANNA) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = signed_in("acme", who).get("/tasks").json()["items"]
    return found


def test_nothing_to_do(acme: Brand, publish: Callable[..., None]) -> None:
    publish(BASE, {**fixed("later", 9), "schedule": {"starts_at": "2026-12-01T00:00:00+08:00"}})
    assert told() == []


def test_a_thing_to_do_stands_once_with_all_that_pays_for_it(
    acme: Brand, publish: Callable[..., None], now: datetime
) -> None:
    streak = {"all": [{"fact": "activity.streak", "op": "gte", "value": 3}]}
    publish(
        fixed("here", 5),
        {**fixed("again", 2), "when": streak},
        fixed("opinion", 20, "activity.review"),
        fixed("who", 30, "activity.profile-complete"),
        {**fixed("friend", 50, "referral.first_order"), "to": "referrer"},
    )
    with in_brand(acme):
        Member.objects.filter(pk=ANNA).update(name="Anna", birthday=None, region="310000")
    found = told()
    assert [[way["rule"] for way in task.pop("ways")] for task in found] == [
        ["again", "here"],
        ["who"],
        ["friend"],
        ["opinion"],
    ]
    assert found == [
        {
            "task": "activity.check-in",
            "kind": "check_in",
            "name": "Check-in",
            "state": "open",
            "missing": [],
            "actions": ["check_in"],
            **REST,
        },
        {
            "task": "activity.profile-complete",
            "kind": "profile",
            "name": "Profile completed",
            "state": "open",
            "missing": ["birthday", "contact"],
            "actions": ["update_profile"],
            **REST,
        },
        {
            "task": "referral",
            "kind": "referral",
            "name": "Bring a friend",
            "state": "open",
            "missing": [],
            "actions": ["share"],
            **REST,
        },
        {
            "task": "activity.review",
            "kind": "activity",
            "name": "Review",
            "state": "open",
            "missing": [],
            "actions": [],
            **REST,
        },
    ]
    anna = signed_in("acme", ANNA)
    assert anna.post("/check-ins").status_code == 201
    home = anna.get("/home").json()["tasks"]
    assert [(task["kind"], task["state"], task["actions"]) for task in home] == [
        ("check_in", "done", []),
        ("profile", "open", ["update_profile"]),
        ("referral", "open", ["share"]),
        ("activity", "open", []),
    ]
    with clock.frozen(now + timedelta(days=1)):
        assert told()[0]["state"] == "open"


def test_an_offer_for_coming_back_stands_first_until_it_is_over_or_its_budget_is_spent(
    acme: Brand, api: Api, publish: Callable[..., None], now: datetime
) -> None:
    publish(fixed("here", 5))
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    with in_brand(acme):
        template("hello", now)
        scheduled(api, task={"points": 100, "days": 7, "budget": 150, "min_spend": "30.00"})
        go(now)
    assert [task["kind"] for task in told()] == ["check_in"]  # nobody was told of it yet
    with in_brand(acme):
        reached([ANNA], now)
        Message.objects.filter(member_id=BORIS).update(status="suppressed", due_at=None, reason="no_consent")
    offer = told()[0]
    assert offer.pop("task").startswith("come-back:")
    assert offer == {
        "kind": "come_back",
        "name": "Come back",
        "state": "open",
        "points": 100,
        "min_spend": "30.00",
        "currency": "CNY",
        "until": "2026-11-29T16:00:00Z",
        "missing": [],
        "ways": [],
        "actions": [],
    }
    assert [task["kind"] for task in told(BORIS)] == ["check_in"]
    for spent, kinds in ((51, ["check_in"]), (50, ["come_back", "check_in"])):
        with in_brand(acme):
            Wakeup.objects.update(task_spent=spent)
        assert [task["kind"] for task in told()] == kinds
    with clock.frozen(datetime.fromisoformat("2026-11-29T16:00:00+00:00")):
        assert [task["kind"] for task in told()] == ["check_in"]
