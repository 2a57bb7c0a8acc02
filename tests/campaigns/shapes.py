"""Campaigns as the tests write them."""

from datetime import datetime
from typing import Any

from campaigns.models import CampaignStep
from campaigns.services import campaigns
from loyalty.analytics.finance import costs
from loyalty.lib import clock
from loyalty.outbox import relay
from loyalty.outbox.models import OutboxEvent
from tests.orders.shapes import order, priced
from tests.support.client import Api

DOUBLE: dict[str, Any] = {
    "code": "double",
    "name": {"en": "Double day", "zh-hans": "双倍日"},
    "kind": "double_points",
    "starts_at": "2026-11-28T00:00:00+08:00",
    "ends_at": "2026-11-29T00:00:00+08:00",
    "multiplier": "2",
}


def created(api: Api, **changes: Any) -> dict[str, Any]:
    """A draft."""
    answer = api.post("/campaigns", {n: v for n, v in (DOUBLE | changes).items() if v is not ...})
    assert answer.status_code == 201, answer.content
    return answer.json()


def started(api: Api, **changes: Any) -> dict[str, Any]:
    """A campaign that will run at its time."""
    body = created(api, **changes)
    answer = api.post(f"/campaigns/{body['code']}/start")
    assert answer.status_code == 200, answer.content
    return answer.json()


def earned(api: Api, order_id: str, at: str, price: str = "100", now: str | None = None, **more: Any) -> int:
    """What an order bought at `at` earns when it arrives at `now` (default: at once)."""
    with clock.frozen(datetime.fromisoformat(now or at)):
        answer = api.post("/orders", priced(order_id, price, ordered_at=at, **more))
    assert answer.status_code == 201, answer.content
    return int(answer.json()["points"]["accrued"])


def life(code: str = "double") -> list[tuple[str, str]]:
    """The steps of a campaign with their times."""
    found = CampaignStep.objects.filter(campaign__code=code).order_by("recorded_at", "id")
    return [(kind, at.isoformat()) for kind, at in found.values_list("kind", "at")]


def told() -> list[tuple[str, str]]:
    """The campaigns' events with their times, oldest first."""
    found = OutboxEvent.objects.filter(type__startswith="campaign.").order_by("created_at", "id")
    return [(kind, at.isoformat()) for kind, at in found.values_list("type", "occurred_at")]


def count(now: datetime) -> int:
    """Relay and count, as the ticks do."""
    relay.run()
    return campaigns.count(now=now, unit_cost=costs.load().at)


__all__ = ["DOUBLE", "count", "created", "earned", "life", "order", "started", "told"]
