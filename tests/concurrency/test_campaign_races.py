"""Two beats, two counts, two orders that cross a budget: each campaign is turned and counted once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from campaigns.models import Campaign, CampaignStep
from campaigns.services import campaigns
from campaigns.services.campaigns.content import Content
from loyalty.outbox import relay
from loyalty.outbox.models import OutboxEvent
from tenants.context import in_brand
from tenants.models import Brand
from tests.concurrency.test_ledger_races import at_once
from tests.orders.shapes import BASE, priced
from tests.support import brands
from tests.support.client import Api

ACTOR = "operator:anna@acme.example"


@pytest.fixture
def brand(committed_db: None) -> Iterator[Brand]:
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        yield acme


def running(code: str, now: datetime, **more: object) -> None:
    content = Content(
        code=code,
        name={"en": code},
        kind="double_points",
        starts_at=now.replace(microsecond=0) - timedelta(hours=1),
        ends_at=now.replace(microsecond=0) + timedelta(hours=1),
        **more,  # type: ignore[arg-type]
    )
    campaigns.create(content=content, multiplier="2", actor=ACTOR, now=now)
    campaigns.start(code=code, actor=ACTOR, now=now)


def count(now: datetime) -> int:
    return campaigns.count(now=now, unit_cost=lambda _currency, _at: Decimal("0.01"))


def test_two_beats_turn_each_campaign_once(brand: Brand, now: datetime) -> None:
    for number in range(4):
        running(f"c-{number}", now)
    later = now + timedelta(hours=2)
    turned = at_once(brand, [lambda: campaigns.turn_due(now=later)] * 4)
    assert sum(turned) == 4
    assert set(Campaign.objects.values_list("status", flat=True)) == {"ended"}
    assert OutboxEvent.objects.filter(type="campaign.ended").count() == 4
    assert CampaignStep.objects.filter(kind="ended").count() == 4


def test_two_orders_cross_the_budget_together_and_two_counts_count_them_once(
    brand: Brand, now: datetime
) -> None:
    api = Api("acme.localhost", brands.key("acme"))
    api.post("/earning-rules", BASE)
    assert api.post("/earning-rules/base/publish").status_code == 200
    running("double", now, budget_points=150)
    orders = [
        lambda who=who: api_of().post(
            "/orders",
            priced(f"o-{who}", "100", member={"external_id": f"C-{who}"}, ordered_at=now.isoformat()),
        )
        for who in ("anna", "boris")
    ]
    answers = at_once(brand, orders)
    # The count has seen neither: both get it, and the budget is exceeded by what was given meanwhile.
    assert [answer.json()["points"]["accrued"] for answer in answers] == [200, 200]
    relay.run()
    at_once(brand, [lambda: count(now)] * 4)
    count(now)
    campaign = Campaign.objects.get()
    assert (campaign.given_points, campaign.given_amount, campaign.status) == (200, Decimal(2), "stopped")
    for event in ("campaign.budget_alarm", "campaign.budget_reached"):
        assert OutboxEvent.objects.filter(type=event).count() == 1
    third = priced("o-3", "100", ordered_at=now.isoformat())
    assert api.post("/orders", third).json()["points"]["accrued"] == 100


def api_of() -> Api:
    """A client of its own for each thread."""
    return Api("acme.localhost", brands.key("acme"))
