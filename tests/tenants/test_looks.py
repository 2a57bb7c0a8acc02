"""What ticks look at before they send a task of work that is no due row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache

from campaigns import due
from campaigns.models import WakeupRecipient
from campaigns.services import campaigns, claims, programme, seennames, segments, simulation, wakeups
from campaigns.tasks import tick_days, tick_names, tick_orders, tick_returns, tick_segments
from loyalty.analytics.services.programme import reckon
from loyalty.analytics.tasks import tick_budgets, tick_programme
from loyalty.lib import clock
from loyalty.lib.database import connection
from loyalty.lib.idempotency import KEPT
from loyalty.outbox import handling, jobs, relay, tasks
from loyalty.outbox import services as outbox
from loyalty.outbox.models import Job
from members.models import ParkedReturn
from partners import services as partners
from partners.models import BatchLine
from partners.tasks import tick_tidy as tick_leftovers
from points import services as points
from points.models import Entry, LogPosition
from points.services import sealing, tiernotices, tiers
from points.tasks import (
    DUE,
    MISSED_WITHIN,
    settle_due,
    tick_due,
    tick_missed,
    tick_notices,
    tick_seal,
    tick_tier_notices,
    tick_tiers,
)
from tenants.context import current_brand, in_brand
from tenants.fanout import alone, is_taken
from tenants.models import Brand
from tenants.operators import compliancechanges, policychanges
from tenants.tasks import tick_policies
from tests.audiences.shapes import segment, where
from tests.audiences.wakeupshapes import go, reached, scheduled, template
from tests.campaigns.shapes import started
from tests.claims.conftest import anna
from tests.claims.shapes import guest, receipt
from tests.orders.conftest import base_rule, publish
from tests.orders.shapes import multiplier, order, priced
from tests.orders.test_activities import fixed
from tests.points.support import earn
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tenants.test_compliance_changes import ANNA as OWNER
from tests.tenants.test_compliance_changes import asked, staff
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db
__all__ = ["anna", "base_rule", "publish"]
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
Sends = Callable[..., bool]


def test_brands_at_rest_get_no_tasks(acme: Brand, globex: Brand) -> None:
    ticks = (tick_budgets, tick_seal, tick_notices, tick_tiers, tick_tier_notices, tick_orders, tick_policies)
    more = (tick_days, tick_names, tick_segments, tick_returns, tick_programme, tick_missed)
    last = (tasks.tick_tidy, tick_leftovers, tasks.tick_jobs, tick_due)
    assert [tick() for tick in ticks + more + last] == [0] * 17
    assert tick_returns(everything=True) == 0


@pytest.fixture
def once(in_acme: Brand) -> Iterator[Sends]:
    """Whether a tick sends one task; no more, for the other brand is at rest."""
    brand = connection.tenant

    def sends(tick: Callable[..., int], at: datetime, **how: Any) -> bool:
        connection.set_schema_to_public()
        try:
            with clock.frozen(at):
                cache.clear()  # nothing waits in the queue
                return bool({0: 0, 1: 1}[tick(**how)])
        finally:
            connection.set_tenant(brand)

    yield sends
    cache.clear()


def test_a_brand_that_is_at_it_gets_no_second_task(in_acme: Brand, now: datetime, once: Sends) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + DAY)
    with alone(DUE):
        assert not once(tick_due, now + DAY)
    assert (once(tick_due, now), once(tick_due, now + DAY)) == (False, True)


def test_what_waits_in_the_queue_is_not_sent_again(in_acme: Brand, now: datetime, once: Sends) -> None:
    earn(ANNA, 10, "a", now=now, expires_at=now + DAY)
    assert once(tick_due, now + DAY)
    connection.set_schema_to_public()
    with clock.frozen(now + DAY):
        assert tick_due() == 0
        with in_brand(in_acme):
            settle_due.before_start("id", (), {})
        assert tick_due() == 1


def test_names_of_orders(api: Api, in_acme: Brand, now: datetime, once: Sends) -> None:
    api.post("/orders", order("a"))
    seen = now + seennames.LAG
    assert (once(tick_names, seen - TICK), once(tick_names, seen)) == (False, True)
    assert seennames.note(now=seen)
    assert not once(tick_names, seen)


def test_days_that_a_rule_waits_for(
    publish: Callable[..., None], in_acme: Brand, now: datetime, once: Sends
) -> None:
    publish(fixed("welcome", 5, "member.enrolled"))
    assert not once(tick_days, now)
    publish(fixed("birthday", 5, "member.birthday"))
    assert once(tick_days, now)


def test_segments_due_named_and_named_no_more(
    api: Api, publish: Callable[..., None], in_acme: Brand, now: datetime, once: Sends
) -> None:
    segment(api, "new", where("member.enrolled_days", "gte", 0))
    assert not once(tick_segments, now)
    api.post("/earning-rules", multiplier("two", "2", audience={"segment": "new"}))
    assert once(tick_segments, now)
    assert segments.refresh_due(now=now) == 1
    later = now + segments.REFRESHED_EVERY
    assert [once(tick_segments, at) for at in (now, later - TICK, later)] == [False, False, True]
    api.patch("/earning-rules/two", {"audience": {"segment": "all"}})
    assert once(tick_segments, now)
    segments.refresh_due(now=now)
    assert not once(tick_segments, later)


def test_who_may_have_come_back(api: Api, in_acme: Brand, now: datetime, once: Sends) -> None:
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    scheduled(api, task={"points": 100, "days": 7, "budget": 200})
    go(now)
    reached([ANNA], now)
    later, over = now + timedelta(hours=1), now + 15 * DAY
    assert [once(tick_returns, at) for at in (now, later, over)] == [False, False, True]
    assert once(tick_returns, later, everything=True)
    with clock.frozen(later):
        api.post("/orders", priced("a", "10", ordered_at=(later - timedelta(minutes=1)).isoformat()))
    assert (once(tick_returns, later), once(tick_returns, later + timedelta(minutes=16))) == (True, False)
    assert wakeups.look_at_orders(now=later).paid == 1
    WakeupRecipient.objects.filter(task="open").update(task="expired")
    assert not once(tick_returns, later)
    with clock.frozen(later):
        api.post("/orders/a/cancel")
    assert once(tick_returns, later)
    assert wakeups.look_at_orders(now=later).taken_back == 1
    assert not once(tick_returns, later, everything=True)


def test_a_programme_with_a_limit(in_acme: Brand, now: datetime, once: Sends) -> None:
    programme.set_plan(period="year", amount=Decimal(1000), actor="test", now=now)
    assert once(tick_programme, now)
    reckoned = reckon(now=now)
    programme.set_plan(period="year", amount=None, actor="test", now=now)
    assert not once(tick_programme, now)
    assert reckoned is not None
    reckoned.status = "reached"
    reckoned.save()
    assert once(tick_programme, now)
    reckon(now=now)
    assert not once(tick_programme, now)


def test_entries_that_the_sealer_may_have_missed(in_acme: Brand, now: datetime, once: Sends) -> None:
    earn(ANNA, 10, "a", now=now)
    assert (once(tick_missed, now), once(tick_missed, now + MISSED_WITHIN + TICK)) == (True, False)


def test_what_is_to_be_tidied(api: Api, in_acme: Brand, now: datetime, once: Sends) -> None:
    assert api.post("/members", {"external_id": "C-x"}, key="k" * 20).status_code == 201
    old = now + KEPT
    assert (once(tasks.tick_tidy, old - TICK), once(tasks.tick_tidy, old)) == (False, True)
    outbox.forget_answers(now=old, limit=10)
    assert not once(tasks.tick_tidy, old)
    ended = {"status": "succeeded", "started_at": now, "finished_at": now}
    done = jobs.ask(kind="orders.batch", total=0, params={}, asked_by="test", now=now)
    Job.objects.filter(pk=done.pk).update(result={}, **ended)
    assert once(tasks.tick_tidy, now + jobs.RESULTS_KEPT)
    jobs.forget_results(now=now + jobs.RESULTS_KEPT)
    assert not once(tasks.tick_tidy, now + jobs.RESULTS_KEPT)
    BatchLine.objects.create(job=done, line=1, content=b"")
    assert (once(tick_leftovers, now), once(tick_leftovers, now + 400 * DAY)) == (False, True)
    assert partners.forget_batches(now=now + 400 * DAY, limit=5) == 1
    assert not once(tick_leftovers, now + 400 * DAY)
    gone, _secret = partners.create_endpoint(url="https://1.1.1.1/h", now=now)
    partners.delete_endpoint(endpoint_id=gone.pk, now=now)
    assert once(tick_leftovers, now + 400 * DAY)


def test_a_job_in_either_lane(in_acme: Brand, now: datetime, once: Sends) -> None:
    job = jobs.ask(kind="orders.batch", total=0, params={}, asked_by="test", now=now)
    assert once(tasks.tick_jobs, now)
    jobs.cancel(job_id=job.pk, now=now)
    assert not once(tasks.tick_jobs, now)
    jobs.ask(kind=simulation.KIND, total=0, params={}, asked_by="test", now=now)
    with alone(tasks.READING, of_all_brands=True):
        assert not once(tasks.tick_jobs, now)  # one at a time on the whole platform
    assert once(tasks.tick_jobs, now)


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
    # The notice is news, after which there is none until something happens or midnight comes.
    relay.run()
    assert points.may_announce(later)
    assert points.announce_expiring(now=later) == 0
    assert not points.may_announce(later + timedelta(hours=13))
    assert points.may_announce(later + timedelta(hours=14))
    earn(ANNA, 10, "b", now=later, expires_at=later + DAY)
    assert points.may_announce(later)
    relay.run()
    assert points.may_announce(later)
    assert points.announce_portion(now=later, limit=1).more
    assert points.may_announce(later)


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
