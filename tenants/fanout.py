"""From one tick to one task for each brand.

A tick only asks; the brand's own task looks in Postgres for what is due. So a task that is lost, expired
or run twice does no harm, and nothing that matters waits in the broker.
"""

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import DatabaseError

from loyalty.lib import clock, waiting
from loyalty.lib.database import connection
from tenants.context import in_brand
from tenants.models import Brand

Due = Callable[[datetime], bool]
"""Whether the current brand has work that is due at an instant."""
WAIT_S: Final = 30.0
"""How long a task that a tick sent may wait in the queue: the next tick asks again."""
LEFT_S: Final = 300.0
"""How long one may wait that goes on with what a turn left: the tick may come much later than that. Its mark
stands no longer than others, so that one which is lost with its worker keeps no tick from sending another."""
TURN_S: Final = 5.0
"""How long one brand's task goes on to begin further portions: the longest that it keeps a worker from the
others, but for the last portion."""
# An advisory lock of 64 bits stands in the view as two halves.
_TAKEN = """
SELECT EXISTS (
  SELECT 1 FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND classid = %s::bigint::oid AND objid = %s::bigint::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
log = structlog.get_logger(__name__)


def active_brands() -> list[Brand]:
    """The brands at work, in an order drawn anew each time, so that none is always last. Shared schema."""
    brands = list(Brand.objects.filter(status=Brand.Status.ACTIVE))
    random.shuffle(brands)
    return brands


def for_each_brand(
    task: Any, *, expires_s: float = WAIT_S, due: Due | None = None, job: str | None = None
) -> int:
    """Enqueue `task` once in each active brand, or in those for which `due` finds work; returns how many.

    `job` is what the task does `alone`: a brand where somebody is at it gets no second task, which would only
    wait, find that out, and keep the others' waiting.

    Called by a tick in the shared schema. A brand for which such a task waits in the queue gets no other. One
    that no worker took within `expires_s` is dropped: the next tick asks again. To look whether anything is
    due costs a small part of a task, so that many brands at rest leave the workers to those at work.
    """
    name = str(task.name)
    schemas = [
        each.schema_name for each in active_brands() if _is_to_be_sent(each, name, expires_s, due, job)
    ]
    with task.app.producer_or_acquire() as producer:
        for schema in schemas:
            task.apply_async(headers={"_schema_name": schema}, expires=expires_s, producer=producer)
    return len(schemas)


def in_turns(task: Any, job: str, portion: Callable[[], bool]) -> None:
    """Do portions of the current brand's `job`, alone at it, until one says that no more is left.

    When the turn is over first, what is left waits behind the other brands: `task` is sent anew.
    """
    with alone(job) as held:
        left, ends = held, time.monotonic() + TURN_S
        while left:
            left = portion()
            if time.monotonic() >= ends:
                break
    if left:
        ask_again(task)


def ask_again(task: Any) -> None:
    """Put `task` behind what waits for the other brands, unless a tick has put it there already."""
    if waiting.enter(task.name, for_s=WAIT_S):
        try:
            task.apply_async(expires=LEFT_S)
        except BaseException:
            waiting.leave(task.name)
            raise


def _is_to_be_sent(brand: Brand, task: str, expires_s: float, due: Due | None, job: str | None) -> bool:
    try:
        with in_brand(brand):
            if due is not None and (not due(clock.now()) or (job is not None and is_taken(job))):
                return False
            return waiting.enter(task, for_s=expires_s)
    except DatabaseError:
        # One brand's trouble keeps no other from its work; the task will say what it is.
        log.exception("look_failed", brand=brand.slug)
        connection.set_schema_to_public()
        return True


def is_taken(job: str, *, of_all_brands: bool = False) -> bool:
    """Whether somebody is at `job` just now, for the current brand or for any: another task would only find
    that out."""
    key = _key(job, of_all_brands=of_all_brands) % 2**64
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [key >> 32, key % 2**32])
        return bool(cursor.fetchone()[0])


def _key(job: str, *, of_all_brands: bool = False) -> int:
    scope = "" if of_all_brands else connection.schema_name
    name = hashlib.sha256(f"{scope}\n{job}".encode()).digest()
    return int.from_bytes(name[:8], "big", signed=True)


@contextmanager
def alone(job: str, *, of_all_brands: bool = False) -> Iterator[bool]:
    """Whether this is the only one at `job` for the current brand just now; held until the block ends.

    In the shared schema, or `of_all_brands`: the only one of all brands. For jobs that would be safe side by
    side but wasteful.
    The lock dies with the database connection.
    """
    key = _key(job, of_all_brands=of_all_brands)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
