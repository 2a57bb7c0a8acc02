"""Jobs: work that is too long for one call. What stands in their row survives any process.

A brand's jobs run one after another in the order they were asked for, in slices, so that one large job
keeps no worker from the other brands. A runner does a part at a time, each in a transaction of its own
that also records that it is done; so it may be cut off anywhere and goes on from there.

Jobs that only read stand in a lane of their own, so that no order waits for them. They run in one go: cut
off, they begin anew, for they left nothing behind.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from loyalty.lib.errors import NotFound, Refusal
from loyalty.lib.transactions import Busy
from loyalty.outbox.models import Job

SLICE_S: Final = 5.0
RESULTS_KEPT: Final = timedelta(days=90)
UNFINISHED: Final = (Job.Status.QUEUED, Job.Status.RUNNING)
ATTEMPTS: Final = 3
log = structlog.get_logger(__name__)

TimeLeft = Callable[[], bool]
# Works on the job while there is time; returns whether nothing is left to do.
Runner = Callable[[Job, TimeLeft], bool]
Lane = Literal["writing", "reading"]


@dataclass(frozen=True, slots=True)
class _Kind:
    runner: Runner
    lane: Lane


_kinds: dict[str, _Kind] = {}


class JobOver(Refusal):
    """A job that has ended cannot be cancelled any more."""

    code = "job_over"
    status = 409
    title = _("The job has ended already.")


class NoResult(Refusal):
    """The job has not succeeded (yet), or its kind finds nothing out."""

    code = "no_result"
    status = 409
    title = _("The job has no result.")


class GivenUp(Exception):
    """The job was begun several times and never came to its end."""


class Cancelled(Exception):
    """Somebody cancelled the job while it ran: its runner stops here."""


def runs(kind: str, lane: Lane = "writing") -> Callable[[Runner], Runner]:
    """Register the runner of jobs of this kind. Raises ValueError if there is one."""

    def register(runner: Runner) -> Runner:
        if kind in _kinds:
            raise ValueError(f"jobs of kind {kind} have a runner")
        _kinds[kind] = _Kind(runner, lane)
        return runner

    return register


def ask(*, kind: str, total: int, params: Mapping[str, Any], asked_by: str, now: datetime) -> Job:
    """Put a job into the queue, in the transaction of what it works on; `total` is its number of steps."""
    return Job.objects.create(
        id=ids.new(), kind=kind, total=total, params=dict(params), asked_by=asked_by, created_at=now
    )


def find(job_id: UUID) -> Job:
    """The job of this id, without its result. Raises NotFound."""
    job = Job.objects.defer("result").filter(pk=job_id).first()
    if job is None:
        raise NotFound
    return job


def result(job_id: UUID) -> dict[str, Any]:
    """What a job found out. Raises NotFound, NoResult."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise NotFound
    if job.status != Job.Status.SUCCEEDED or job.result is None:
        raise NoResult(job_status=job.status)
    return dict(job.result)


def is_any_left(lane: Lane) -> bool:
    """Whether the current brand has an unfinished job in the lane."""
    return _unfinished(lane).exists()


def _unfinished(lane: Lane) -> QuerySet[Job]:
    kinds = [kind for kind, each in _kinds.items() if each.lane == lane]
    return Job.objects.filter(status__in=UNFINISHED, kind__in=kinds)


def advance(*, now: Callable[[], datetime], slice_s: float = SLICE_S, lane: Lane = "writing") -> bool:
    """Work on the lane's oldest unfinished job of the current brand for a while; whether any is left.

    Only one process may do this for a brand and lane at a time. An unexpected error fails the job, with what
    was done before kept; a database that is away is no error of the job's.
    """
    job = _unfinished(lane).order_by("created_at", "id").first()
    if job is None:
        return False
    if job.status == Job.Status.QUEUED:
        job.status, job.started_at = Job.Status.RUNNING, now()
        if not _change(job, Job.Status.QUEUED, status=job.status, started_at=job.started_at):
            return True
    ends = time.monotonic() + slice_s
    try:
        if lane == "reading":
            _count_attempt(job)
        finished = _kinds[job.kind].runner(job, lambda: time.monotonic() < ends)
    except (OperationalError, InterfaceError, Busy):
        raise
    except Cancelled:
        return True
    except Exception as error:
        log.exception("job_failed", job=str(job.pk), kind=job.kind)
        _end(job, Job.Status.FAILED, now(), problem=type(error).__name__)
        return True
    if finished:
        _end(job, Job.Status.SUCCEEDED, now())
    return True


def progress(job: Job, *, done: int, counts: Mapping[str, int]) -> None:
    """Note how far a job has come. Raises Cancelled."""
    job.done, job.counts = done, dict(counts)
    if not _change(job, *UNFINISHED, done=job.done, counts=job.counts):
        raise Cancelled


def keep_result(job: Job, result: Mapping[str, Any]) -> None:
    """Keep what a running job found out. Raises Cancelled."""
    if not _change(job, Job.Status.RUNNING, result=dict(result)):
        raise Cancelled


def is_any_result_old(now: datetime) -> bool:
    """Whether `forget_results` would find any."""
    return _with_old_result(now).exists()


def forget_results(*, now: datetime) -> int:
    """Drop what jobs found out that ended long ago; their rows stay. Returns how many."""
    return _with_old_result(now).update(result=None)


def _with_old_result(now: datetime) -> QuerySet[Job]:
    return Job.objects.filter(finished_at__lte=now - RESULTS_KEPT, result__isnull=False)


def cancel(*, job_id: UUID, now: datetime) -> Job:
    """Stop a job: what it did stays done, and nothing more of it is begun. Repeating it changes nothing.

    Raises NotFound, JobOver (it succeeded or failed before).
    """
    Job.objects.filter(pk=job_id, status__in=UNFINISHED).update(status=Job.Status.CANCELLED, finished_at=now)
    job = find(job_id)
    if job.status != Job.Status.CANCELLED:
        raise JobOver(job_status=job.status)
    return job


def _change(job: Job, *was: Job.Status, **fields: Any) -> bool:
    # By what the row says, not by what was read of it: somebody may have cancelled the job meanwhile.
    return bool(Job.objects.filter(pk=job.pk, status__in=was).update(**fields))


def _end(job: Job, status: Job.Status, at: datetime, problem: str = "") -> None:
    if _change(job, Job.Status.RUNNING, status=status, finished_at=at, problem=problem):
        job.status, job.finished_at, job.problem = status, at, problem


def _count_attempt(job: Job) -> None:
    """A job that has to be begun anew time and again kills its worker: it is given up."""
    attempts = int(job.params.get("attempts", 0)) + 1
    if attempts > ATTEMPTS:
        raise GivenUp
    job.params = {**job.params, "attempts": attempts}
    if not _change(job, Job.Status.RUNNING, params=job.params):
        raise Cancelled
