"""Ticks of the outbox."""

from datetime import datetime

from celery import shared_task

from loyalty.lib import clock
from loyalty.outbox import handling, jobs, relay, services
from tenants.fanout import TURN_S, alone, ask_again, for_each_brand, is_taken

TIDY_PORTION = 5_000
READING_LIMIT_S = 4 * 3600
HANDLERS, JOBS, READING = "outbox.handlers", "outbox.jobs", "outbox.reading-jobs"


@shared_task
def tick_handlers() -> int:
    """Ask every active brand to relay its events and run the handlers that wait for them.

    A brand whose handlers are at work catches up by itself: a second task would only wait and expire.
    """
    return for_each_brand(run_handlers, due=handling.is_any_behind, job=HANDLERS)


@shared_task
def run_handlers() -> None:
    """Give the brand's new events their positions, then let every handler catch up."""
    with alone(HANDLERS) as held:
        if held:
            relay.run()
            handling.run(within_s=TURN_S)


@shared_task
def tick_tidy() -> int:
    """Ask every active brand to drop answers that no Idempotency-Key can call for any more."""
    return for_each_brand(tidy, expires_s=600, due=_is_any_old)


def _is_any_old(now: datetime) -> bool:
    return services.is_any_answer_old(now) or jobs.is_any_result_old(now)


@shared_task
def tidy() -> None:
    """Drop the current brand's idempotency records that are past their thirty days, in portions, and what old
    jobs found out."""
    with alone("outbox.tidy") as held:
        if held:
            jobs.forget_results(now=clock.now())
        while held and services.forget_answers(now=clock.now(), limit=TIDY_PORTION) == TIDY_PORTION:
            pass


@shared_task
def tick_jobs() -> int:
    """Ask every active brand to go on with its jobs."""
    writing = for_each_brand(run_jobs, due=lambda _now: jobs.is_any_left("writing"), job=JOBS)
    if is_taken(READING, of_all_brands=True):
        return writing
    return writing + for_each_brand(run_reading_jobs, due=lambda _now: jobs.is_any_left("reading"))


@shared_task
def run_jobs() -> None:
    """Work on the current brand's jobs for a slice of time; what is left waits for its next turn."""
    with alone(JOBS) as held:
        left = held and jobs.advance(now=clock.now)
    if left:
        ask_again(run_jobs)


@shared_task(time_limit=READING_LIMIT_S)
def run_reading_jobs() -> None:
    """Run the current brand's oldest job that only reads, whole; one at a time on the whole platform, so that
    long reading takes one worker at most."""
    with alone(READING, of_all_brands=True) as held:
        if held:
            jobs.advance(now=clock.now, lane="reading")
