"""Consents to WeChat subscription messages, as the mini-program reports them: one consent, one message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from campaigns.errors import ChannelOff
from campaigns.models import Channel, MessageTemplateVersion, SubscriptionConsent
from campaigns.services.messages import reach, texts
from loyalty.lib.database import connection
from loyalty.lib.errors import FieldError, Invalid, escaped

ACCEPTED: Final = frozenset({"accept", "acceptWithAudio", "acceptWithAlert"})
ANSWERS: Final = (*sorted(ACCEPTED), "reject", "ban", "filter")

_COUNT = """
INSERT INTO campaigns_subscriptionconsent (member_id, app_id, template_id, remaining, accepted, updated_at)
VALUES (%s, %s, %s, 1, 1, %s)
ON CONFLICT (member_id, app_id, template_id) DO UPDATE
SET remaining = campaigns_subscriptionconsent.remaining + 1,
    accepted = campaigns_subscriptionconsent.accepted + 1, updated_at = EXCLUDED.updated_at
"""


def report(*, member_id: UUID, answers: Mapping[str, str], now: datetime) -> None:
    """Count what a member answered to `wx.requestSubscribeMessage`; what was not accepted counts nothing.

    WeChat lets a consent be given again and again, so the caller's Idempotency-Key tells a repeated report
    from a second consent. Raises ChannelOff, and Invalid for a template that no message of the brand uses.
    """
    app_id = _app_id()
    known = set(offered())
    unknown = sorted(set(answers) - known)
    if unknown:
        raise Invalid(
            [
                FieldError(f"/answers/{escaped(each)}", "unknown", _("No message uses this template."))
                for each in unknown
            ]
        )
    with transaction.atomic(), connection.cursor() as cursor:
        for template_id in sorted(each for each, answer in answers.items() if answer in ACCEPTED):
            cursor.execute(_COUNT, [member_id, app_id, template_id, now])


def of_member(member_id: UUID) -> list[dict[str, Any]]:
    """The templates to ask consent for, with the messages they stand for and how many are still allowed.

    Raises ChannelOff.
    """
    app_id, known = _app_id(), offered()
    left = dict(
        SubscriptionConsent.objects.filter(member_id=member_id, app_id=app_id).values_list(
            "template_id", "remaining"
        )
    )
    return [
        {"template_id": template_id, "messages": names, "remaining": left.get(template_id, 0)}
        for template_id, names in sorted(known.items())
    ]


def offered() -> dict[str, list[Any]]:
    """WeChat's templates that switched-on messages use, and the names of those messages."""
    found: dict[str, list[Any]] = {}
    versions = MessageTemplateVersion.objects.filter(
        template__enabled=True, version=F("template__current_version")
    )
    for version in versions.select_related("template").order_by("template__code"):
        template = version.template
        if Channel.WECHAT_SUBSCRIBE not in template.channels:
            continue
        part = version.body.get("channels", {}).get(Channel.WECHAT_SUBSCRIBE, {})
        for language in ("zh-hans", "en"):
            template_id = texts.template_id(part, language)
            if template_id and template.name not in found.get(template_id, []):
                found.setdefault(template_id, []).append(template.name)
    return found


def merge(*, from_member_id: UUID, into_member_id: UUID, now: datetime) -> None:
    """Add the consents of a member who is merged to those of the one who stays. The caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_subscriptionconsent
                 (member_id, app_id, template_id, remaining, accepted, updated_at)
               SELECT %s, app_id, template_id, remaining, accepted, %s FROM campaigns_subscriptionconsent
               WHERE member_id = %s AND remaining > 0
               ON CONFLICT (member_id, app_id, template_id) DO UPDATE
               SET remaining = campaigns_subscriptionconsent.remaining + EXCLUDED.remaining,
                   accepted = campaigns_subscriptionconsent.accepted + EXCLUDED.accepted,
                   updated_at = EXCLUDED.updated_at""",
            [into_member_id, now, from_member_id],
        )
    SubscriptionConsent.objects.filter(member_id=from_member_id).update(remaining=0, updated_at=now)


def _app_id() -> str:
    setup = reach.setups().get(Channel.WECHAT_SUBSCRIBE)
    if setup is None:
        raise ChannelOff(channel=str(Channel.WECHAT_SUBSCRIBE))
    return setup.app_id
