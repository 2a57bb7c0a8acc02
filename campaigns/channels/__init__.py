"""The ways out: one small client a channel, all speaking one protocol to the sender (protocol.py)."""

from collections.abc import Callable

from campaigns.channels import email, push, sms, wechat, wecom
from campaigns.channels.protocol import Answer, Client, Outcome, Outgoing, Setup
from campaigns.channels.wire import Wire

__all__ = ["Answer", "Client", "Outcome", "Outgoing", "Setup", "Wire", "client_for"]

_CLIENTS: dict[str, Callable[[Setup, Wire], Client]] = {
    "wechat_subscribe": wechat.SubscribeClient,
    "wechat_official": wechat.OfficialClient,
    "wecom": wecom.WecomClient,
    "sms": sms.SmsClient,
    "email": email.EmailClient,
    "push": push.PushClient,
}


def client_for(setup: Setup, wire: Wire) -> Client:
    """The client of a channel. Raises KeyError for the webhook, which goes by the outbox."""
    return _CLIENTS[setup.channel](setup, wire)
