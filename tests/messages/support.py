"""Channels, templates and members that can be reached."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from campaigns.models import MessageChannel, MessageTemplate, MessageTemplateVersion
from loyalty.lib import crypto
from members.models import Identity
from members.services import consents

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
