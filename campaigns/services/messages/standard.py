"""The messages about the member's own account that every brand has, in Chinese and English.

A brand is given those that it lacks whenever its schema is migrated, so also when it is founded.
The numbers of WeChat's and the text messages' templates are the brand's own: it enters them, and until then
these channels are passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from campaigns.models import Channel, MessageChannel, MessageTemplate, MessageTemplateVersion
from campaigns.services.messages import texts
from loyalty.lib import clock

ACTOR: Final = "template"
CHANNELS: Final = (
    Channel.WECHAT_SUBSCRIBE,
    Channel.WECHAT_OFFICIAL,
    Channel.PUSH,
    Channel.SMS,
    Channel.EMAIL,
    Channel.WEBHOOK,
)
Texts = tuple[str, str]

# By occasion: name, what happened (short), and the whole sentence; each in Chinese and English.
SENTENCES: Final[Mapping[str, tuple[Texts, Texts, Texts]]] = {
    "points.arrived": (
        ("积分到账", "Points arrived"),
        ("{points}{currency}到账", "+{points} {currency}"),
        (
            "{points}{currency}已到账，可用{balance}。{buys}",
            "{points} {currency} arrived; {balance} to spend. {buys}",
        ),
    ),
    "points.spent": (
        ("积分使用", "Points spent"),
        ("使用{points}{currency}", "-{points} {currency}"),
        ("您使用了{points}{currency}，剩余{balance}。", "You spent {points} {currency}; {balance} are left."),
    ),
    "points.given_back": (
        ("积分退还", "Points given back"),
        ("退还{points}{currency}", "+{points} {currency}"),
        (
            "{points}{currency}已退还，可用{balance}。",
            "You got {points} {currency} back; {balance} to spend.",
        ),
    ),
    "points.taken_back": (
        ("积分扣回", "Points taken back"),
        ("扣回{points}{currency}", "-{points} {currency}"),
        (
            "因退货扣回{points}{currency}，可用{balance}。",
            "A return took {points} {currency} back; {balance} to spend.",
        ),
    ),
    "points.expiring": (
        ("积分即将到期", "Points about to expire"),
        ("{points}{currency}即将到期", "{points} {currency} about to expire"),
        (
            "您有{points}{currency}将在{last_day_at}后失效。{buys}",
            "{points} {currency} can be used until {last_day_at}. {buys}",
        ),
    ),
    "tier.upgraded": (
        ("等级提升", "Tier reached"),
        ("升级为{tier}", "You are {tier} now"),
        ("恭喜，您已从{from_tier}升级为{tier}。", "Congratulations: you went from {from_tier} to {tier}."),
    ),
    "tier.downgraded": (
        ("等级变更", "Tier changed"),
        ("等级变为{tier}", "You are {tier} now"),
        ("您的等级由{from_tier}变为{tier}。", "Your tier went from {from_tier} to {tier}."),
    ),
    "tier.downgrade_upcoming": (
        ("等级即将变更", "Tier about to change"),
        ("{from_tier}即将到期", "{from_tier} is about to end"),
        (
            "至{last_day_at}，{needs}可保留{from_tier}。",
            "{needs} by {last_day_at} to stay {from_tier}.",
        ),
    ),
    "claim.accepted": (
        ("补登申请已通过", "Claim accepted"),
        ("补登通过：{points}{currency}", "Accepted: {points} {currency}"),
        (
            "您对订单{order}的补登申请已通过：{points}{currency}。",
            "Your claim for order {order} was accepted: {points} {currency}.",
        ),
    ),
    "claim.rejected": (
        ("补登申请未通过", "Claim not accepted"),
        ("补登申请未通过", "Your claim was not accepted"),
        (
            "您对订单{order}的补登申请未通过：{reason}",
            "Your claim for order {order} was not accepted: {reason}",
        ),
    ),
    "redemption.placed": (
        ("兑换成功", "Reward redeemed"),
        ("已兑换{reward}", "Redeemed: {reward}"),
        ("您用{points}{currency}兑换了{reward}。", "You redeemed {reward} for {points} {currency}."),
    ),
    "redemption.shipped": (
        ("奖品已发货", "Reward shipped"),
        ("{reward}已发货", "On its way: {reward}"),
        (
            "{reward}已由{carrier}发出，单号{tracking_number}。",
            "{reward} is on its way with {carrier}, {tracking_number}.",
        ),
    ),
}
# A redemption spends points; one message about it is enough.
OFF: Final = frozenset({"redemption.placed"})


def _said(texts: Texts) -> dict[str, str]:
    return {"zh-hans": texts[0], "en": texts[1]}


def body_of(event: str) -> dict[str, Any]:
    """The texts of an occasion for every channel."""
    _name, short, whole = SENTENCES[event]
    named = sorted({*texts.placeholders(whole[0]), *texts.placeholders(whole[1])})
    figures = {name: {"zh-hans": f"{{{name}}}"} for name in named}
    return {
        "channels": {
            Channel.WECHAT_SUBSCRIBE: {"template_id": "", "fields": {"thing1": _said(short)}},
            Channel.WECHAT_OFFICIAL: {"template_id": "", "fields": {"thing1": _said(short)}},
            Channel.WECOM: {"fields": {"text": _said(whole)}},
            Channel.SMS: {"template_id": "", "fields": {**figures, "text": _said(whole)}},
            Channel.EMAIL: {"fields": {"subject": _said(short), "text": _said(whole)}},
            Channel.PUSH: {"fields": {"title": _said(_name), "text": _said(whole)}},
            Channel.WEBHOOK: {"fields": {}},
        },
        "link": "",
        "tags": [],
    }


def revision() -> str:
    """A digest of the standard messages: a brand that was brought older ones is visited anew."""
    texts = [(event, body_of(event), event in OFF) for event in SENTENCES]
    return hashlib.sha256(repr(texts).encode()).hexdigest()


def after_migration() -> None:
    """Give the current brand the standard messages that it lacks. Safe to repeat.

    A brand that sends messages already decides itself whether to send these, too: they come switched off.
    """
    with transaction.atomic():
        sends = MessageChannel.objects.filter(enabled=True).exists()
        install(now=clock.now(), enabled=not sends)


def install(*, now: datetime, enabled: bool = True) -> int:
    """Publish the standard messages that the brand lacks; returns how many. Safe to repeat.

    What the brand has for an occasion, or under such a code, is its own and stays as it is.
    """
    taken = set(MessageTemplate.objects.values_list("event", flat=True))
    codes = set(MessageTemplate.objects.values_list("code", flat=True))
    made = [
        MessageTemplate(
            code=code,
            name=_said(name),
            purpose="transactional",
            event=event,
            enabled=enabled and event not in OFF,
            channels=[str(each) for each in CHANNELS],
            current_version=1,
            updated_at=now,
            updated_by=ACTOR,
        )
        for event, (name, _short, _whole) in SENTENCES.items()
        if event not in taken and (code := event.replace(".", "-").replace("_", "-")) not in codes
    ]
    MessageTemplate.objects.bulk_create(made)
    MessageTemplateVersion.objects.bulk_create(
        MessageTemplateVersion(
            template=each, version=1, body=body_of(each.event), published_at=now, published_by=ACTOR
        )
        for each in made
    )
    return len(made)
