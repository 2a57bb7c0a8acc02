"""Batches of orders and returns: kept as they came, then taken line by line, in the order of the file.

Each line is a call of its own to the service behind `POST /orders` or `…/returns`; some of them share a
transaction, with the note that they were taken (ADR 80). So the result is that of posting the lines one by
one, a batch that is cut off goes on where it stopped, and one sent twice changes nothing.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count, QuerySet
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from campaigns.services import moments, orders
from loyalty.lib import clock, problems
from loyalty.lib.database import connection
from loyalty.lib.errors import Invalid
from loyalty.lib.parsers import strict_json
from loyalty.lib.transactions import Busy, retried
from loyalty.outbox import jobs
from loyalty.outbox.models import Job
from members import selectors as members
from partners.models import BatchLine
from partners.ndjson import MAX_LINE_BYTES, MAX_LINES
from points import services as points
from tenants.context import current_brand

KIND: Final = "orders.batch"
PORTION: Final = 500
KEPT: Final = timedelta(days=30)
log = structlog.get_logger(__name__)
TOGETHER: Final = 50
"""So many lines share a transaction at most."""
HELD_S: Final = 0.25
"""And for so long at most: others wait for the members of a batch no longer than for this and one line."""
_TAKEN: Final = """
UPDATE partners_batchline AS line
SET status = 'taken', outcome = told.outcome, content = NULL, reference = told.reference
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS told(id, outcome, reference) WHERE line.id = told.id
"""
_COPY: Final = "COPY partners_batchline(job_id, line, content) FROM STDIN"


def ask_for_batch(*, lines: Iterable[tuple[int, bytes]], language: str, asked_by: str, now: datetime) -> Job:
    """Keep the lines, numbered as in the file, and put the job of taking them into the queue.

    Raises Invalid for no line at all and for more than 100,000; nothing is kept then.
    """
    with transaction.atomic():
        job = jobs.ask(kind=KIND, total=0, params={"language": language}, asked_by=asked_by, now=now)
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for line, content in lines:
                job.total += 1
                if job.total > MAX_LINES:
                    raise Invalid.at("", "too_many_lines", _("At most %(max)d lines.") % {"max": MAX_LINES})
                copy.write_row((job.pk, line, content))
        if job.total == 0:
            raise Invalid.at("", "empty", _("The body holds no line."))
        job.save(update_fields=["total"])
        return job


def is_any_old(now: datetime) -> bool:
    """Whether `forget_batches` would find any."""
    return _old(now).exists()


def _old(now: datetime) -> QuerySet[BatchLine]:
    return BatchLine.objects.filter(job__finished_at__lte=now - KEPT)


def forget_batches(*, now: datetime, limit: int) -> int:
    """Delete up to `limit` lines of batches that ended long ago; returns how many."""
    old = _old(now).values("pk")[:limit]
    deleted, _by_model = BatchLine.objects.filter(pk__in=old).delete()
    return deleted


@jobs.runs(KIND)
def take(job: Job, time_left: jobs.TimeLeft) -> bool:
    """Take waiting lines in their order while there is time; returns whether none is left."""
    waiting = BatchLine.objects.filter(job=job, status=BatchLine.Status.WAITING).order_by("line")
    after = 0
    with translation.override(job.params["language"]):
        while portion := list(waiting.filter(line__gt=after)[:PORTION]):
            start, read = 0, list[_Work | Exception]()
            while start < len(portion):
                some = portion[start : start + TOGETHER]
                read += [_read(line) for line in portion[len(read) : start + TOGETHER]]
                taken, in_time = _take_some(some, read[start:], time_left)
                start += taken
                if not in_time:
                    _report(job)
                    return False
            after = portion[-1].line
            _report(job)
    return True


def _report(job: Job) -> None:
    counts = counted(job)
    jobs.progress(job, done=sum(counts.values()), counts=counts)


def counted(job: Job) -> dict[str, int]:
    """How many lines ended how, from the lines themselves."""
    ended = BatchLine.objects.filter(job=job).exclude(status=BatchLine.Status.WAITING)
    return {
        row["outcome"] or row["status"]: row["lines"]
        for row in ended.values("status", "outcome").annotate(lines=Count("pk")).order_by()
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """A line that was read: what it asks for, and for which order."""

    kind: str
    order_id: str
    content: orders.Content | orders.ReturnContent


class _Apart(Exception):
    """A line was refused: what shared its transaction is undone with it, and each is taken by itself."""


def _take_some(
    lines: Sequence[BatchLine], read: Sequence[_Work | Exception], time_left: jobs.TimeLeft
) -> tuple[int, bool]:
    """Take these lines from the first on, while there is time and nobody waits too long.

    Returns how many, and whether there was time. A database that is away leaves them waiting.
    """
    try:
        return retried(lambda: _together(lines, read, time_left))
    except _Apart:
        pass
    for number, (line, work) in enumerate(zip(lines, read, strict=True)):
        if number and not time_left():
            return number, False
        _take_line(line, work)
    return len(lines), True


def _read(line: BatchLine) -> _Work | Exception:
    """What a line asks for, or why it cannot be read. Nothing is written."""
    try:
        return _work(line)
    except Exception as error:  # noqa: BLE001 - one bad line loses nothing but itself; it is logged
        return error


def _work(line: BatchLine) -> _Work:
    content = bytes(line.content or b"")
    if len(content) > MAX_LINE_BYTES:
        raise Invalid.at("", "line_too_long", _("At most %(max)d bytes.") % {"max": MAX_LINE_BYTES})
    data = strict_json(content)
    if not isinstance(data, dict):
        raise Invalid.at("", "invalid", _("Must be a JSON object."))
    kind = data.pop("type", None)
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise Invalid.at("/type", "invalid_choice", _("Must be “order” or “return”."))
    name = data.get("return_id" if kind == "return" else "order_id")
    line.reference = name[:100] if isinstance(name, str) else ""
    return read(data, clock.now())


def _together(
    lines: Sequence[BatchLine], read: Sequence[_Work | Exception], time_left: jobs.TimeLeft
) -> tuple[int, bool]:
    """Take lines in one transaction, as `_take_some`. Raises _Apart if one of them is refused."""
    held_until, done, in_time = time.monotonic() + HELD_S, 0, True
    told: list[tuple[int, str, str]] = []
    with transaction.atomic():
        _enter([work for work in read if isinstance(work, _Work)])
        for line, work in zip(lines, read, strict=True):
            if done and (time.monotonic() > held_until or moments.follows_commit()):
                break
            in_time = time_left()
            if not in_time:
                break
            done += 1
            if isinstance(work, Exception):
                _note_failed(line, work)
                continue
            try:
                told.append((line.pk, _HANDLERS[work.kind](work, clock.now()), line.reference))
            except (OperationalError, InterfaceError, Busy):
                raise
            except Exception as error:
                raise _Apart from error
        _note_taken(told)
    return done, in_time


def _enter(works: Sequence[_Work]) -> None:
    """Lock the accounts of all whom the lines concern and who are known, in the order of their keys."""
    asked = [work.content.member for work in works if isinstance(work.content, orders.Content)]
    keys = {each.keys[0] for each in asked if each is not None and each.keys}
    named = {each.member_id for each in asked if each is not None and each.member_id is not None}
    returned = [work.order_id for work in works if work.kind == "return"]
    found = members.members_of(keys) | named | members.buyers_of(returned)
    if found:
        points.lock_members(member_ids=sorted(found))


def _take_line(line: BatchLine, work: _Work | Exception) -> None:
    """Take one line by itself, or note why it cannot be taken."""
    if isinstance(work, Exception):
        _note_failed(line, work)
        return
    try:
        retried(lambda: _alone(line, work))
    except (OperationalError, InterfaceError, Busy):
        raise
    except Exception as error:  # noqa: BLE001 - one bad line loses nothing but itself; it is logged
        _note_failed(line, error)


def _alone(line: BatchLine, work: _Work) -> None:
    with transaction.atomic():
        _note_taken([(line.pk, _HANDLERS[work.kind](work, clock.now()), line.reference)])


def _note_taken(told: Sequence[tuple[int, str, str]]) -> None:
    """Write down how lines ended: their id, the outcome and the number that they name."""
    if told:
        with connection.cursor() as cursor:
            cursor.execute(_TAKEN, [list(column) for column in zip(*told, strict=True)])


def _note_failed(line: BatchLine, error: Exception) -> None:
    line.status, line.problem = BatchLine.Status.FAILED, _problem(line, error)
    line.save(update_fields=["status", "problem", "reference"])


def _problem(line: BatchLine, error: Exception) -> dict[str, Any]:
    answer = problems.render(error)
    if answer is not None and answer.status_code < 500:
        return dict(answer.data)
    log.error("batch_line_failed", job=str(line.job_id), line=line.line, exc_info=error)
    title = _("This line met an error of ours; it is in our log. Nothing of it was written.")
    return problems.body(status=500, code="internal_error", title=str(title), detail=str(title))


def _read_order(data: dict[str, Any], now: datetime) -> _Work:
    content = orders.parse(data, currency=current_brand().currency, now=now)
    return _Work("order", content.order_id, content)


def _read_return(data: dict[str, Any], now: datetime) -> _Work:
    order_id = data.pop("order_id", None)
    if not isinstance(order_id, str) or not 1 <= len(order_id.strip()) <= 100:
        raise Invalid.at("/order_id", "required", _("Names the order that is returned."))
    return _Work("return", order_id.strip(), orders.parse_return(data, now=now))


def _order(work: _Work, now: datetime) -> str:
    assert isinstance(work.content, orders.Content)
    return "recorded" if orders.record_order(content=work.content, now=now).created else "repeated"


def _return(work: _Work, now: datetime) -> str:
    assert isinstance(work.content, orders.ReturnContent)
    returned = orders.record_return(order_id=work.order_id, content=work.content, now=now)
    return "parked" if returned.parked else "returned" if returned.created else "repeated"


_READERS: Final[Mapping[str, Callable[[dict[str, Any], datetime], _Work]]] = {
    "order": _read_order,
    "return": _read_return,
}
_HANDLERS: Final[Mapping[str, Callable[[_Work, datetime], str]]] = {"order": _order, "return": _return}
