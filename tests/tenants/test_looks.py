"""What ticks look at before they send a task of work that is no due row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns import due
from campaigns.services import campaigns, claims
from campaigns.tasks import tick_orders
from loyalty.analytics.tasks import tick_budgets
from loyalty.lib import clock
from loyalty.outbox import handling, relay, tasks
from members.models import ParkedReturn
from points import services as points
from points.models import Entry, LogPosition
from points.services import sealing, tiernotices, tiers
from points.tasks import tick_notices, tick_seal, tick_tier_notices, tick_tiers
from tenants.context import current_brand
from tenants.fanout import alone, is_taken
from tenants.models import Brand
from tenants.operators import compliancechanges, policychanges
from tenants.tasks import tick_policies
from tests.campaigns.shapes import started
from tests.claims.conftest import anna
from tests.claims.shapes import guest, receipt
from tests.orders.conftest import base_rule, publish
from tests.orders.shapes import order, priced
from tests.points.support import earn
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tenants.test_compliance_changes import ANNA as OWNER
from tests.tenants.test_compliance_changes import asked, staff
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db
__all__ = ["anna", "base_rule", "publish"]
DAY = timedelta(days=1)


def test_brands_at_rest_get_no_tasks(acme: Brand, globex: Brand) -> None:
    ticks = (tick_budgets, tick_seal, tick_notices, tick_tiers, tick_tier_notices, tick_orders, tick_policies)
    assert [tick() for tick in ticks] == [0] * len(ticks)


def test_entries_are_sealed_and_signed(in_acme: Brand, now: datetime) -> None:
    assert not sealing.is_behind(now)
    earn(ANNA, 10, "a", now=now)
    assert sealing.is_behind(now)
    latest = max(Entry.objects.values_list("xid", flat=True))
    place = {"xid": latest, "entry_id": Entry.objects.get().pk, "cluster": sealing._here()}
    LogPosition.objects.create(pk=1, size=0, **place)
    assert not sealing.is_behind(now)
    for other in ({"size": 1}, {"cluster": "elsewhere"}, {"entry_id": sealing.NOBODY}):
        LogPosition.objects.update(**{"size": 0, **place, **other})
        assert sealing.is_behind(now), other


def test_points_that_end_are_announced(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + 40 * DAY)
    assert not points.may_announce(now)
    assert points.announce_expiring(now=now) == 0
    later = now + 12 * DAY
    assert points.may_announce(later)
    assert points.announce_expiring(now=later) == 1


def test_campaigns_are_counted_when_something_was_given(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    api.post("/orders", priced("before", "10"))
    relay.run()
    assert not campaigns.is_behind(now)
    started(api)
    relay.run()
    campaigns.count(now=now, unit_cost=lambda _currency, _at: 0)
    assert not campaigns.is_behind(now)
    api.post("/orders", priced("after", "10"))
    relay.run()
    assert campaigns.is_behind(now)
    assert campaigns.count(now=now, unit_cost=lambda _currency, _at: 0) > 0


def test_tiers_are_reviewed_and_their_fall_announced(
    api: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    assert not tiers.is_review_due(now)
    api.put("/tiers", program())
    api.post("/orders", priced("gold", "1000"))
    told = []
    # Held until 23 November 2027: told 30 and 7 days before, judged when it is over.
    for days in (0, 334, 335, 340, 357, 358, 359, 366, 367):
        at = now + days * DAY
        told.append((tiernotices.is_any_due(at), tiers.is_review_due(at)))
        assert told[-1][0] == bool(tiernotices.announce_falls(now=at))
        with clock.frozen(at):
            assert told[-1][1] == bool(tiers.review_due(now=at))
    assert [first for first, _second in told].count(True) == 2
    assert [second for _first, second in told].count(True) == 1


def test_orders_returns_and_claims(
    api: Api, anna: Api, base_rule: None, in_acme: Brand, now: datetime
) -> None:
    api.post("/orders", order("a"))
    assert not due.orders(now)
    current_brand().settings["auto_complete_days"] = 7
    assert (due.orders(now), due.orders(now + 7 * DAY)) == (False, True)
    api.post("/orders/a/complete")
    api.post("/orders/b/returns", {"return_id": "R-1", "all": True})
    assert (due.orders(now + 7 * DAY), due.orders(now + 30 * DAY)) == (False, True)
    ParkedReturn.objects.update(dropped_at=now)
    anna.post("/me/claims", receipt())
    assert (due.orders(now), due.orders(now + 7 * DAY)) == (False, True)
    api.post("/orders", guest())
    assert due.orders(now)
    assert claims.settle_due(now=now) == 1
    assert not due.orders(now)


def test_policies_and_cells_that_are_not_carried_over(in_acme: Brand, now: datetime) -> None:
    staff("marketing")
    changes: Any = policychanges.change(changes={"claim_days": 3}, actor=OWNER, now=now)
    assert changes is not None
    assert policychanges.is_behind(now)
    policychanges.carry_over(in_acme)
    asked(now)
    assert not compliancechanges.is_any_due(now)
    compliancechanges.approve(number=1, actor="operator:boris@acme.example", now=now)
    assert compliancechanges.is_any_due(now)


def test_handlers_at_work_get_no_second_task(
    api: Api, base_rule: None, acme: Brand, in_acme: Brand, now: datetime
) -> None:
    api.post("/orders", order())
    assert handling.is_any_behind(now)
    assert not is_taken(tasks.HANDLERS)
    with alone(tasks.HANDLERS) as held:
        assert held
        assert is_taken(tasks.HANDLERS)
        assert not is_taken("outbox.jobs")
    assert not is_taken(tasks.HANDLERS)
