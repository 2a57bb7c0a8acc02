"""Batches of orders and returns: kept as they came, then taken line by line, in the order of the file.

Each line is a call of its own to the service behind `POST /orders` or `…/returns`, in one transaction with
the note that it was taken. So the result is that of posting the lines one by one, a batch that is cut off
goes on where it stopped, and one sent twice changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from campaigns.services import orders
from loyalty.lib import clock, problems
from loyalty.lib.database import connection
from loyalty.lib.errors import Invalid
from loyalty.lib.parsers import strict_json
from loyalty.lib.transactions import Busy, retried
from loyalty.outbox import jobs
from loyalty.outbox.models import Job
from partners.models import BatchLine
from partners.ndjson import MAX_LINE_BYTES, MAX_LINES
from tenants.context import current_brand

KIND: Final = "orders.batch"
PORTION: Final = 500
KEPT: Final = timedelta(days=30)
log = structlog.get_logger(__name__)
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


def forget_batches(*, now: datetime, limit: int) -> int:
    """Delete up to `limit` lines of batches that ended long ago; returns how many."""
    old = BatchLine.objects.filter(job__finished_at__lte=now - KEPT).values("pk")[:limit]
    deleted, _by_model = BatchLine.objects.filter(pk__in=old).delete()
    return deleted


@jobs.runs(KIND)
def take(job: Job, time_left: jobs.TimeLeft) -> bool:
    """Take waiting lines in their order while there is time; returns whether none is left."""
    waiting = BatchLine.objects.filter(job=job, status=BatchLine.Status.WAITING).order_by("line")
    after = 0
    with translation.override(job.params["language"]):
        while portion := list(waiting.filter(line__gt=after)[:PORTION]):
            for line in portion:
                if not time_left():
                    _report(job)
                    return False
                _take_line(line)
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


def _take_line(line: BatchLine) -> None:
    """Take one line, or note why it cannot be taken. A database that is away leaves it waiting."""
    try:
        retried(lambda: _attempt(line))
    except (OperationalError, InterfaceError, Busy):
        raise
    except Exception as error:  # noqa: BLE001 - one bad line loses nothing but itself; it is logged
        line.status, line.problem = BatchLine.Status.FAILED, _problem(line, error)
        line.save(update_fields=["status", "problem", "reference"])


def _problem(line: BatchLine, error: Exception) -> dict[str, Any]:
    answer = problems.render(error)
    if answer is not None and answer.status_code < 500:
        return dict(answer.data)
    log.error("batch_line_failed", job=str(line.job_id), line=line.line, exc_info=error)
    title = _("This line met an error of ours; it is in our log. Nothing of it was written.")
    return problems.body(status=500, code="internal_error", title=str(title), detail=str(title))


def _attempt(line: BatchLine) -> None:
    content = bytes(line.content or b"")
    if len(content) > MAX_LINE_BYTES:
        raise Invalid.at("", "line_too_long", _("At most %(max)d bytes.") % {"max": MAX_LINE_BYTES})
    data = strict_json(content)
    if not isinstance(data, dict):
        raise Invalid.at("", "invalid", _("Must be a JSON object."))
    kind = data.pop("type", None)
    handle = _HANDLERS.get(kind) if isinstance(kind, str) else None
    if handle is None:
        raise Invalid.at("/type", "invalid_choice", _("Must be “order” or “return”."))
    name = data.get("return_id" if kind == "return" else "order_id")
    line.reference = name[:100] if isinstance(name, str) else ""
    with transaction.atomic():
        outcome = handle(data, clock.now())
        line.status, line.outcome, line.content = BatchLine.Status.TAKEN, outcome, None
        line.save(update_fields=["status", "outcome", "content", "reference"])


def _order(data: dict[str, Any], now: datetime) -> str:
    content = orders.parse(data, currency=current_brand().currency, now=now)
    return "recorded" if orders.record_order(content=content, now=now).created else "repeated"


def _return(data: dict[str, Any], now: datetime) -> str:
    order_id = data.pop("order_id", None)
    if not isinstance(order_id, str) or not 1 <= len(order_id.strip()) <= 100:
        raise Invalid.at("/order_id", "required", _("Names the order that is returned."))
    content = orders.parse_return(data, now=now)
    returned = orders.record_return(order_id=order_id.strip(), content=content, now=now)
    return "parked" if returned.parked else "returned" if returned.created else "repeated"


_HANDLERS: Final[Mapping[str, Callable[[dict[str, Any], datetime], str]]] = {
    "order": _order,
    "return": _return,
}
