"""Queueing messages: one at a time after an event, or a whole audience in one statement.

What may be sent is judged when a message is due, not here: consent may be withdrawn in between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.fields.json import JSONField

from campaigns import locks
from campaigns.channels import Setup
from campaigns.errors import TemplateNotPublished
from campaigns.models import Channel, Message, MessageTemplate, MessageTemplateVersion, Purpose
from campaigns.services.messages import claiming, inbox, reach, texts
from campaigns.services.messages.reach import NEED_TEMPLATE
from loyalty.lib.database import connection
from members.models import Member

Select = tuple[str, Sequence[Any]]
"""A SELECT of three columns (member id uuid, facts jsonb, variant text) with its parameters."""

_INSERT = """
INSERT INTO campaigns_message (id, member_id, channel, occasion, template_id, version, purpose, facts, status,
  reason, detail, queued_at, due_at, attempts, claimed_by, provider_id, returned_by, wakeup_id, variant)
SELECT points_uuid7(), r.member_id, %s, %s, %s, %s, %s, %s::jsonb || coalesce(r.facts, '{}'::jsonb), 'queued',
  '', '', %s, %s, 0, '', '', '', %s, coalesce(r.variant, '')
FROM (@recipients@) AS r(member_id, facts, variant)
ON CONFLICT (member_id, occasion, channel) DO NOTHING
"""


def queue(
    *,
    template: MessageTemplate,
    member_id: UUID,
    occasion: str,
    facts: Mapping[str, Any],
    now: datetime,
    channel: str | None = None,
    due_at: datetime | None = None,
) -> Message | None:
    """Queue one message to one member; None if the occasion was queued before or no channel is switched on.

    Without `channel` it is the first of the template's channels by which the member can be reached; a member
    who cannot be reached by any gets a row that says so. The choice is made under a lock on the member: of
    two that are queued at once the second one sees the first, and what that takes of WeChat's consents. Call
    it within the transaction of what caused it. Raises TemplateNotPublished.
    """
    version = _version(template)
    with transaction.atomic():
        reason = ""
        if channel is None:
            member = locks.messages_of(member_id)
            if Message.objects.filter(member_id=member_id, occasion=occasion).exists():
                return None
            channel, reason = _choose(template, member)
            if channel is None:
                return None
        message = Message(
            member_id=member_id,
            channel=channel,
            occasion=occasion,
            template=template,
            version=version,
            purpose=template.purpose,
            facts=dict(facts),
            queued_at=now,
            due_at=None if reason else due_at or now,
            status=Message.Status.SUPPRESSED if reason else Message.Status.QUEUED,
            reason=reason,
        )
        Message.objects.bulk_create([message], ignore_conflicts=True)
        return Message.objects.filter(pk=message.pk).first()


def queue_many(
    *,
    template: MessageTemplate,
    channel: str,
    occasion: str,
    recipients: QuerySet[Any] | Select,
    now: datetime,
    due_at: datetime | None = None,
    facts: Mapping[str, Any] | None = None,
    wakeup_id: UUID | None = None,
) -> int:
    """Queue a message to every recipient in one INSERT … SELECT; returns how many were queued.

    `recipients` is a query set of members (`recipients_of` adds facts and a variant to each) or a SELECT with
    its parameters. `facts` hold for all, a recipient's own go before them. Who was queued for this occasion
    before is left out, so the call may be repeated. What a wake-up sends is marketing, whatever its template
    says. Raises TemplateNotPublished.
    """
    version = _version(template)
    select, values = recipients if isinstance(recipients, tuple) else _compiled(recipients)
    shared = json.dumps(dict(facts or {}))
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT.replace("@recipients@", select),
            [
                channel,
                occasion,
                template.pk,
                version,
                Purpose.MARKETING if wakeup_id is not None else template.purpose,
                shared,
                now,
                due_at or now,
                wakeup_id,
                *values,
            ],
        )
        return int(cursor.rowcount)


def recipients_of(members: QuerySet[Any], *, facts: Any = None, variant: Any = None) -> QuerySet[Any]:
    """Members with what is said to each: `facts` and `variant` are expressions over the member's row."""
    said: QuerySet[Any] = members.annotate(
        message_facts=Value({}, JSONField()) if facts is None else facts,
        message_variant=Value("") if variant is None else variant,
    )
    return said


def _compiled(members: QuerySet[Any]) -> Select:
    if "message_facts" not in members.query.annotations:
        members = recipients_of(members)
    rows = members.order_by().values_list(F("pk"), F("message_facts"), F("message_variant"))
    select, values = rows.query.sql_with_params()
    return select, values


def _version(template: MessageTemplate) -> int:
    if template.current_version is None:
        raise TemplateNotPublished
    return template.current_version


def _choose(template: MessageTemplate, member: Member) -> tuple[str | None, str]:
    """The first channel that reaches the member; or one, and why none does; or none at all."""
    body = MessageTemplateVersion.objects.get(template=template, version=_version(template)).body
    on = reach.setups()
    wanted = [on[name] for name in template.channels if name in on and _is_written(body, name)]
    if not wanted:
        return None, ""
    found = reach.addresses([member.pk], wanted)
    for each in wanted:
        if each.channel == Channel.WEBHOOK:
            return each.channel, ""
        if (member.pk, each.channel) not in found:
            continue
        if each.channel != Channel.WECHAT_SUBSCRIBE or _subscribed(body, each, member):
            return each.channel, ""
    return wanted[0].channel, "unreachable"


def _is_written(body: Mapping[str, Any], channel: str) -> bool:
    """Whether the template can go out by this channel: the provider's own template may still be missing."""
    part = body.get("channels", {}).get(channel)
    return part is not None and (channel not in NEED_TEMPLATE or bool(texts.template_id(part, "zh-hans")))


def _subscribed(body: Mapping[str, Any], setup: Setup, member: Member) -> bool:
    """Whether a consent is left beyond those that queued messages are going to take."""
    part = body["channels"][setup.channel]
    template_id = texts.template_id(part, claiming.language_of(member))
    # A sender takes a consent and its message out of the queue together, under the same lock.
    left = sum(
        each.remaining
        for each in locks.subscription_consents([member.pk])
        if (each.app_id, each.template_id) == (setup.app_id, template_id)
    )
    return left > 0 and left > _waiting(member, template_id)


def _waiting(member: Member, template_id: str) -> int:
    """How many of the member's queued messages go out by this template of WeChat's."""
    queued = Message.objects.filter(
        member_id=member.pk, channel=Channel.WECHAT_SUBSCRIBE, status=Message.Status.QUEUED
    )
    language = claiming.language_of(member)
    parts = (each.body["channels"].get(Channel.WECHAT_SUBSCRIBE, {}) for each in inbox.with_texts(queued))
    return sum(texts.template_id(part, language) == template_id for part in parts)
