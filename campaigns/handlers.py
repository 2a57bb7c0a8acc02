"""What this room does when something happened in a lower one."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from campaigns.services import enrolling, profiles
from campaigns.services.messages import notices, returns
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from loyalty.outbox.registry import on_event
from members.models import Member

# Who joined longer ago was enrolled before this reaction existed; nothing is given in hindsight.
WELCOME_WITHIN: Final = timedelta(days=30)


@on_event("member.enrolled", "member.updated", name="campaigns.profile")
def profile_completed(event: OutboxEvent) -> None:
    """Record the activity `profile-complete` once for a member whose profile is complete, if a rule waits."""
    member = Member.objects.filter(pk=UUID(event.payload["member_id"]), status=Member.Status.ACTIVE).first()
    if member is not None and event.occurred_at >= clock.now() - WELCOME_WITHIN:
        profiles.record_completion(member=member, now=event.occurred_at)


@on_event(*notices.TYPES, name="campaigns.messages")
def told(event: OutboxEvent) -> None:
    """Queue the message about the member's own account that the event leads to."""
    notices.tell(event, now=clock.now())


@on_event("order.recorded", "member.signed_in", name="campaigns.returns")
def came_back(event: OutboxEvent) -> None:
    """Note for the messages of the last days that the member came back."""
    if event.member_id is not None:
        by = "order" if event.type == "order.recorded" else "sign_in"
        returns.note(member_id=event.member_id, by=by, at=event.occurred_at)


@on_event("member.enrolled", name="campaigns.welcome")
def welcome(event: OutboxEvent) -> None:
    """Give what enrolling earns to those who were enrolled where it was not given at once."""
    now = clock.now()
    if event.occurred_at < now - WELCOME_WITHIN:
        return
    member = Member.objects.filter(pk=UUID(event.payload["member_id"]), status=Member.Status.ACTIVE).first()
    if member is not None:
        enrolling.welcome(member, now=now)
