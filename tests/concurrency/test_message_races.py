"""Several senders at once: a consent is used once, a cap holds, nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import F

from campaigns.models import Message, MessageTemplate, SubscriptionConsent
from campaigns.services import messages
from campaigns.services.messages import claiming, subscriptions
from tenants.models import Brand
from tests.concurrency.test_ledger_races import at_once, brand
from tests.concurrency.test_wakeup_races import meanwhile
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


def _queue(template: MessageTemplate, now: datetime, occasion: str) -> str | None:
    """Queue one message by whatever channel is chosen; that channel."""
    facts = {"points": 39, "balance": 120}
    found = messages.queue(template=template, member_id=ANNA, occasion=occasion, facts=facts, now=now)
    return found.channel if found else None


def _by_wechat_or_text(now: datetime, consents: int) -> MessageTemplate:
    support.all_channels(now)
    support.known_by(ANNA, "openid", "o-anna", now, support.MINI)
    support.known_by(ANNA, "phone", "+8613800000555", now)
    support.subscribed(ANNA, consents, now)
    return support.template(now=now, purpose="transactional")


def test_two_that_are_queued_at_once_are_not_both_promised_one_consent(brand: Brand, now: datetime) -> None:
    template = _by_wechat_or_text(now, consents=1)
    first: list[str | None] = []
    second = meanwhile(
        brand,
        lambda: first.append(_queue(template, now, "o-1")),
        lambda: _queue(template, now, "o-2"),
    )
    assert (first, second) == (["wechat_subscribe"], "sms")
    assert _claim(now, 1) == 2
    assert SubscriptionConsent.objects.get().remaining == 0
    assert set(Message.objects.values_list("status", flat=True)) == {"sending"}


def test_many_that_are_queued_at_once_take_as_many_consents_as_there_are(brand: Brand, now: datetime) -> None:
    template = _by_wechat_or_text(now, consents=3)
    chosen = at_once(brand, [lambda n=n: _queue(template, now, f"o-{n}") for n in range(8)])
    assert sorted(chosen) == ["sms"] * 5 + ["wechat_subscribe"] * 3
    at_once(brand, [lambda n=n: _claim(now, n) for n in range(3)])
    assert set(Message.objects.values_list("status", flat=True)) == {"sending"}
    assert SubscriptionConsent.objects.get().remaining == 0


def test_an_occasion_that_is_queued_twice_at_once_is_told_by_one_channel(brand: Brand, now: datetime) -> None:
    template = _by_wechat_or_text(now, consents=1)
    # As it was read by another worker before its channels were changed.
    before = MessageTemplate.objects.get()
    before.channels = ["sms"]
    again = meanwhile(brand, lambda: _queue(template, now, "o-1"), lambda: _queue(before, now, "o-1"))
    assert again is None
    assert list(Message.objects.values_list("channel", flat=True)) == ["wechat_subscribe"]
