"""A wake-up that two members got who are one person by now: one message goes out, the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from campaigns.models import Message
from members.models import Member

REASON: Final = "merged"
NOT_TOLD: Final = (Message.Status.SUPPRESSED, Message.Status.FAILED)


def doubled(due: Sequence[Message], recipients: Mapping[UUID, Member]) -> set[UUID]:
    """Those of the due messages of wake-ups that their recipient has, or will have, by another message of the
    same run: their own, or that of a member who was merged into them. `recipients` is by whom it was for.

    One query for messages of wake-ups, and none for others; a second one where somebody was merged.
    """
    ours = [message for message in due if message.wakeup_id is not None]
    people = {recipients[message.member_id].pk for message in ours}
    merged = Member.objects.filter(merged_into__in=people).values_list("pk", "merged_into")
    into = {gone: person for gone, person in merged if person is not None}
    if not into:
        return set()
    known = Message.objects.filter(
        member__in={*into, *into.values()}, wakeup_id__in={message.wakeup_id for message in ours}
    )
    first: dict[tuple[UUID, str, str], UUID] = {}
    # What may have reached them goes before what waits, and their own before that of who was merged.
    ranked = sorted(
        known.exclude(status__in=NOT_TOLD),
        key=lambda each: (each.status not in Message.COUNTED, each.member_id in into, each.pk),
    )
    for each in ranked:
        first.setdefault(_told(each, into.get(each.member_id, each.member_id)), each.pk)
    return {
        each.pk for each in ours if first.get(_told(each, recipients[each.member_id].pk), each.pk) != each.pk
    }


def _told(message: Message, person: UUID) -> tuple[UUID, str, str]:
    return person, message.occasion, message.channel
