"""The demo brand's channels: they lead to the stand-in for the providers that `make up` starts."""

from __future__ import annotations

import zlib
from copy import deepcopy
from datetime import datetime

from campaigns.models import Channel, MessageTemplate
from campaigns.services.messages import channelsetup, templating
from loyalty.dev import channel_sandbox
from tenants.context import in_brand
from tenants.models import Brand

ACTOR = "demo"


def connect(brand: Brand, *, now: datetime) -> None:
    """Switch the channels on and enter the providers' template numbers. Safe to repeat."""
    secret = {"secret": channel_sandbox.SECRET}
    wanted = {
        Channel.WECHAT_SUBSCRIBE: secret,
        Channel.SMS: {
            "signature": channel_sandbox.SIGNATURES[0],
            "access_key_id": channel_sandbox.ACCESS_KEY,
            **secret,
        },
        Channel.EMAIL: {"from": "鲜集超市 <hello@demo.example>"},
        Channel.PUSH: {"app_key": channel_sandbox.PUSH_KEY, **secret},
    }
    with in_brand(brand):
        for channel, values in wanted.items():
            channelsetup.save(channel=channel, enabled=True, values=values, actor=ACTOR, now=now)
        for template in MessageTemplate.objects.order_by("code"):
            _number(template, now)


def _number(template: MessageTemplate, now: datetime) -> None:
    """Enter made-up numbers for the template's texts, where there are none."""
    body = deepcopy(templating.working(template))
    numbers = {
        Channel.WECHAT_SUBSCRIBE: f"demo-{template.code}",
        Channel.SMS: f"SMS_{zlib.crc32(template.code.encode()) % 10**6:06d}",
    }
    for channel, number in numbers.items():
        part = body["channels"].get(channel)
        if part is not None and not part.get("template_id"):
            part["template_id"] = number
    if body == templating.working(template):
        return
    templating.save(
        code=template.code,
        name=template.name,
        purpose=template.purpose,
        event=template.event,
        enabled=template.enabled,
        channels=template.channels,
        body=body,
        actor=ACTOR,
        now=now,
    )
    templating.publish(code=template.code, actor=ACTOR, now=now)
