"""How a member is reached: the channels as the brand set them up, and the members' addresses there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from cryptography.fernet import InvalidToken

from campaigns.channels import Setup
from campaigns.models import Channel, MessageChannel
from loyalty.lib import crypto
from members.models import Identity
from tenants.context import current_brand

# The identity that is the address on a channel; a webhook needs none.
PROVIDERS: Final = {
    Channel.WECHAT_SUBSCRIBE: "openid",
    Channel.WECHAT_OFFICIAL: "openid",
    Channel.WECOM: "wecom",
    Channel.SMS: "phone",
    Channel.EMAIL: "email",
    Channel.PUSH: "push",
}

# These send a template that is registered with the provider.
NEED_TEMPLATE: Final = frozenset({Channel.WECHAT_SUBSCRIBE, Channel.WECHAT_OFFICIAL, Channel.SMS})


def setups() -> dict[str, Setup]:
    """The channels that are switched on, by name."""
    rows = MessageChannel.objects.filter(enabled=True)
    return {row.channel: setup_of(row) for row in rows}


def setup_of(row: MessageChannel) -> Setup:
    """A channel's setup, its secrets opened. A mini-program is the one that members sign in with unless the
    channel names another."""
    settings, secrets, brand = dict(row.settings), _opened(row.secrets), current_brand()
    if row.channel == Channel.WECHAT_SUBSCRIBE and not settings.get("app_id"):
        settings["app_id"] = str(brand.setting("wechat_app_id"))
        sealed = str(brand.setting("wechat_secret"))
        secrets["secret"] = crypto.unseal(sealed) if sealed else ""
    return Setup(row.channel, settings, secrets, brand.slug)


def setup_secrets(row: MessageChannel) -> dict[str, str]:
    """A channel's own secrets, opened: to be kept beside new ones."""
    return _opened(row.secrets)


def _opened(sealed: str) -> dict[str, str]:
    if not sealed:
        return {}
    try:
        return dict(json.loads(crypto.unseal(sealed)))
    except InvalidToken:
        # The key is gone: the channel refuses to send for want of credentials, and says so.
        return {}


def addresses(member_ids: Iterable[UUID], wanted: Iterable[Setup]) -> dict[tuple[UUID, str], str]:
    """The address of each member on each of the channels, by (member, channel); the oldest if several."""
    found: dict[tuple[UUID, str], str] = {}
    setups = [each for each in wanted if each.channel in PROVIDERS]
    rows = Identity.objects.filter(
        member_id__in=list(member_ids), provider__in={PROVIDERS[Channel(each.channel)] for each in setups}
    )
    for member_id, provider, app_id, subject in rows.order_by("created_at", "pk").values_list(
        "member_id", "provider", "app_id", "subject"
    ):
        for each in setups:
            if PROVIDERS[Channel(each.channel)] == provider and each.app_id in ("", app_id):
                found.setdefault((member_id, each.channel), subject)
    return found
