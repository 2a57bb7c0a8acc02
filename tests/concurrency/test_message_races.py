"""Several senders at once: a consent is used once, a cap holds, nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import F

from campaigns.models import Message, SubscriptionConsent
from campaigns.services.messages import claiming, subscriptions
from tenants.models import Brand
from tests.concurrency.test_ledger_races import at_once, brand
from tests.messages import support
from tests.support.brands import ANNA, BORIS

__all__ = ["brand"]


def _claim(now: datetime, worker: int) -> int:
    """Claim one after the other until nothing is due, as a sender that is always cut short."""
    claimed = 0
    while True:
        found, due = claiming.claim(worker=f"w-{worker}", now=now, limit=3)
        claimed += len(found)
        if not due:
            return claimed


def test_parallel_claims_never_use_a_consent_twice(brand: Brand, now: datetime) -> None:
    support.all_channels(now)
    support.known_by(ANNA, "openid", "o-anna", now, support.MINI)
    support.subscribed(ANNA, 5, now)
    template = support.template(now=now, purpose="transactional")
    for number in range(24):
        support.queued(template, "wechat_subscribe", now, ANNA, f"o-{number}")
    work: list[Callable[[], Any]] = [lambda n=n: _claim(now, n) for n in range(6)]
    work += [
        lambda: subscriptions.report(member_id=ANNA, answers={support.WX_TEMPLATE: "accept"}, now=now)
        for _n in range(3)
    ]
    results = at_once(brand, work)
    counter = SubscriptionConsent.objects.get()
    sending = Message.objects.filter(status="sending").count()
    assert sum(each for each in results if isinstance(each, int)) == sending
    assert (counter.accepted, counter.remaining + sending) == (8, 8)
    assert sending >= 5
    assert not Message.objects.filter(attempts__gt=1).exists()
    assert SubscriptionConsent.objects.filter(remaining__lte=F("accepted"), remaining__gte=0).count() == 1


def test_parallel_claims_keep_the_cap(brand: Brand, now: datetime) -> None:
    support.all_channels(now)
    for member_id, phone in ((ANNA, "+8613800000555"), (BORIS, "+8613800000556")):
        support.known_by(member_id, "phone", phone, now)
        support.agrees(member_id, now)
    template = support.template(now=now)
    for number in range(12):
        for member_id in (ANNA, BORIS):
            support.queued(template, "sms", now, member_id, f"o-{number}")
    at_once(brand, [lambda n=n: _claim(now, n) for n in range(6)])
    assert sorted(Message.objects.filter(status="sending").values_list("member", flat=True)) == [ANNA, BORIS]
    assert Message.objects.filter(status="suppressed", reason="cap").count() == 22
