"""Codes of this room in words."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CHANNELS: Mapping[str, Promise] = {
    "store": _("shop"),
    "online": _("online shop"),
    "app": _("app"),
    "web": _("web shop"),
    "mini_program": _("mini-program"),
    "miniprogram": _("mini-program"),
}
SOURCES: Mapping[str, Promise] = {
    "store": _("shop"),
    "online": _("online shop"),
    "app": _("app"),
    "web": _("web shop"),
    "mini_program": _("mini-program"),
    "miniprogram": _("mini-program"),
    "wechat": _("WeChat"),
    "order": _("an order"),
    "api": _("a partner"),
    "import": _("an import"),
    "referral": _("an invitation"),
    "pack": _("a code on the pack"),
    "poster": _("a poster"),
}
"""Where members come from."""


def source_words(source: str) -> str:
    """Where a member came from, in words; partners name other places as they like, and those stay."""
    return str(SOURCES.get(source, source)) or "–"


def channel_words(channel: str) -> str:
    """A channel in words; partners name others as they like, and those stay as they are."""
    return str(CHANNELS.get(channel, channel))
