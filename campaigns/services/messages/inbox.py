"""What a member was sent, for the member: written out again from the version that was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from campaigns.models import Message, MessageTemplateVersion
from campaigns.services.messages import claiming, texts
from members.models import Member

SHOWN: Final = (Message.Status.SENT, Message.Status.DELIVERED, Message.Status.UNKNOWN)
# Which fields are the title and the text; else all of them, in the template's order.
TITLES: Final = ("subject", "title")


def of_member(member_id: UUID) -> QuerySet[Message]:
    """The messages that reached the member, or may have."""
    return Message.objects.select_related("template").filter(member_id=member_id, status__in=SHOWN)


Bodies = dict[tuple[UUID, int], Mapping[str, Any]]
"""The versions that were read already, for several messages in a row."""


def written(message: Message, member: Member, bodies: Bodies | None = None) -> tuple[str, str]:
    """Title ('' where the channel has none) and text of a message, in the member's language."""
    known = {} if bodies is None else bodies
    key = (message.template_id, message.version)
    if key not in known:
        known[key] = MessageTemplateVersion.objects.get(template=key[0], version=key[1]).body
    return _title_and_text(known[key], message, member)


def _title_and_text(body: Mapping[str, Any], message: Message, member: Member) -> tuple[str, str]:
    try:
        fields = claiming.write_out(
            message_id=message.pk,
            channel=message.channel,
            facts=message.facts,
            member=member,
            body=body,
            address="",
            link="",
        ).fields
    except texts.FactMissing:
        return "", ""
    title = next((fields[name] for name in TITLES if name in fields), "")
    text = fields.get("text") or " · ".join(each for name, each in fields.items() if name not in TITLES)
    return title, text
