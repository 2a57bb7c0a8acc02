"""Claiming what is due: judge it, take the subscription consents, mark it as being sent; one transaction.

Claims of one brand wait for each other, so that two workers cannot both see room under a cap; sending, which
takes the time, does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from campaigns import locks
from campaigns.channels import Outgoing, Setup
from campaigns.models import Channel, Message, MessageTemplateVersion, SubscriptionConsent
from campaigns.services.messages import judging, links, merged, reach, texts, withdrawing
from campaigns.services.messages.judging import Person, Policy, Verdict
from loyalty.lib.compliance import ComplianceMatrix
from loyalty.lib.database import connection
from members import selectors as members
from members.models import Member
from tenants.context import current_brand

log = structlog.get_logger(__name__)
LEASE: Final = timedelta(minutes=3)
MONTH_DAYS: Final = 30
NOT_WRITTEN: Final = Verdict("sender_failed")
REPEATABLE_S: Final = {str(Channel.WECHAT_OFFICIAL): 600 - 60}
"""For how long after the send a lost message may be sent again: the provider's memory, less a margin."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to send until the lease ends; `outgoing` is None for the webhook."""

    message: Message
    setup: Setup
    outgoing: Outgoing | None


def policy_of_brand() -> Policy:
    """The current brand's rules for sending."""
    brand = current_brand()
    return Policy(
        tz=brand.tz,
        matrix=ComplianceMatrix.of(brand.setting("compliance"), brand.setting("compliance_unlocked")),
        quiet=judging.hours(brand.setting("quiet_hours")),
        caps=brand.setting("message_caps"),
    )


def claim(*, worker: str, now: datetime, limit: int = 500) -> tuple[list[Claimed], int]:
    """Claim up to `limit` due messages; returns those to send, and how many were due.

    The others were put off to the end of the quiet hours, or suppressed with their reason.
    """
    maker = links.maker()
    with transaction.atomic():
        locks.message_claims()
        due = locks.due_messages(now, limit)
        if not due:
            return [], 0
        batch = _Batch(due, now, maker)
        verdicts = {message.pk: batch.judge(message) for message in due}
        _put_off(due, verdicts)
        ours = [m for m in due if m.pk in batch.ready]
        _mark(ours, worker, now)
        _take_consents(batch.taken, now)
        return [batch.ready[message.pk] for message in ours], len(due)


class _Batch:
    """What is known about a batch of due messages, read at once, and the judgement of each in turn."""

    def __init__(self, due: Sequence[Message], now: datetime, maker: links.Maker) -> None:
        self._now, self._policy = now, policy_of_brand()
        self._setups = reach.setups()
        self._members = _recipients(due)
        ids = {member.pk for member in self._members.values()}
        self._said = _by_member(members.consents_now(ids, _purposes(due)))
        self._addresses = reach.addresses(ids, self._setups.values())
        self._had = _had(ids, judging.since(now, MONTH_DAYS, self._policy.tz))
        self._bodies = _bodies(due)
        self._counters = self._lock_counters(due)
        # What is tried again after its wake-up was cancelled: the attempt had begun before.
        self._cancelled = withdrawing.cancelled(message.wakeup_id for message in due)
        self._doubled = merged.doubled(due, self._members)
        self._links = maker
        self.ready: dict[UUID, Claimed] = {}
        self.taken: dict[UUID, SubscriptionConsent] = {}

    def judge(self, message: Message) -> Verdict:
        """The verdict; a message that may go is written out and its consent taken."""
        if self._is_forgotten(message):
            return Verdict("no_answer")
        if message.wakeup_id in self._cancelled:
            return Verdict(withdrawing.REASON)
        if message.pk in self._doubled:
            return Verdict(merged.REASON)
        member = self._members[message.member_id]
        setup = self._setups.get(message.channel)
        if setup is None:
            return Verdict("channel_off")
        if not message.template.enabled:
            return Verdict("template_off")
        body = self._bodies[(message.template_id, message.version)]
        verdict = judging.judge(
            purpose=message.purpose,
            channel=message.channel,
            tags=[*body.get("tags", ()), *message.facts.get("tags", ())],
            person=self._person(member),
            policy=self._policy,
            now=self._now,
        )
        if verdict.reason:
            return verdict
        return self._ready(message, member, setup, body)

    def _ready(self, message: Message, member: Member, setup: Setup, body: Mapping[str, Any]) -> Verdict:
        outgoing = None
        if message.channel != Channel.WEBHOOK:
            address = self._addresses.get((member.pk, message.channel))
            if address is None:
                return Verdict("unreachable")
            try:
                outgoing = self.written(message, member, body, address)
            except texts.FactMissing:
                return Verdict("fact_missing")
            except Exception:  # one message must not hold up all that are due
                log.exception("message_not_written", message_id=str(message.pk), channel=message.channel)
                return NOT_WRITTEN
        if outgoing is not None and message.channel in reach.NEED_TEMPLATE and not outgoing.template_id:
            return Verdict("template_missing")
        if message.channel == Channel.WECHAT_SUBSCRIBE:
            assert outgoing is not None
            counter = self._counters.get((member.pk, setup.app_id, outgoing.template_id))
            if counter is None or counter.remaining == 0:
                return Verdict("consent_gone")
            counter.remaining -= 1
            self.taken[message.pk] = counter
        if message.purpose == "marketing":
            self._had[member.pk].append((message.channel, self._now))
        self.ready[message.pk] = Claimed(message, setup, outgoing)
        return judging.SEND

    def written(self, message: Message, member: Member, body: Mapping[str, Any], address: str) -> Outgoing:
        """The message in the member's language. Raises FactMissing."""
        return write_out(
            message_id=message.pk,
            channel=message.channel,
            facts=message.facts,
            member=member,
            body=body,
            address=address,
            link=self._links.click(message.pk) if body.get("link") else "",
            unsubscribe=self._links.unsubscribe(message.pk) if _can_be_stopped(message) else "",
        )

    def _is_forgotten(self, message: Message) -> bool:
        """Whether it may have arrived, and the provider would no longer know it again."""
        memory = REPEATABLE_S.get(message.channel)
        if memory is None or message.sent_at is None:
            return False
        return self._now - message.sent_at >= timedelta(seconds=memory)

    def _person(self, member: Member) -> Person:
        adult, months = judging.facts_of(members.age_facts(member, self._now, self._policy.tz))
        active = member.status == Member.Status.ACTIVE
        return Person(active, adult, months, self._said[member.pk], self._had[member.pk])

    def _lock_counters(self, due: Sequence[Message]) -> dict[tuple[UUID, str, str], SubscriptionConsent]:
        ours = [m for m in due if m.channel == Channel.WECHAT_SUBSCRIBE]
        if not ours:
            return {}
        found = locks.subscription_consents({self._members[m.member_id].pk for m in ours})
        return {(each.member_id, each.app_id, each.template_id): each for each in found}


def language_of(member: Member) -> str:
    """The language a member is written to in: their own, else the brand's first, else Chinese."""
    return member.locale or next(iter(current_brand().languages), "zh-hans")


def write_out(
    *,
    message_id: UUID,
    channel: str,
    facts: Mapping[str, Any],
    member: Member,
    body: Mapping[str, Any],
    address: str,
    link: str,
    unsubscribe: str = "",
) -> Outgoing:
    """A template's texts for one member by one channel. Raises FactMissing."""
    brand, language = current_brand(), language_of(member)
    part = body.get("channels", {}).get(channel, {})
    known = {"member": member.name, "brand": brand.name, "link": link, **facts}
    return Outgoing(
        message_id=str(message_id),
        address=address,
        template_id=texts.template_id(part, language),
        fields=texts.fields(part, known, channel=channel, language=language, tz=brand.tz),
        language=language,
        link=link,
        unsubscribe=unsubscribe,
        page=str(part.get("page", "")),
    )


def _can_be_stopped(message: Message) -> bool:
    return message.purpose == "marketing" and message.channel == Channel.EMAIL


def _recipients(due: Iterable[Message]) -> dict[UUID, Member]:
    """Who gets what was queued for a member: whoever they were merged into, or they themselves."""
    found = Member.objects.select_related("merged_into").filter(pk__in={m.member_id for m in due})
    return {member.pk: member.merged_into or member for member in found}


def _by_member(said: Mapping[tuple[UUID, str], bool]) -> defaultdict[UUID, dict[str, bool]]:
    found: defaultdict[UUID, dict[str, bool]] = defaultdict(dict)
    for (member_id, purpose), word in said.items():
        found[member_id][purpose] = word
    return found


def _purposes(due: Iterable[Message]) -> set[str]:
    return {"marketing", *(f"marketing.{message.channel}" for message in due)}


def _had(member_ids: Iterable[UUID], start: datetime) -> defaultdict[UUID, list[tuple[str, datetime]]]:
    had: defaultdict[UUID, list[tuple[str, datetime]]] = defaultdict(list)
    rows = Message.objects.filter(
        member_id__in=list(member_ids), purpose="marketing", status__in=Message.COUNTED, sent_at__gte=start
    )
    for member_id, channel, at in rows.values_list("member_id", "channel", "sent_at"):
        if at is not None:
            had[member_id].append((channel, at))
    return had


def _bodies(due: Iterable[Message]) -> dict[tuple[UUID, int], dict[str, Any]]:
    rows = MessageTemplateVersion.objects.filter(
        template__in={m.template_id for m in due}, version__in={m.version for m in due}
    )
    return {(row.template_id, row.version): row.body for row in rows}


def _put_off(due: Sequence[Message], verdicts: Mapping[UUID, Verdict]) -> None:
    groups: defaultdict[tuple[Verdict, Message.Status], list[UUID]] = defaultdict(list)
    for message in due:
        verdict = verdicts[message.pk]
        if verdict.reason:
            # A message that waits with an instant of sending was sent before, and may have arrived.
            unsent = Message.Status.FAILED if verdict == NOT_WRITTEN else Message.Status.SUPPRESSED
            status = Message.Status.UNKNOWN if message.sent_at else unsent
            groups[verdict, status].append(message.pk)
    for (verdict, status), ids in groups.items():
        rows = Message.objects.filter(pk__in=ids)
        if verdict.until is not None:
            rows.update(due_at=verdict.until, reason=verdict.reason)
        else:
            rows.update(status=status, reason=verdict.reason, due_at=None)


def _mark(ours: Sequence[Message], worker: str, now: datetime) -> None:
    for message in ours:
        message.attempts += 1
    Message.objects.filter(pk__in=[message.pk for message in ours]).update(
        status=Message.Status.SENDING,
        attempts=F("attempts") + 1,
        claimed_by=worker,
        lease_until=now + LEASE,
        due_at=None,
        reason="",
        detail="",
        # In doubt since the first attempt: the provider's memory goes by that.
        sent_at=Coalesce(F("sent_at"), Value(now)),
    )


def _take_consents(taken: Mapping[UUID, SubscriptionConsent], now: datetime) -> None:
    """Write the counters as they are now, and which message took from which: they are locked."""
    if not taken:
        return
    counters = {counter.pk: counter.remaining for counter in taken.values()}
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_subscriptionconsent s SET remaining = v.left_over, updated_at = %s
               FROM unnest(%s::bigint[], %s::int[]) AS v(id, left_over) WHERE s.id = v.id""",
            [now, list(counters), list(counters.values())],
        )
        cursor.execute(
            """UPDATE campaigns_message m SET consent_id = v.consent
               FROM unnest(%s::uuid[], %s::bigint[]) AS v(id, consent) WHERE m.id = v.id""",
            [list(taken), [counter.pk for counter in taken.values()]],
        )
