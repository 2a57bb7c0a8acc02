"""Rows that are due, one by one: one that fails waits and keeps none of the others from their turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db.models import F, Model

from loyalty.lib.transactions import retried

RETRY_FIRST: Final = timedelta(seconds=10)
RETRY_LAST: Final = timedelta(hours=1)
log = structlog.get_logger(__name__)


def turn(model: type[Model], key: UUID, work: Callable[[], bool], *, now: datetime, failed: str) -> bool:
    """What `work` on a row with `due_at` and `attempts` returns; False if it fails, and it waits ever longer.

    `failed` is the name under which the failure is logged.
    """
    try:
        return retried(work)
    except Exception:  # whatever it is, the row stays due
        log.exception(failed, row=str(key))
        waiting: Any = model._default_manager.filter(pk=key, due_at__isnull=False)
        attempts = waiting.values_list("attempts", flat=True).first()
        if attempts is not None:
            later = min(RETRY_FIRST * 2 ** min(attempts, 10), RETRY_LAST)
            waiting.update(due_at=now + later, attempts=F("attempts") + 1)
        return False
