"""Announcing points that are about to expire: once a day of all accounts, else of those that changed.

A stage is reached at midnight, brand time. So the first look of a day goes through all accounts, portion by
portion; until the next midnight only an account that changed can have something to announce (points that it
earned, that were given back or that a hold freed), and where nothing happened in the brand nobody is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from loyalty.lib.transactions import retried
from loyalty.outbox import relay
from loyalty.outbox.models import OutboxEvent
from points import expiry, ledger, locks
from points.models import Account, NoticeLook
from tenants.context import current_brand

BEGINNING: Final = UUID(int=0)
OVERLAP: Final = timedelta(minutes=15)
"""An account bears the instant at which its operation began, which may be committed that much later."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a portion of a look came to: how many events, and whether further accounts follow."""

    written: int
    more: bool


def may_announce(now: datetime) -> bool:
    """Whether any account's points end by the last stage of the brand's notices, and a look is under way, a
    new day has begun or something happened in the brand since the last look."""
    brand = current_brand()
    last = max(brand.setting("expiry_notices"), default=-1)
    until = expiry.day_start(now, brand.tz, plus_days=last + 1)
    if last < 0 or not Account.objects.filter(next_due_at__lte=until).exists():
        return False
    look = NoticeLook.objects.filter(pk=1).first()
    if (
        look is None
        or look.after is not None
        or _begins_anew(look, _asked(brand.setting("expiry_notices"), now), now)
    ):
        return True
    return relay.head() != look.position or OutboxEvent.objects.filter(position__isnull=True).exists()


def announce_expiring(*, now: datetime, stages: Sequence[int] | None = None, limit: int = 5000) -> int:
    """Publish `points.expiring` for points whose last valid day is at most 30, 7 or 1 days away.

    The stages are the brand's `expiry_notices`. Each account, last valid day and stage is announced once.
    Takes portions of `limit` accounts until all are looked at; returns how many events were written.
    """
    written, more = 0, True
    while more:
        portion = announce_portion(now=now, stages=stages, limit=limit)
        written, more = written + portion.written, portion.more
    return written


def announce_portion(*, now: datetime, stages: Sequence[int] | None = None, limit: int = 5000) -> Announced:
    """Look at the next `limit` accounts, in a transaction of its own; the first of a new look if none is
    under way. May be cut off anywhere and repeated."""
    brand = current_brand()
    days = sorted(stages if stages is not None else brand.setting("expiry_notices"))
    if not days:
        return Announced(0, more=False)

    def take() -> Announced:
        with transaction.atomic():
            look = locks.notice_look(now)
            if look.after is None or _begins_anew(look, _asked(days, now), now):
                _begin(look, _asked(days, now), now)
            answer = ledger.call(
                "points_announce",
                {
                    "p_stages": ("integer[]", days),
                    "p_untils": (
                        "timestamptz[]",
                        [expiry.day_start(now, brand.tz, plus_days=stage + 1) for stage in days],
                    ),
                    "p_after": ("uuid", look.after),
                    "p_since": ("timestamptz", look.since),
                    "p_now": ("timestamptz", now),
                    "p_tz": ("text", brand.timezone),
                    "p_limit": ("integer", limit),
                },
            )
            look.after = UUID(answer["last"]) if answer["last"] else None
            look.save()
            return Announced(int(answer["written"]), more=look.after is not None)

    return retried(take)


def _asked(stages: Sequence[int], now: datetime) -> str:
    """What all accounts are looked at anew for when it changes: the day, where it begins, the stages."""
    brand = current_brand()
    return f"{now.astimezone(brand.tz).date()} {brand.timezone} {sorted(stages)}"[:200]


def _begins_anew(look: NoticeLook, asked: str, now: datetime) -> bool:
    return look.asked != asked or look.began_at > now


def _begin(look: NoticeLook, asked: str, now: datetime) -> None:
    # Read first: what happens from here on is seen by the next look at the latest.
    look.position = relay.head()
    look.since = None if _begins_anew(look, asked, now) else look.began_at - OVERLAP
    look.asked, look.began_at, look.after = asked, now, BEGINNING
