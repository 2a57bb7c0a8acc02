"""Keeping the names that orders had (`campaigns.seen`), behind the orders and beside their path.

A worker goes through the orders by when they were recorded and stays `LAG` behind, so that none that is still
being written is passed over. A line that a correction brings into an order that was looked through already is
not seen: all that hangs on it is a warning.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from campaigns import locks, seen
from campaigns.models import SeenName, SeenUntil
from campaigns.models.seen import BEGINNING
from members.models import Purchase

LAG: Final = timedelta(minutes=2)
BATCH: Final = 20_000


def is_behind(now: datetime) -> bool:
    """Whether `note` would find orders."""
    place = SeenUntil.objects.filter(pk=1).values_list("recorded_at", flat=True).first() or BEGINNING
    return _behind(place, now).exists()


def note(*, now: datetime, batch: int = BATCH) -> bool:
    """Look through about `batch` further orders; whether there were any.

    False also where another worker is at it. Safe to repeat and to cut off.
    """
    with transaction.atomic():
        place = locks.seen_until()
        if place is None:
            return False
        newer = _behind(place.recorded_at, now)
        times = list(newer.order_by("recorded_at").values_list("recorded_at", flat=True)[:batch])
        if not times:
            return False
        found = sorted(set(seen.names(place.recorded_at, times[-1])))
        SeenName.objects.bulk_create(
            [SeenName(kind=kind, value=value) for kind, value in found], ignore_conflicts=True
        )
        place.recorded_at = times[-1]
        place.save(update_fields=["recorded_at"])
        return True


def _behind(place: datetime, now: datetime) -> QuerySet[Purchase]:
    return Purchase.objects.filter(recorded_at__gt=place, recorded_at__lte=now - LAG)
