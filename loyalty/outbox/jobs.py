"""Jobs: work that is too long for one call. What stands in their row survives any process.

A brand's jobs run one after another in the order they were asked for, in slices, so that one large job
keeps no worker from the other brands. A runner does a part at a time, each in a transaction of its own
that also records that it is done; so it may be cut off anywhere and goes on from there.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError

from loyalty.lib import ids
from loyalty.lib.transactions import Busy
from loyalty.outbox.models import Job

SLICE_S: Final = 20.0
UNFINISHED: Final = (Job.Status.QUEUED, Job.Status.RUNNING)
log = structlog.get_logger(__name__)

TimeLeft = Callable[[], bool]
# Works on the job while there is time; returns whether nothing is left to do.
Runner = Callable[[Job, TimeLeft], bool]
_runners: dict[str, Runner] = {}


def runs(kind: str) -> Callable[[Runner], Runner]:
    """Register the runner of jobs of this kind. Raises ValueError if there is one."""

    def register(runner: Runner) -> Runner:
        if kind in _runners:
            raise ValueError(f"jobs of kind {kind} have a runner")
        _runners[kind] = runner
        return runner

    return register


def ask(*, kind: str, total: int, params: Mapping[str, Any], asked_by: str, now: datetime) -> Job:
    """Put a job into the queue, in the transaction of what it works on; `total` is its number of steps."""
    return Job.objects.create(
        id=ids.new(), kind=kind, total=total, params=dict(params), asked_by=asked_by, created_at=now
    )


def advance(*, now: Callable[[], datetime], slice_s: float = SLICE_S) -> bool:
    """Work on the current brand's oldest unfinished job for a while; returns whether any is left.

    Only one process may do this for a brand at a time. An unexpected error fails the job, with what was
    done before kept; a database that is away is no error of the job's.
    """
    job = Job.objects.filter(status__in=UNFINISHED).order_by("created_at", "id").first()
    if job is None:
        return False
    if job.status == Job.Status.QUEUED:
        job.status, job.started_at = Job.Status.RUNNING, now()
        job.save(update_fields=["status", "started_at"])
    ends = time.monotonic() + slice_s
    try:
        finished = _runners[job.kind](job, lambda: time.monotonic() < ends)
    except (OperationalError, InterfaceError, Busy):
        raise
    except Exception as error:
        log.exception("job_failed", job=str(job.pk), kind=job.kind)
        job.status, job.finished_at, job.problem = Job.Status.FAILED, now(), type(error).__name__
        job.save(update_fields=["status", "finished_at", "problem"])
        return True
    if finished:
        job.status, job.finished_at = Job.Status.SUCCEEDED, now()
        job.save(update_fields=["status", "finished_at"])
    return True


def progress(job: Job, *, done: int, counts: Mapping[str, int]) -> None:
    """Note how far a job has come."""
    job.done, job.counts = done, dict(counts)
    job.save(update_fields=["done", "counts"])
