"""What finance did in the demo's year: a new cost of a point, and each month closed but the latest."""

from datetime import datetime
from decimal import Decimal

from loyalty.analytics import reports
from loyalty.analytics.services import closing, unitcosts
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand

ACTOR = "demo"
COST = Decimal("0.012")
DEARER_FOR = 4  # months


def close(*, now: datetime) -> None:
    """Set the cost and close the months, the oldest first. The latest that is over is left to try it on."""
    running, *over = reports.months(now=now)
    unitcosts.set_unit_cost(
        points_currency=DEFAULT_CURRENCY,
        cost=COST,
        valid_from=running.plus(-DEARER_FOR).starts_at(current_brand().tz),
        actor=ACTOR,
        now=now,
    )
    for month in reversed(over[1:]):
        closing.lock_month(month=month, actor=ACTOR, now=now)
