"""What became of messages: recorded together, and once. A consent is given back where nothing was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from campaigns import locks
from campaigns.channels import Answer, Outcome
from campaigns.models import Channel, Message, SubscriptionConsent
from campaigns.services.messages.claiming import LEASE
from loyalty.lib.database import connection
from loyalty.outbox import services as outbox

ATTEMPTS: Final = 6
# How often a message that may have arrived is tried, while the provider still drops what it has sent before.
ATTEMPTS_IN_DOUBT: Final = {"wechat_official": 3}
AGAIN: Final = tuple(timedelta(seconds=s) for s in (15, 60, 300, 1800, 7200))
CHANGED: Final = ("status", "reason", "detail", "due_at", "lease_until", "sent_at", "consent")


def record(*, worker: str, answers: Mapping[UUID, Answer], now: datetime) -> int:
    """Write what became of the messages that `worker` has in hand; returns how many were still its own."""
    with transaction.atomic():
        ours = locks.sending_messages(list(answers))
        back: Counter[int] = Counter()
        gone: set[int] = set()
        written, others = 0, []
        sent: dict[UUID, str] = {}
        for message_id, message in ours.items():
            if message.claimed_by != worker:
                continue
            answer = answers[message_id]
            if message.consent_id is not None:
                _settle_consent(message, answer, back, gone)
            written += 1
            if answer.outcome == Outcome.SENT:
                sent[message_id] = answer.provider_id
                continue
            _apply(message, answer, now)
            others.append(message)
        _mark_sent(sent, now)
        Message.objects.bulk_update(others, CHANGED)
        _give_back(back, gone, now)
        return written


def recover(*, now: datetime, repeatable_s: Mapping[str, int], limit: int = 500) -> int:
    """See to messages whose worker was lost between sending and recording; returns how many.

    Where the provider drops repeats and still remembers, the message is sent again once, so that it knows
    the first attempt at the last one, too; elsewhere it may have arrived, so it is marked as not known and
    never sent again.
    """
    with transaction.atomic():
        lost = locks.lost_messages(now, limit)
        for message in lost:
            assert message.sent_at is not None
            safe = timedelta(seconds=repeatable_s.get(message.channel, 0))
            message.lease_until = None
            surely_unsent = message.channel == Channel.WEBHOOK  # the event is written with the record
            repeatable = message.attempts == 1 and now - message.sent_at < safe
            if surely_unsent:
                message.sent_at = None
            if surely_unsent or repeatable:
                message.status, message.due_at, message.reason = Message.Status.QUEUED, now, "worker_lost"
            else:
                message.status, message.reason = Message.Status.UNKNOWN, "worker_lost"
        Message.objects.bulk_update(lost, ["status", "reason", "due_at", "lease_until", "sent_at"])
        return len(lost)


def publish(*, messages: Iterable[Message], worker: str, now: datetime) -> None:
    """The webhook's messages: each is an event in the outbox, and sent by the same transaction."""
    with transaction.atomic():
        ours = locks.sending_messages([message.pk for message in messages])
        answers = {}
        for message in ours.values():
            if message.claimed_by != worker:
                continue
            event_id = outbox.publish(
                type="message.sent",
                payload={
                    "message_id": str(message.pk),
                    "member_id": str(message.member_id),
                    "template": message.template.code,
                    "occasion": message.occasion,
                    "purpose": message.purpose,
                    "facts": message.facts,
                },
                member_id=message.member_id,
                occurred_at=now,
            )
            answers[message.pk] = Answer(Outcome.SENT, provider_id=str(event_id))
        record(worker=worker, answers=answers, now=now)


def _mark_sent(sent: Mapping[UUID, str], now: datetime) -> None:
    """What went well, which is nearly all of it, in one statement."""
    if not sent:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message m
               SET status = 'sent', reason = '', detail = '', lease_until = NULL, sent_at = %s,
                   provider_id = v.number
               FROM unnest(%s::uuid[], %s::text[]) AS v(id, number) WHERE m.id = v.id""",
            [now, list(sent), [number[:120] for number in sent.values()]],
        )


def _apply(message: Message, answer: Answer, now: datetime) -> None:
    assert message.sent_at is not None
    assert message.lease_until is not None
    was_in_doubt = message.sent_at < message.lease_until - LEASE  # since an attempt before this one
    message.lease_until, message.detail, message.reason = None, answer.detail, answer.reason
    if answer.outcome != Outcome.UNKNOWN and not was_in_doubt:
        message.sent_at = None  # it was not
    if answer.outcome == Outcome.CONSENT_GONE:
        message.status = Message.Status.SUPPRESSED
    elif answer.outcome == Outcome.UNKNOWN and message.attempts < ATTEMPTS_IN_DOUBT.get(message.channel, 0):
        message.status, message.due_at = Message.Status.QUEUED, now + AGAIN[0]
    elif answer.outcome == Outcome.UNKNOWN:
        message.status = Message.Status.UNKNOWN
    elif answer.outcome == Outcome.REFUSED or message.attempts >= ATTEMPTS:
        message.status = Message.Status.FAILED
    else:
        wait = AGAIN[min(message.attempts, len(AGAIN)) - 1]
        if answer.again_in_s is not None:
            wait = max(wait, timedelta(seconds=answer.again_in_s))
        message.status, message.due_at = Message.Status.QUEUED, now + wait


def _settle_consent(message: Message, answer: Answer, back: Counter[int], gone: set[int]) -> None:
    """A consent that the provider did not use is given back; one that it says is gone is gone for all."""
    assert message.consent_id is not None
    if answer.outcome == Outcome.CONSENT_GONE:
        gone.add(message.consent_id)
    elif answer.outcome in (Outcome.RETRY, Outcome.REFUSED):
        back[message.consent_id] += 1
        message.consent_id = None


def _give_back(back: Mapping[int, int], gone: Iterable[int], now: datetime) -> None:
    for consent, count in sorted(back.items()):
        SubscriptionConsent.objects.filter(pk=consent).update(
            remaining=F("remaining") + count, updated_at=now
        )
    SubscriptionConsent.objects.filter(pk__in=list(gone)).update(remaining=0, updated_at=now)
