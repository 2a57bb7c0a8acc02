"""Ticks of the outbox."""

from celery import shared_task

from loyalty.outbox import handling, relay
from tenants.fanout import alone, for_each_brand


@shared_task
def tick_handlers() -> None:
    """Ask every active brand to relay its events and run the handlers that wait for them."""
    for_each_brand(run_handlers, expires_s=10)


@shared_task
def run_handlers() -> None:
    """Give the brand's new events their positions, then let every handler catch up."""
    with alone("outbox.handlers") as held:
        if held:
            relay.run()
            handling.run()
