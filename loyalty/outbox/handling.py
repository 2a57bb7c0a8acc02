"""Handlers: each reads the brand's events by a cursor of its own, and has the effect of each event once.

The handler's effect and the step of its cursor are one transaction. A handler that fails stays before the
event, is logged, and tries again ever more rarely; the others go on.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from time import monotonic

import structlog
from django.db import transaction
from django.db.models import Q

from loyalty.lib import clock
from loyalty.outbox import locks, relay
from loyalty.outbox.models import Cursor, OutboxEvent
from loyalty.outbox.registry import Handler, handlers

FETCH = 200
# How long one handler may go on before the next one has its turn.
TURN_S = 4.0
RETRY_FIRST = timedelta(seconds=2)
RETRY_LAST = timedelta(minutes=5)
log = structlog.get_logger(__name__)


def is_any_behind(now: datetime) -> bool:
    """Whether the current brand has events without a position, or a handler that may go on to the newest."""
    if OutboxEvent.objects.filter(position__isnull=True).exists():
        return True
    head, wanted = relay.head(), [handler.name for handler in handlers()]
    at_rest = Q(position__gte=head) | Q(retry_at__gt=now)
    return Cursor.objects.filter(at_rest, name__in=wanted).count() < len(wanted)


def run(*, only: Iterable[Handler] | None = None, within_s: float = math.inf) -> int:
    """Let every handler catch up with the current brand's events; returns how many events were handled.

    Those that are behind share `within_s`, so that one with a long way to go keeps none from its events.
    """
    head, behind = relay.head(), []
    wanted = list(handlers() if only is None else only)
    cursors = {cursor.name: cursor for cursor in Cursor.objects.filter(name__in=[h.name for h in wanted])}
    for handler in wanted:
        cursor = cursors.get(handler.name)
        if cursor is None:
            cursor, _made = Cursor.objects.get_or_create(name=handler.name)
        if cursor.position < head and (cursor.retry_at is None or cursor.retry_at <= clock.now()):
            behind.append((handler, cursor.position))
    # Those with the shortest way first: what they do not use is the others'.
    behind.sort(key=lambda each: each[1], reverse=True)
    done, ends = 0, monotonic() + within_s
    for number, (handler, position) in enumerate(behind):
        turn_s = (ends - monotonic()) / (len(behind) - number)
        done += _catch_up(handler, position, head, min(TURN_S, turn_s))
    return done


def _catch_up(handler: Handler, position: int, head: int, turn_s: float) -> int:
    done = 0
    ends = monotonic() + turn_s
    while position < head:
        events = list(
            OutboxEvent.objects.filter(
                position__gt=position, position__lte=head, type__in=handler.types
            ).order_by("position")[:FETCH]
        )
        for event in events:
            if not _handle(handler, event):
                return done
            done += 1
            position = int(event.position or 0)
            if monotonic() > ends:
                return done
        if len(events) < FETCH:
            _skip_to(handler, head)
            return done
    return done


def _handle(handler: Handler, event: OutboxEvent) -> bool:
    """One event in one transaction; False when the handler must stop here for now."""
    try:
        with transaction.atomic(), structlog.contextvars.bound_contextvars(handler=handler.name):
            cursor = locks.cursor_of(handler.name)
            if cursor is None:
                return False
            position = event.position or 0
            if cursor.position >= position:
                return True
            handler.handle(event)
            cursor.position, cursor.failures, cursor.retry_at = position, 0, None
            cursor.last_error = ""
            cursor.save()
    except Exception as error:  # noqa: BLE001 - whatever a handler raises, the others go on
        _failed(handler, event, error)
        return False
    return True


def _failed(handler: Handler, event: OutboxEvent, error: Exception) -> None:
    log.exception("handler_failed", handler=handler.name, event_id=str(event.id), event_type=event.type)
    with transaction.atomic():
        cursor = locks.cursor_of(handler.name)
        if cursor is None:
            return
        cursor.failures += 1
        cursor.retry_at = _retry_at(cursor.failures, clock.now())
        cursor.last_error = f"{event.id}: {type(error).__name__}: {error}"[:2000]
        cursor.save()


def _retry_at(failures: int, now: datetime) -> datetime:
    wait: timedelta = min(RETRY_FIRST * 2 ** min(failures - 1, 10), RETRY_LAST)
    return now + wait


def _skip_to(handler: Handler, head: int) -> None:
    """Past what is none of the handler's business, in one statement."""
    Cursor.objects.filter(name=handler.name, position__lt=head).update(
        position=head, failures=0, retry_at=None, last_error=""
    )
