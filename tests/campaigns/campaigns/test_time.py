"""A campaign gives from its first second until before its last, by the time of the purchase."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from campaigns import selectors
from campaigns.engine import explain
from campaigns.models import Campaign, CampaignStep, Rule
from campaigns.services import campaigns
from campaigns.services.campaigns import turning
from campaigns.tasks import turn_campaigns
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from tenants import hosts
from tenants.models import Brand
from tests.campaigns.shapes import created, earned, life, started, told
from tests.orders.shapes import multiplier, priced
from tests.support.client import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("base_rule")]
NEW_YORK = "America/New_York"
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def in_new_york(acme: Brand) -> Brand:
    """Acme, in a zone with a clock change."""
    Brand.objects.filter(pk=acme.pk).update(timezone=NEW_YORK)
    hosts.forget()
    return acme


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("bought", "points"),
    [
        ("2026-11-27T23:59:59+08:00", 100),
        ("2026-11-28T00:00:00+08:00", 200),
        ("2026-11-28T23:59:59+08:00", 200),
        ("2026-11-29T00:00:00+08:00", 100),
    ],
)
def test_midnight_in_shanghai_by_the_time_of_the_purchase(
    api: Api, in_acme: Brand, bought: str, points: int
) -> None:
    started(api)
    assert earned(api, "punctual", bought) == points
    # Late, while it runs and long after it ended, and with a worker that never came by.
    assert earned(api, "late", bought, now="2026-11-28T12:00:00+08:00") == points
    assert earned(api, "very-late", bought, now="2026-12-20T12:00:00+08:00") == points
    turning.turn_due(now=at("2026-12-20T12:00:00+08:00"))
    assert earned(api, "after-its-end", bought, now="2026-12-20T13:00:00+08:00") == points


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("bought", "points"),
    [
        # 8 March 2026 has 23 hours in New York: from 05:00 UTC until 04:00 UTC of the 9th.
        ("2026-03-08T04:59:59+00:00", 100),
        ("2026-03-08T05:00:00+00:00", 200),
        ("2026-03-09T03:59:59+00:00", 200),
        ("2026-03-09T04:00:00+00:00", 100),
        # 1 November 2026 has 25 hours: from 04:00 UTC until 05:00 UTC of the 2nd.
        ("2026-11-01T03:59:59+00:00", 100),
        ("2026-11-01T04:00:00+00:00", 200),
        ("2026-11-02T04:59:59+00:00", 200),
        ("2026-11-02T05:00:00+00:00", 100),
    ],
)
def test_days_with_a_clock_change(
    in_new_york: Brand, api: Api, in_acme: Brand, bought: str, points: int
) -> None:
    started(
        api,
        starts_at="2026-03-01T00:00:00-05:00",
        ends_at="2027-04-01T00:00:00-04:00",
        rrule="FREQ=YEARLY;BYMONTH=3,11;BYDAY=SU;BYMONTHDAY=1,8,14",
    )
    assert earned(api, "o", bought, now="2026-11-22T10:00:00+08:00") == points


def test_it_starts_and_ends_at_its_very_time(api: Api, in_acme: Brand) -> None:
    body = started(api)
    assert (body["status"], body["rules"]) == ("scheduled", ["double-x"])
    with clock.frozen(at("2026-11-27T15:59:59+00:00")):
        assert turn_campaigns() == 0
    with clock.frozen(at("2026-11-27T16:00:03+00:00")):
        assert turn_campaigns() == 1
        assert turn_campaigns() == 0  # a second beat
        assert api.get("/campaigns/double").json()["status"] == "running"
    with clock.frozen(at("2026-11-28T16:00:07+00:00")):
        assert turn_campaigns() == 1
        assert turn_campaigns() == 0
    assert told() == [
        ("campaign.scheduled", "2026-11-22T02:00:00+00:00"),
        ("campaign.started", "2026-11-27T16:00:00+00:00"),
        ("campaign.ended", "2026-11-28T16:00:00+00:00"),
    ]
    assert life() == [
        ("created", "2026-11-22T02:00:00+00:00"),
        ("scheduled", "2026-11-22T02:00:00+00:00"),
        ("started", "2026-11-27T16:00:00+00:00"),
        ("ended", "2026-11-28T16:00:00+00:00"),
    ]
    payload = OutboxEvent.objects.get(type="campaign.started").payload
    assert (payload["campaign"], payload["at"], payload["until"], payload["rules"]) == (
        "double",
        "2026-11-27T16:00:00Z",
        "2026-11-28T16:00:00Z",
        ["double-x"],
    )


def test_a_worker_that_slept_makes_up_for_all_of_it_in_order(api: Api, in_acme: Brand) -> None:
    started(
        api,
        starts_at="2026-11-23T00:00:00+08:00",
        ends_at="2026-12-31T00:00:00+08:00",
        rrule="FREQ=MONTHLY;BYMONTHDAY=28",
    )
    assert turning.turn_due(now=at("2027-01-15T00:00:00+08:00")) == 1
    assert told()[1:] == [
        ("campaign.started", "2026-11-27T16:00:00+00:00"),
        ("campaign.ended", "2026-11-28T16:00:00+00:00"),
        ("campaign.started", "2026-12-27T16:00:00+00:00"),
        ("campaign.ended", "2026-12-28T16:00:00+00:00"),
    ]
    again = [e.payload["again_at"] for e in OutboxEvent.objects.filter(type="campaign.ended").order_by("id")]
    assert again == ["2026-12-27T16:00:00Z", None]
    campaign = Campaign.objects.get()
    assert (campaign.status, campaign.ended_at) == ("ended", at("2026-12-28T16:00:00+00:00"))


def test_what_is_cut_off_between_claim_and_commit_is_done_again_once(api: Api, in_acme: Brand) -> None:
    started(api)
    now = at("2026-11-27T16:00:03+00:00")
    campaign_id = Campaign.objects.get().pk

    def die() -> None:
        with transaction.atomic():
            assert turning.turn(campaign_id=campaign_id, now=now)
            raise KeyboardInterrupt  # before the commit

    with pytest.raises(KeyboardInterrupt):
        die()
    assert (Campaign.objects.get().status, len(told())) == ("scheduled", 1)
    assert turning.turn_due(now=now) == 1
    assert turning.turn_due(now=now) == 0
    # A worker that had it on its list before.
    assert turning.turn(campaign_id=campaign_id, now=now) is False
    assert (Campaign.objects.get().status, len(told())) == ("running", 2)


def test_one_that_fails_keeps_none_of_the_others(api: Api, in_acme: Brand) -> None:
    started(api)
    started(api, code="other")
    Campaign.objects.filter(code="double").update(rrule="nonsense")
    assert turning.turn_due(now=at("2026-11-28T00:00:01+08:00")) == 1
    assert Campaign.objects.get(code="other").status == "running"
    assert Campaign.objects.get(code="double").status == "scheduled"


def test_scheduled_after_its_start_it_runs_at_once(api: Api, in_acme: Brand) -> None:
    body = started(api, starts_at="2026-11-22T00:00:00+08:00", ends_at="2026-11-23T00:00:00+08:00")
    assert body["status"] == "running"
    assert told()[1] == ("campaign.started", "2026-11-22T02:00:00+00:00")
    assert (
        earned(api, "before-we-said-so", "2026-11-22T00:00:00+08:00", now="2026-11-22T11:00:00+08:00") == 200
    )


def test_nobody_buys_in_a_pause(api: Api, in_acme: Brand) -> None:
    started(api)

    def do(step: str, when: str) -> dict[str, Any]:
        with clock.frozen(at(when)):
            answer = api.post(f"/campaigns/double/{step}", {"note": "why"})
        assert answer.status_code == 200, answer.content
        return answer.json()

    assert do("pause", "2026-11-28T10:00:00+08:00")["status"] == "paused"
    late = "2026-11-28T20:00:00+08:00"
    assert earned(api, "p1", "2026-11-28T09:59:59+08:00", now="2026-11-28T11:00:00+08:00") == 200
    assert earned(api, "p2", "2026-11-28T10:00:00+08:00") == 100
    assert do("resume", "2026-11-28T12:00:00+08:00")["status"] == "running"
    assert earned(api, "p3", "2026-11-28T11:59:59+08:00", now=late) == 100
    assert earned(api, "p4", "2026-11-28T12:00:00+08:00", now=late) == 200
    assert earned(api, "p5", "2026-11-28T09:59:59+08:00", now=late) == 200
    ended = do("end", "2026-11-28T14:00:00+08:00")
    assert (ended["status"], ended["ended_at"], ended["actions"]) == ("ended", "2026-11-28T06:00:00Z", [])
    assert earned(api, "p6", "2026-11-28T13:59:59+08:00", now=late) == 200
    assert earned(api, "p7", "2026-11-28T14:00:00+08:00", now=late) == 100
    assert [kind for kind, _at in life()] == [
        "created", "scheduled", "started", "paused", "resumed", "ended"
    ]  # fmt: skip


def test_what_members_are_told_is_what_runs(api: Api, in_acme: Brand, now: datetime) -> None:
    member = uuid4()
    assert [rule.code for rule in selectors.open_rules(member, now)] == ["base"]
    started(api, rrule="FREQ=WEEKLY;BYDAY=SA")
    [double] = [rule for rule in selectors.open_rules(member, now) if rule.code == "double-x"]
    assert explain.member_text(double.told, "en", selectors.words()) == (
        "When an order is paid: 2× the base points; from 2026-11-28 00:00; until 2026-11-29 00:00, "
        "exclusive; every Saturday."
    )
    api.post("/campaigns/double/pause")
    assert [rule.code for rule in selectors.open_rules(member, now)] == ["base"]


def test_paused_over_its_end_it_ends(api: Api, in_acme: Brand) -> None:
    started(api)
    with clock.frozen(at("2026-11-28T10:00:00+08:00")):
        assert api.post("/campaigns/double/pause").status_code == 200
    assert turning.turn_due(now=at("2026-11-29T00:00:00+08:00")) == 1
    campaign = Campaign.objects.get()
    assert campaign.status == "ended"
    assert campaign.pauses.get().ends_at == at("2026-11-29T00:00:00+08:00")


def test_closed_when_no_late_order_can_come(api: Api, in_acme: Brand) -> None:
    started(api)
    turning.turn_due(now=at("2026-11-29T00:00:00+08:00"))
    closes = at("2026-11-29T00:00:00+08:00") + turning.LATE_FOR
    assert turning.turn_due(now=closes - timedelta(seconds=1)) == 0
    assert Rule.objects.get(code="double-x").status == "published"
    assert turning.turn_due(now=closes) == 1
    assert Rule.objects.get(code="double-x").status == "retired"
    assert Campaign.objects.get().due_at is None
    assert turning.turn_due(now=closes + HOUR) == 0


def test_a_return_is_judged_as_the_order_was(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    """A campaign's rule that was out of its time does not compete with those that gave."""
    publish(multiplier("always", "1.5", stacking={"group": "promo", "policy": "best"}))
    started(api)
    assert earned(api, "before", "2026-11-27T23:59:59+08:00") == 150
    assert earned(api, "within", "2026-11-28T00:00:00+08:00") == 200
    with clock.frozen(at("2026-12-20T00:00:00+08:00")):
        turn_campaigns()
        for order_id, back in (("before", -75), ("within", -100)):
            answer = api.post(
                f"/orders/{order_id}/returns",
                {"return_id": f"r-{order_id}", "lines": [{"line_id": "1", "quantity": "0.5"}]},
            )
            assert answer.status_code == 201, answer.content
            assert -answer.json()["points"]["taken_back"] == back


def test_a_correction_is_judged_by_the_campaign_s_time(api: Api, in_acme: Brand) -> None:
    started(api)
    assert earned(api, "o", "2026-11-27T23:59:59+08:00") == 100
    with clock.frozen(at("2026-11-28T12:00:00+08:00")):
        same = priced("o", "50", ordered_at="2026-11-27T23:59:59+08:00", revision=2)
        answer = api.put("/orders/o", same)
        assert answer.status_code == 200, answer.content
        entries = api.get(f"/members/{answer.json()['member_id']}/entries").json()["items"]
        assert sum(e["points"] for e in entries) == 50
        moved = priced("o", "50", ordered_at="2026-11-28T00:00:00+08:00", revision=3)
        answer = api.put("/orders/o", moved)
        entries = api.get(f"/members/{answer.json()['member_id']}/entries").json()["items"]
        assert sum(e["points"] for e in entries) == 100


def test_the_life_of_a_campaign_is_only_added_to(api: Api, in_acme: Brand) -> None:
    created(api)
    with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
        CampaignStep.objects.update(note="never happened")
    with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
        CampaignStep.objects.all().delete()


def test_another_brand_s_campaigns_are_its_own(api: Api, foreign: Api, in_acme: Brand) -> None:
    started(api)
    assert foreign.get("/campaigns/double").status_code == 404
    assert foreign.get("/campaigns").json()["items"] == []
    assert campaigns.turn_due(now=at("2026-11-28T00:00:00+08:00")) == 1
