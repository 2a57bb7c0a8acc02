"""What time brings: activation, expiry, the end of holds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from loyalty.lib.transactions import retried
from points import ledger
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
