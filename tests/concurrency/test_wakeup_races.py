"""Cancelling a wake-up while its worker is at it, over two real connections."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction

from campaigns import locks
from campaigns.models import AudienceGrant, Message, WakeupRun
from campaigns.services import audiencegrants, decided, wakeups
from campaigns.services.merging import merge_members
from campaigns.services.messages import claiming
from loyalty.lib import clock
from mall.models import Grant
from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.audiences.shapes import segment, where
from tests.audiences.wakeupshapes import first, scheduled, template
from tests.concurrency.test_ledger_races import _all_wait, brand
from tests.conftest import NOW
from tests.messages import support
from tests.points.support import assert_sound, numbers
from tests.support import brands
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

__all__ = ["brand"]


@pytest.fixture
def run(brand: Brand, now: datetime) -> WakeupRun:
    """A run that has begun and queued nothing yet."""
    api = Api("acme.localhost", brands.key("acme"))
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    scheduled(api)
    wakeups.start_due(now=now)
    return WakeupRun.objects.get()


def meanwhile(brand: Brand, held: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """What `other` returns on a connection of its own, which waits for what `held` does in a transaction."""

    def run() -> Any:
        try:
            with clock.frozen(NOW), in_brand(brand):
                return other()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            held()
            waiting: Future[Any] = pool.submit(run)
            _all_wait(1)
        return waiting.result(30)


def test_a_batch_that_meets_the_cancelling_queues_nothing(
    brand: Brand, run: WakeupRun, now: datetime
) -> None:
    def cancel_that_saw_no_run() -> None:
        # It looked for runs just before this one began: it holds the wake-up, and not the run.
        wakeup = locks.wakeup("come-back")
        assert wakeup is not None
        decided.end(wakeup, "cancelled", actor="t", now=now, before=("running",))
        wakeup.save()

    took = meanwhile(brand, cancel_that_saw_no_run, lambda: wakeups.run_batch(run_id=run.pk, now=now))
    run.refresh_from_db()
    assert (took, run.status, Message.objects.count()) == (False, "cancelled", 0)


def test_the_cancelling_withdraws_what_a_batch_queued_meanwhile(
    brand: Brand, run: WakeupRun, now: datetime
) -> None:
    meanwhile(
        brand,
        lambda: wakeups.run_batch(run_id=run.pk, now=now, batch=2),
        lambda: wakeups.cancel(code="come-back", actor="t", now=now),
    )
    rows = Message.objects.values_list("status", "reason")
    assert list(rows) == [("suppressed", "withdrawn")] * 2
    assert wakeups.run_batch(run_id=run.pk, now=now) is False
    assert Message.objects.count() == 2


def test_what_a_sender_claims_meanwhile_is_left_to_it(brand: Brand, run: WakeupRun, now: datetime) -> None:
    support.channel("sms", now=now, settings={"signature": "Acme"})
    for number, member_id in enumerate((ANNA, BORIS, CHEN)):
        support.known_by(member_id, "phone", f"+861380000055{number}", now)
        support.agrees(member_id, now)
    wakeups.run_batch(run_id=run.pk, now=now)
    first(ANNA)
    meanwhile(
        brand,
        lambda: claiming.claim(worker="w", now=now, limit=1),
        lambda: wakeups.cancel(code="come-back", actor="t", now=now),
    )
    told = dict(Message.objects.values_list("member_id", "status"))
    assert told == {ANNA: "sending", BORIS: "suppressed", CHEN: "suppressed"}


@pytest.mark.parametrize(("member_id", "into"), [(ANNA, BORIS), (BORIS, ANNA)])
def test_a_batch_of_a_grant_that_meets_a_merge_gives_once(
    brand: Brand, now: datetime, member_id: UUID, into: UUID
) -> None:
    api = Api("acme.localhost", brands.key("acme"))
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    for each in (ANNA, BORIS, CHEN):
        points.open_account(member_id=each, now=now)
    values = {"segment": "everybody", "points": 100, "budget": 300, "reason": "x", "name": {"en": "x"}}
    grant = audiencegrants.create(code="sorry", values=values, actor="a", now=now)
    AudienceGrant.objects.update(status="scheduled", due_at=now, submitted_by="a", approved_by="b")
    # The batch has chosen its members when the merge is seen: it waits at their accounts.
    meanwhile(
        brand,
        lambda: merge_members(member_id=member_id, into_id=into, actor="t", now=now),
        lambda: audiencegrants.give_batch(grant_id=grant.pk, now=now),
    )
    assert (numbers(into)[0], numbers(member_id)[0], numbers(CHEN)[0]) == (100, 0, 100)
    while audiencegrants.give_batch(grant_id=grant.pk, now=now):
        pass
    assert numbers(into)[0] == 100
    grant.refresh_from_db()
    assert (grant.given, grant.refused, grant.spent, grant.status) == (2, 0, 200, "done")
    assert_sound()


def test_a_batch_of_gifts_that_meets_a_merge_gives_once(brand: Brand, now: datetime) -> None:
    api = Api("acme.localhost", brands.key("acme"))
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    for each in (ANNA, BORIS, CHEN):
        points.open_account(member_id=each, now=now)
    gift = {"kind": "coupon", "code": "five-off"}
    values = {"segment": "everybody", "gift": gift, "budget": 3, "reason": "x", "name": {"en": "x"}}
    grant = audiencegrants.create(code="sorry", values=values, actor="a", now=now)
    AudienceGrant.objects.update(status="scheduled", due_at=now, submitted_by="a", approved_by="b")
    meanwhile(
        brand,
        lambda: merge_members(member_id=ANNA, into_id=BORIS, actor="t", now=now),
        lambda: audiencegrants.give_batch(grant_id=grant.pk, now=now),
    )
    assert sorted(Grant.objects.values_list("member_id", flat=True)) == [BORIS, CHEN]
