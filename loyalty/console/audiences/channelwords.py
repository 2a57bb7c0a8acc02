"""Channels in words."""

from __future__ import annotations

from campaigns.models import Channel


def channel_name(channel: str) -> str:
    """A channel in words."""
    return str(dict(Channel.choices).get(channel, channel))
