"""Ticks of this room."""

from celery import shared_task

from loyalty.lib import clock
from partners import services
from tenants.fanout import alone, for_each_brand

TIDY_PORTION = 2_000


@shared_task
def tick_tidy() -> int:
    """Ask every active brand to remove what deleted webhook endpoints and old batches left behind."""
    return for_each_brand(
        tidy, expires_s=600, due=lambda now: services.is_any_gone(now) or services.is_any_batch_old(now)
    )


@shared_task
def tidy() -> None:
    """Remove the current brand's leftovers of deleted endpoints and of old batches, in portions."""
    with alone("partners.tidy") as held:
        while held and services.forget_deleted(now=clock.now(), limit=TIDY_PORTION) == TIDY_PORTION:
            pass
        while held and services.forget_batches(now=clock.now(), limit=TIDY_PORTION) == TIDY_PORTION:
            pass
