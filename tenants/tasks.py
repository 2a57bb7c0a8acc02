"""Ticks of this room."""

from celery import shared_task

from tenants.context import current_brand
from tenants.fanout import for_each_brand
from tenants.operators import policychanges


@shared_task
def tick_policies() -> None:
    """Ask every active brand to carry its decided policies over."""
    for_each_brand(carry_policies)


@shared_task
def carry_policies() -> int:
    """Carry over what a process that was cut off left behind; returns how many changes."""
    return policychanges.carry_over(current_brand())
