"""The demo's programme: every step can be taken at its time, and leaves what the pictures show."""

from datetime import datetime, timedelta

import pytest

from campaigns.models import Campaign, RuleSubmission
from campaigns.services import campaigns, rules
from loyalty.dev.demo import programme, shop
from tenants.models import Brand

pytestmark = pytest.mark.django_db


def test_the_steps_of_the_year_can_be_taken_in_order(in_acme: Brand, now: datetime) -> None:
    rules.install(bodies=list(shop.RULES), actor=shop.ACTOR, now=now - timedelta(days=370))
    steps = programme.of_year(now=now, tz=in_acme.tz, marketing="operator:m", owner="operator:o")
    for at, do in sorted(steps, key=lambda step: step[0]):
        campaigns.turn_due(now=at)
        do(at)
    campaigns.turn_due(now=now)
    assert dict(Campaign.objects.values_list("code", "status")) == {
        "autumn-double": "running",
        "member-day": "scheduled",
        "exchange-day": "scheduled",
        "year-end": "draft",
    }
    history = RuleSubmission.objects.order_by("rule__code", "number").values_list("rule__code", "status")
    assert list(history) == [
        (programme.BASKET, "pending_approval"),
        (programme.PRODUCE, "published"),
        (programme.PRODUCE, "rejected"),
        (programme.PRODUCE, "published"),
    ]
