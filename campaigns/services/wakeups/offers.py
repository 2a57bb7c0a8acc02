"""What members were promised for coming back, as long as they may still earn it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, TextField, Value
from django.db.models.functions import Cast, Concat

from campaigns.models import Message, WakeupRecipient

MOST: Final = 20


def open_offers(member_id: UUID, now: datetime) -> Sequence[WakeupRecipient]:
    """The offers that the member may still earn by an order, the first to end first, with their wake-ups.

    As in paying: an offer counts whose message may have reached the member, while its budget has enough left.
    """
    told = Message.objects.filter(
        Q(member_id=member_id) | Q(member__merged_into_id=member_id),
        occasion=OuterRef("occasion"),
        status__in=Message.COUNTED,
    )
    found = (
        WakeupRecipient.objects.select_related("wakeup")
        .filter(member_id=member_id, task=WakeupRecipient.Task.OPEN, task_until__gt=now)
        .filter(wakeup__task_spent__lte=F("wakeup__task_budget") - F("wakeup__task_points"))
        .annotate(occasion=Concat(Value("wakeup:"), Cast("run_id", TextField()), output_field=TextField()))
        .filter(Exists(told))
        .order_by("task_until", "id")[:MOST]
    )
    return list(found)
