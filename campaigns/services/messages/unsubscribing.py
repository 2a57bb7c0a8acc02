"""No more of this: what the link in a marketing mail does, pressed by the member or by their mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from campaigns.models import Message
from campaigns.services.messages import claiming, links
from members import selectors as members
from members.models import Member
from members.services import consents

SOURCE, VERSION = "unsubscribe_link", "link"
MARKETING: Final = "marketing"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link stops: marketing to one member by the channel of the message that it came with."""

    member: Member
    purpose: str

    @property
    def language(self) -> str:
        """The language that the member is written to in."""
        return claiming.language_of(self.member)

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more is sent, by the latest word on this channel or on marketing at all."""
        said = members.consents_now([self.member.pk], [MARKETING, self.purpose])
        return not said.get((self.member.pk, MARKETING)) or said.get((self.member.pk, self.purpose)) is False


def read(token: str) -> Subscription | None:
    """What the link of this token stops; None for one that the current brand did not make."""
    message_id = links.read(token, links.UNSUBSCRIBE)
    if message_id is None:
        return None
    found = Message.objects.select_related("member__merged_into").filter(pk=message_id).first()
    if found is None:
        return None
    return Subscription(found.member.merged_into or found.member, f"{MARKETING}.{found.channel}")


def stop(subscription: Subscription, *, now: datetime) -> None:
    """Withdraw the consent. Repeating it writes nothing."""
    consents.say(
        member_id=subscription.member.pk,
        purpose=subscription.purpose,
        version=VERSION,
        granted=False,
        source=SOURCE,
        now=now,
    )
