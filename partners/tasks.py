"""Ticks of this room."""

from celery import shared_task

from loyalty.lib import clock
from partners import services
from tenants.fanout import alone, for_each_brand

TIDY_PORTION = 2_000


@shared_task
def tick_tidy() -> None:
    """Ask every active brand to remove what deleted webhook endpoints and old batches left behind."""
    for_each_brand(tidy, expires_s=600)


@shared_task
def tidy() -> None:
    """Remove the current brand's leftovers of deleted endpoints and of old batches, in portions."""
    with alone("partners.tidy") as held:
        while held and services.forget_deleted(now=clock.now(), limit=TIDY_PORTION) == TIDY_PORTION:
            pass
        while held and services.forget_batches(now=clock.now(), limit=TIDY_PORTION) == TIDY_PORTION:
            pass
