"""What campaigns gave is counted beside the path of orders; at its budget one stops, until it is raised."""

from datetime import datetime
from decimal import Decimal

import pytest

from campaigns.models import Campaign
from campaigns.services import campaigns
from campaigns.services.campaigns import budgets
from loyalty.lib import ids
from loyalty.outbox import relay
from loyalty.outbox.models import Cursor, OutboxEvent
from points import services as points
from points.postings import Journal, Posting, SystemAccount
from tenants.context import in_brand
from tenants.models import Brand
from tests.campaigns.shapes import count, earned, life, started, told
from tests.orders.shapes import priced, set_policy
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("base_rule")]
DAY = {"starts_at": "2026-11-22T00:00:00+08:00", "ends_at": "2026-11-24T00:00:00+08:00"}
AT = "2026-11-22T10:00:00+08:00"


def test_alarm_stop_and_on_again(api: Api, in_acme: Brand, now: datetime) -> None:
    started(api, **DAY, budget_points=1000)
    assert earned(api, "o1", AT, "799") == 1598
    count(now)
    assert [kind for kind, _at in told()] == ["campaign.scheduled", "campaign.started"]
    assert earned(api, "o2", AT, "1") == 2
    count(now)
    assert told()[-1][0] == "campaign.budget_alarm"
    assert earned(api, "o3", AT, "199") == 398
    count(now)
    assert len(told()) == 3  # 999 of 1,000: the alarm comes once
    assert earned(api, "o4", AT, "50") == 100  # over the budget: the count has not seen it yet
    count(now)
    assert told()[-1][0] == "campaign.budget_reached"
    shown = api.get("/campaigns/double").json()
    assert (shown["status"], shown["given"]) == (
        "stopped",
        {"points": 1049, "amount": "10.49", "share": "1.0490"},
    )
    assert earned(api, "o5", AT, "100") == 100
    # Late orders count by when they are processed: the budget is gone.
    assert earned(api, "o6", "2026-11-22T00:00:00+08:00", "100", now=AT) == 100
    answer = api.post("/campaigns/double/resume")
    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_budget_used_up")
    raised = api.patch("/campaigns/double", {"budget_points": 2000}).json()
    assert (raised["status"], raised["given"]["share"]) == ("running", "0.5245")
    assert earned(api, "o7", AT, "100") == 200
    assert [kind for kind, _at in life()] == [
        "created", "scheduled", "started", "budget_alarm", "budget_reached", "changed", "resumed"
    ]  # fmt: skip
    # What was given stays: nothing is taken back.
    assert OutboxEvent.objects.filter(type="points.reversed").count() == 0


def test_why_it_gave_nothing_is_said(api: Api, in_acme: Brand, now: datetime) -> None:
    started(api, **DAY, budget_points=10)
    earned(api, "o1", AT)
    count(now)
    answer = api.post("/orders/preview", priced("p", "100", ordered_at=AT))
    lost = [e for e in answer.json()["explanation"] if e["rule"] == "double-x"]
    assert [(e["reason"], e["path"], e["text"]) for e in lost] == [
        ("cap", "/campaign/budget", "the campaign's budget is used up")
    ]


def test_a_budget_in_money_by_what_a_point_costs(api: Api, acme: Brand, now: datetime) -> None:
    set_policy(acme, point_cost="0.05")
    started(api, **DAY, budget_amount="10.00")
    for order_id, price, given in (
        ("o1", "199", (199, Decimal("9.95"), "running")),
        ("o2", "1", (200, Decimal(10), "stopped")),
    ):
        earned(api, order_id, AT, price)
        with in_brand(acme):
            count(now)
            campaign = Campaign.objects.get()
            assert (campaign.given_points, campaign.given_amount, campaign.status) == given


def test_counted_once_by_two_workers_and_after_a_crash(
    api: Api, in_acme: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(api, **DAY, budget_points=10_000)
    for number in range(5):
        earned(api, f"o{number}", AT)
    monkeypatch.setattr(budgets, "BATCH", 3)

    def dies(_currency: str, _at: datetime) -> Decimal:
        raise KeyboardInterrupt

    relay.run()
    before = Cursor.objects.get(name=budgets.CURSOR).position
    with pytest.raises(KeyboardInterrupt):
        campaigns.count(now=now, unit_cost=dies)
    assert Campaign.objects.get().given_points == 0
    count(now)
    assert Campaign.objects.get().given_points == 500
    assert count(now) == 0
    assert Cursor.objects.get(name=budgets.CURSOR).position > before
    assert Campaign.objects.get().given_points == 500


def test_a_brand_without_campaigns_keeps_no_count(api: Api, in_acme: Brand, now: datetime) -> None:
    earned(api, "o1", AT)
    assert count(now) == 0
    assert not Cursor.objects.filter(name=budgets.CURSOR).exists()


def test_stopped_while_it_waits_or_is_paused_and_lowered_by_hand(
    api: Api, in_acme: Brand, now: datetime
) -> None:
    started(api, **DAY, budget_points=1000)
    earned(api, "o1", AT)
    count(now)
    assert api.patch("/campaigns/double", {"budget_points": 50}).json()["status"] == "stopped"
    assert earned(api, "o2", AT) == 100
    assert api.patch("/campaigns/double", {"budget_points": None}).json()["status"] == "running"
    api.post("/campaigns/double/pause")
    assert api.patch("/campaigns/double", {"budget_points": 50}).json()["status"] == "paused"
    assert api.post("/campaigns/double/resume").json()["code"] == "campaign_budget_used_up"
    api.patch("/campaigns/double", {"budget_points": 500})
    assert api.post("/campaigns/double/resume").json()["status"] == "running"


def test_late_orders_are_held_against_it_after_its_end(api: Api, in_acme: Brand, now: datetime) -> None:
    started(api, **DAY, budget_points=100)
    api.post("/campaigns/double/end")
    assert earned(api, "o1", "2026-11-22T09:00:00+08:00", now=AT) == 200
    count(now)
    assert told()[-1][0] == "campaign.budget_reached"
    assert Campaign.objects.get().status == "ended"
    assert earned(api, "o2", "2026-11-22T09:00:00+08:00", now=AT) == 100


def test_what_a_grant_of_the_same_code_gives_is_not_the_campaigns(
    api: Api, in_acme: Brand, now: datetime
) -> None:
    """Audience grants and wake-ups book under codes of their own, and so may take a rule's."""
    started(api, **DAY, budget_points=1000)
    assert earned(api, "o1", AT) == 200
    for source, reference in (("audience_grant", "g:1"), ("wakeup", "w#1:1")):
        entry = Posting(
            kind="accrual",
            points=500,
            direction=1,
            system_account=SystemAccount.ISSUANCE,
            source=source,
            reference=reference,
            rule="double-x",
            effective_at=now,
        )
        told_of = {"source": source, "reference": reference}
        points.post(member_id=ANNA, journal_id=ids.new(), entries=[entry], now=now, event_data=told_of)
        journal = Journal(ANNA, ids.new(), [entry._replace(reference=f"{reference}b")], told_of)
        assert points.post_bulk(journals=[journal], now=now).posted == 1
    count(now)
    campaign = Campaign.objects.get()
    assert (campaign.given_points, campaign.status) == (100, "running")
