"""Coming back: the next order or sign-in of a member within some days after a marketing message."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models.functions import Coalesce, Greatest

from campaigns.models import Message
from tenants.context import current_brand

REACHED = (Message.Status.SENT, Message.Status.DELIVERED, Message.Status.UNKNOWN)


def note(*, member_id: UUID, by: str, at: datetime) -> int:
    """Note that a member came back at `at`, by an `order` or a `sign_in`; returns for how many messages.

    Counted from the click, else from the sending; each message once, for what came first.
    """
    days = timedelta(days=current_brand().setting("message_return_days"))
    found = Message.objects.filter(
        member_id=member_id, purpose="marketing", status__in=REACHED, returned_at__isnull=True
    )
    # What was clicked long after it was sent counts from the click.
    found = found.annotate(_from=Greatest("sent_at", Coalesce("clicked_at", "sent_at")))
    return found.filter(sent_at__lte=at, _from__gte=at - days).update(returned_at=at, returned_by=by)
