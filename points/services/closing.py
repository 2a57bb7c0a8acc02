"""Closing a month of the books."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction

from loyalty.lib import ids
from loyalty.lib.transactions import retried
from points import ledger

MARGIN: Final = timedelta(hours=1)
"""How long after its end a month may be closed; `points/sql/closing.sql` holds to it."""


def close_month(*, month: date, ends_at: datetime, actor: str, now: datetime) -> bool:
    """Let nothing more be recorded before `ends_at`, the exclusive end of the month that begins on `month`.

    A short transaction of its own, which waits for the ledger's writers and holds up new ones, a second at
    most; a writer that takes longer lets it try again. False where the month was closed before. Raises
    MonthNotOver until an hour after the month's end, and Busy.
    """

    def close() -> bool:
        with transaction.atomic():
            return bool(
                ledger.call(
                    "points_close_month",
                    {
                        "p_id": ("uuid", ids.new()),
                        "p_month": ("date", month),
                        "p_ends_at": ("timestamptz", ends_at),
                        "p_actor": ("text", actor),
                        "p_now": ("timestamptz", now),
                    },
                )
            )

    return retried(close)
