"""What time brings: activation, expiry, the end of holds, and the notice of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from loyalty.lib.transactions import retried
from points import expiry, ledger
from points.models import Account
from tenants.context import current_brand


def activate(*, waits_for: str, waits_ref: str, now: datetime) -> int:
    """Free the pending lots that wait for this event; returns how many. Repeating is harmless.

    Freed points repay debt first. One event `points.activated` for each account.
    """
    return int(
        ledger.call(
            "points_activate",
            {
                "p_waits_for": ("text", waits_for),
                "p_waits_ref": ("text", waits_ref),
                "p_now": ("timestamptz", now),
                "p_tz": ("text", current_brand().timezone),
            },
        )
    )


def settle(*, member_id: UUID, now: datetime) -> None:
    """Do what is due on all the member's accounts at `now`."""
    ledger.call(
        "points_settle_member",
        {
            "p_member": ("uuid", member_id),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )


def is_anything_due(now: datetime) -> bool:
    """Whether `expire_due` would find an account of the current brand."""
    return Account.objects.filter(next_due_at__lte=now).exists()


def expire_due(*, now: datetime, limit: int = 5000) -> int:
    """Settle up to `limit` accounts on which something is due, passing over those locked by others.

    Returns how many accounts were settled; 0 means that nothing is left. Runs in a transaction of its own
    per call; safe to run in several workers at once and to repeat.
    """

    def sweep() -> int:
        with transaction.atomic():
            return int(
                ledger.call(
                    "points_sweep",
                    {
                        "p_now": ("timestamptz", now),
                        "p_tz": ("text", current_brand().timezone),
                        "p_limit": ("integer", limit),
                    },
                )
            )

    return retried(sweep)


def may_announce(now: datetime) -> bool:
    """Whether any account's points end by the last stage of the brand's notices, told or not."""
    brand = current_brand()
    last = max(brand.setting("expiry_notices"), default=-1)
    until = expiry.day_start(now, brand.tz, plus_days=last + 1)
    return last >= 0 and Account.objects.filter(next_due_at__lte=until).exists()


def announce_expiring(*, now: datetime, stages: Sequence[int] | None = None, limit: int = 5000) -> int:
    """Publish `points.expiring` for points whose last valid day is at most 30, 7 or 1 days away.

    The stages are the brand's `expiry_notices`. Each account, last valid day and stage is announced once.
    Returns how many events were written by this call; 0 means that none is left.
    """
    brand = current_brand()
    days = sorted(stages if stages is not None else brand.setting("expiry_notices"))
    written = 0
    for index, stage in enumerate(days):
        after = days[index - 1] if index else -1
        written += int(
            ledger.call(
                "points_announce",
                {
                    "p_days_before": ("integer", stage),
                    "p_from": (
                        "timestamptz",
                        expiry.day_start(now, brand.tz, plus_days=after + 1),
                    ),
                    "p_until": (
                        "timestamptz",
                        expiry.day_start(now, brand.tz, plus_days=stage + 1),
                    ),
                    "p_now": ("timestamptz", now),
                    "p_tz": ("text", brand.timezone),
                    "p_limit": ("integer", limit),
                },
            )
        )
    return written
