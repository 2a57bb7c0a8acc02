"""What a member was sent, for the member: written out again from the version that was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from campaigns.models import Message, MessageTemplateVersion
from campaigns.services.messages import claiming, texts
from members.models import Member

SHOWN: Final = (Message.Status.SENT, Message.Status.DELIVERED, Message.Status.UNKNOWN)
# Which fields are the title and the text; else all of them, in the template's order.
TITLES: Final = ("subject", "title")


def of_member(member_id: UUID) -> QuerySet[Message]:
    """The messages that reached the member, or may have, each with the texts that it was sent with."""
    found = Message.objects.select_related("template").filter(member_id=member_id, status__in=SHOWN)
    return with_texts(found)


def with_texts(messages: QuerySet[Message]) -> QuerySet[Any]:
    """These messages, each with the body of its version as `body`: of a whole page in the same query."""
    version = MessageTemplateVersion.objects.filter(
        template=OuterRef("template_id"), version=OuterRef("version")
    )
    return messages.annotate(body=Subquery(version.values("body")))


def written(message: Message, member: Member) -> tuple[str, str]:
    """Title ('' where the channel has none) and text of a message, in the member's language.

    One query, and none for messages that come `with_texts`.
    """
    body: Mapping[str, Any] | None = getattr(message, "body", None)
    if body is None:
        version = MessageTemplateVersion.objects.get(template=message.template_id, version=message.version)
        body = version.body
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
