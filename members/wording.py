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


def channel_words(channel: str) -> str:
    """A channel in words; partners name others as they like, and those stay as they are."""
    return str(CHANNELS.get(channel, channel))
