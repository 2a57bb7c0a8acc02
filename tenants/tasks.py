"""Ticks of this room."""

from celery import shared_task

from loyalty.lib import clock
from tenants.context import current_brand
from tenants.fanout import alone, for_each_brand
from tenants.operators import compliancechanges, policychanges


@shared_task
def tick_policies() -> int:
    """Ask every active brand to carry its decided policies over, and what it decided of the matrix of law."""
    carried = for_each_brand(carry_policies, due=policychanges.is_behind)
    return carried + for_each_brand(settle_compliance, due=compliancechanges.is_any_due)


@shared_task
def carry_policies() -> int:
    """Carry over what a process that was cut off left behind; returns how many changes."""
    return policychanges.carry_over(current_brand())


@shared_task
def settle_compliance() -> int:
    """Tell owners of what will be unlocked, and unlock what has waited its day; returns how many changes."""
    with alone("compliance") as mine:
        return compliancechanges.settle(now=clock.now()) if mine else 0
