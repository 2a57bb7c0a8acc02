"""Ticks of the outbox."""

from celery import shared_task

from loyalty.lib import clock
from loyalty.outbox import handling, jobs, relay, services
from tenants.fanout import alone, for_each_brand, is_taken

TIDY_PORTION = 5_000
READING_LIMIT_S = 4 * 3600
HANDLERS = "outbox.handlers"


@shared_task
def tick_handlers() -> None:
    """Ask every active brand to relay its events and run the handlers that wait for them.

    A brand whose handlers are at work catches up by itself: a second task would only wait and expire.
    """
    for_each_brand(
        run_handlers,
        expires_s=10,
        due=lambda now: handling.is_any_behind(now) and not is_taken(HANDLERS),
    )


@shared_task
def run_handlers() -> None:
    """Give the brand's new events their positions, then let every handler catch up."""
    with alone(HANDLERS) as held:
        if held:
            relay.run()
            handling.run()


@shared_task
def tick_tidy() -> None:
    """Ask every active brand to drop answers that no Idempotency-Key can call for any more."""
    for_each_brand(tidy, expires_s=600)


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
def tick_jobs() -> None:
    """Ask every active brand to go on with its jobs."""
    for_each_brand(run_jobs, expires_s=10, due=lambda now: jobs.is_any_left("writing"))
    for_each_brand(run_reading_jobs, expires_s=10, due=lambda now: jobs.is_any_left("reading"))


@shared_task
def run_jobs() -> None:
    """Work on the current brand's jobs for a slice of time; what is left waits for its next turn."""
    with alone("outbox.jobs") as held:
        left = held and jobs.advance(now=clock.now)
    if left:
        run_jobs.delay()


@shared_task(time_limit=READING_LIMIT_S)
def run_reading_jobs() -> None:
    """Run the current brand's oldest job that only reads, whole; one at a time on the whole platform, so that
    long reading takes one worker at most."""
    with alone("outbox.reading-jobs", of_all_brands=True) as held:
        if held:
            jobs.advance(now=clock.now, lane="reading")
