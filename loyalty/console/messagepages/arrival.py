"""A message as it will arrive, for the previews: with what sender and provider add, and its length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _

from campaigns.channels import email
from campaigns.channels.protocol import Outgoing
from campaigns.models import Channel, MessageChannel
from campaigns.services.messages import replies
from loyalty.console.messagepages.templateform import LABELS
from loyalty.lib.errors import Text

OPT_OUT: Final = "拒收请回复R"
ONE_PART: Final = 70
EACH_PART: Final = 67
"""Characters of a text message, and of each of its parts where it needs several; the same for Latin letters
with any Chinese among them, as the signature always is."""


def shown(channel: str, written: Outgoing, *, marketing: bool) -> list[tuple[Text, str]]:
    """The texts, each with its label, in the order in which the recipient reads them."""
    if channel == Channel.SMS:
        text = sms_text(written, marketing=marketing)
        return [(_("text"), text), (_("length"), _length(text))]
    fields = dict(written.fields)
    if channel == Channel.EMAIL:
        fields["text"] = email.body_of(written)
    return _in_order(fields)


def sms_text(written: Outgoing, *, marketing: bool) -> str:
    """The text as the provider sends it: the brand's signature before it, in marketing the opt-out behind it.

    Both stand in the provider's own template; the opt-out is shown once, also where our text repeats it.
    """
    row = MessageChannel.objects.filter(channel=Channel.SMS).first()
    signature = str(row.settings.get("signature", "")) if row else ""
    text = written.fields.get("text", "")
    before = f"【{signature}】" if signature and not text.startswith("【") else ""
    behind = "，" + OPT_OUT if marketing and not tells_to_stop(text) else ""
    return f"{before}{text.rstrip('，。 ') if behind else text}{behind}"


def tells_to_stop(text: str) -> bool:
    """Whether a text says itself how to get no more of it."""
    return any(word in text for word in replies.STOP_WORDS)


def note(channel: str, *, marketing: bool) -> str:
    """What must stand with the provider, for what is shown to be what arrives."""
    if channel == Channel.SMS and marketing:
        return _("Signature and opt-out come from the provider's template: register it there for marketing.")
    return ""


def _length(text: str) -> str:
    parts = 1 if len(text) <= ONE_PART else math.ceil(len(text) / EACH_PART)
    return _("%(characters)s characters, sent as %(parts)s text message(s)") % {
        "characters": len(text),
        "parts": parts,
    }


def _in_order(fields: Mapping[str, str]) -> list[tuple[Text, str]]:
    """The head first; our own names in words, the provider's as they are."""
    heads = [name for name in ("subject", "title") if name in fields]
    others = [name for name in fields if name not in heads]
    return [(LABELS.get(name, name), fields[name]) for name in (*heads, *others)]
