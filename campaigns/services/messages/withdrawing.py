"""Taking back what is queued: a wake-up that is cancelled sends nothing more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, QuerySet, Value, When

from campaigns.models import Message, Wakeup, WakeupRun

REASON: Final = "withdrawn"


def withdraw(*, run_ids: QuerySet[Any]) -> int:
    """Withdraw what these runs of wake-ups queued and no sender has claimed; returns how many messages.

    One statement. It waits for senders that are claiming just now and leaves to them what they took. A
    message that waits for another attempt, and may have arrived with the first, is `unknown` from now on.
    """
    return _queued(run_ids).update(
        status=Case(
            When(sent_at__isnull=True, then=Value(Message.Status.SUPPRESSED)),
            default=Value(Message.Status.UNKNOWN),
        ),
        reason=REASON,
        due_at=None,
    )


def are_queued(*, run_ids: QuerySet[Any]) -> bool:
    """Whether any message that these runs of wake-ups queued still waits for a sender."""
    return _queued(run_ids).exists()


def cancelled(run_ids: Iterable[UUID | None]) -> set[UUID]:
    """Those of the runs whose wake-up is cancelled; no query where there are none to ask about."""
    wanted = {each for each in run_ids if each is not None}
    if not wanted:
        return set()
    found = WakeupRun.objects.filter(pk__in=wanted, wakeup__status=Wakeup.Status.CANCELLED)
    return set(found.values_list("pk", flat=True))


def _queued(run_ids: QuerySet[Any]) -> QuerySet[Message]:
    return Message.objects.filter(wakeup_id__in=run_ids, status=Message.Status.QUEUED)
