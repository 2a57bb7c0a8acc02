"""Channels, templates and members that can be reached."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from campaigns.models import (
    Message,
    MessageChannel,
    MessageTemplate,
    MessageTemplateVersion,
    SubscriptionConsent,
)
from campaigns.services import messages
from loyalty.dev import channel_sandbox
from loyalty.dev.channel_sandbox import OFFICIAL_APP_ID
from loyalty.lib import crypto
from members.models import Identity
from members.services import consents
from tests.support.brands import ANNA

MINI = "wx-demo-0001"
WX_TEMPLATE = "wx-template-0001"
BODY: dict[str, Any] = {
    "channels": {
        "wechat_subscribe": {
            "template_id": WX_TEMPLATE,
            "fields": {
                "number1": {"zh-hans": "{points}", "en": "{points}"},
                "thing2": {"zh-hans": "可用 {balance} 积分", "en": "{balance} points to spend"},
            },
        },
        "sms": {
            "template_id": {"zh-hans": "SMS_1", "en": "SMS_2"},
            "fields": {
                "points": {"zh-hans": "{points}", "en": "{points}"},
                "text": {"zh-hans": "您有 {points} 积分。", "en": "You have {points} points."},
            },
        },
        "wechat_official": {
            "template_id": "oa-1",
            "fields": {"thing1": {"zh-hans": "{points} 积分到账", "en": "{points} points arrived"}},
        },
        "wecom": {"fields": {"text": {"zh-hans": "{member},{points} 积分到账"}}},
        "push": {"fields": {"title": {"zh-hans": "到账"}, "text": {"zh-hans": "{points} 积分"}}},
        "webhook": {},
        "email": {
            "fields": {
                "subject": {"zh-hans": "{points} 积分", "en": "{points} points"},
                "text": {"zh-hans": "您有 {points} 积分。{link}", "en": "You have {points} points. {link}"},
            }
        },
    },
    "link": "",
    "tags": [],
}


def template(
    *,
    now: datetime,
    code: str = "hello",
    purpose: str = "marketing",
    channels: tuple[str, ...] = ("wechat_subscribe", "sms"),
    body: dict[str, Any] | None = None,
) -> MessageTemplate:
    """A published template."""
    made = MessageTemplate.objects.create(
        code=code, purpose=purpose, channels=list(channels), current_version=1, updated_at=now
    )
    MessageTemplateVersion.objects.create(template=made, version=1, body=body or BODY, published_at=now)
    return made


def channel(name: str, *, now: datetime, settings: dict[str, Any], **secrets: str) -> MessageChannel:
    """A channel that is switched on."""
    return MessageChannel.objects.create(
        channel=name,
        enabled=True,
        settings=settings,
        secrets=crypto.seal(json.dumps(secrets)) if secrets else "",
        updated_at=now,
    )


def known_by(member_id: UUID, provider: str, subject: str, now: datetime, app_id: str = "") -> None:
    """One more identity of a member."""
    Identity.objects.create(
        member_id=member_id, provider=provider, subject=subject, app_id=app_id, created_at=now
    )


def agrees(member_id: UUID, now: datetime, purpose: str = "marketing", granted: bool = True) -> None:
    """A consent given or withdrawn."""
    consents.say(
        member_id=member_id, purpose=purpose, version="2026-01", granted=granted, source="test", now=now
    )


def all_channels(now: datetime) -> None:
    """Every channel, switched on, with the credentials that the sandbox knows."""
    secret = channel_sandbox.SECRET
    channel("wechat_subscribe", now=now, settings={"app_id": MINI}, secret=secret)
    channel("wechat_official", now=now, settings={"app_id": channel_sandbox.OFFICIAL_APP_ID}, secret=secret)
    channel("wecom", now=now, settings={"corp_id": channel_sandbox.CORP_ID}, secret=secret)
    channel(
        "sms",
        now=now,
        settings={"signature": "Acme", "access_key_id": channel_sandbox.ACCESS_KEY},
        secret=secret,
    )
    channel("email", now=now, settings={"from": "Acme <hello@acme.example>"})
    channel("push", now=now, settings={"app_key": channel_sandbox.PUSH_KEY}, secret=secret)
    channel("webhook", now=now, settings={})


def subscribed(member_id: UUID, times: int, now: datetime, app_id: str = MINI) -> SubscriptionConsent:
    """So many consents to one more subscription message."""
    return SubscriptionConsent.objects.create(
        member_id=member_id,
        app_id=app_id,
        template_id=WX_TEMPLATE,
        remaining=times,
        accepted=times,
        updated_at=now,
    )


def queued(
    template: MessageTemplate,
    channel: str,
    now: datetime,
    member_id: UUID,
    occasion: str = "o-1",
    **facts: Any,
) -> Message:
    """One message that is due now."""
    said = {"points": 39, "balance": 120, **facts}
    message = messages.queue(
        template=template, member_id=member_id, occasion=occasion, facts=said, now=now, channel=channel
    )
    assert message is not None
    return message


def set_channel(name: str, settings: dict[str, Any], **secrets: str) -> None:
    """Change a channel's settings and secrets."""
    MessageChannel.objects.filter(channel=name).update(
        settings=settings, secrets=crypto.seal(json.dumps(secrets))
    )


def switch_off(name: str) -> None:
    """The channel sends nothing from now on."""
    MessageChannel.objects.filter(channel=name).update(enabled=False)


ADDRESSES = {
    "wechat_subscribe": ("openid", "o-anna", MINI),
    "wechat_official": ("openid", "oa-anna", OFFICIAL_APP_ID),
    "wecom": ("wecom", "wm-anna", ""),
    "sms": ("phone", "+8613800000555", ""),
    "email": ("email", "anna@example.com", ""),
    "push": ("push", "reg-anna", ""),
}


def addressed(
    channel: str,
    now: datetime,
    *,
    address: str | None = None,
    purpose: str = "transactional",
    body: Any = None,
) -> Message:
    """A message to Anna by this channel, which she is known to and has agreed to."""
    provider, subject, app_id = ADDRESSES[channel]
    known_by(ANNA, provider, address or subject, now, app_id)
    if channel == "wechat_subscribe":
        subscribed(ANNA, 2, now)
    made = template(now=now, purpose=purpose, channels=(channel,), body=body)
    return queued(made, channel, now, ANNA)


def fresh(message: Message) -> Message:
    """The message as it is stored now."""
    return Message.objects.get(pk=message.pk)
