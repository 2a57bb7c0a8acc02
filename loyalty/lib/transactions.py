"""A transaction that the database asks to repeat is repeated: a few times, and not for ever.

Deadlocks and serialization failures are no errors of the caller's, and none of ours. The database has undone
the whole transaction and may well take it the next time.
"""

import random
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import psycopg
import structlog
from django.db import OperationalError
from django.utils.translation import gettext_lazy as _

from loyalty.lib.database import connection
from loyalty.lib.errors import Refusal

ATTEMPTS = 4
FIRST_PAUSE_S = 0.01
# Serialization failure, deadlock, a lock not had within `lock_timeout`.
TRY_AGAIN = ("40001", "40P01", "55P03")
log = structlog.get_logger(__name__)
T = TypeVar("T")


class Busy(Refusal):
    """The database asked to try again more often than we did."""

    code = "try_again"
    status = 503
    retryable = True
    title = _("Too many calls met at the same place. Nothing was written; please try again.")


def retried(attempt: Callable[[], T]) -> T:
    """What `attempt` returns, which opens its own transaction; again, up to four times, if the database asks.

    The pauses grow (10, 40, 160 ms) and are drawn anew each time, so that those who met once do not meet
    again. Inside a transaction nothing is repeated: only who opened it can. Raises Busy after the last
    attempt, when nothing was written.
    """
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except OperationalError as error:
            if connection.in_atomic_block or sqlstate(error) not in TRY_AGAIN:
                raise
            log.warning("transaction_retried", attempt=number, sqlstate=sqlstate(error))
            if number == ATTEMPTS:
                raise Busy from error
        time.sleep(FIRST_PAUSE_S * 4 ** (number - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    raise AssertionError("unreachable")


def one_by_one(keys: Iterable[T], work: Callable[[T], object], *, failed: str) -> int:
    """Do `work`, which opens its own transaction, for each key; returns how many times it succeeded.

    What fails is logged under the name `failed`, and keeps none of the others from their turn.
    """
    done = 0
    for key in keys:
        try:
            retried(partial(work, key))
        except Exception:  # whatever it is, the others go on
            log.exception(failed, row=str(key))
        else:
            done += 1
    return done


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of the driver's error behind Django's; None where there is none."""
    cause = error.__cause__
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None
