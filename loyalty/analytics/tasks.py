"""The verification of all brands' books, one brand at a time, and what campaigns cost."""

import time

from celery import shared_task

from campaigns.services import campaigns
from campaigns.services import programme as programmes
from loyalty.analytics import selectors, simulations  # noqa: F401 - registers the runner of simulations
from loyalty.analytics.finance import costs
from loyalty.analytics.services import programme, verification
from loyalty.lib import clock
from loyalty.lib.database import connection
from tenants import books
from tenants.context import in_brand
from tenants.fanout import active_brands, alone, for_each_brand
from tenants.models import Brand

TURN_S = 900.0
"""After this long no further brand is begun: the next tick goes on, in a new order."""
PROGRAMME = "analytics.programme"
LIMIT_S = 4 * 3600
"""The longest that one brand's books may take."""


@shared_task(time_limit=LIMIT_S)
def tick_verification() -> int:
    """Verify the brands whose time has come or whose owner asked; returns how many.

    One brand after another, and only one such task at a time, however many workers there are: each run holds
    a snapshot open and reads whole tables.
    """
    connection.set_schema_to_public()
    with alone("analytics.verification") as mine:
        if not mine:
            return 0
        done, ends = 0, time.monotonic() + TURN_S
        for brand in active_brands():
            done += _verify_if_due(brand)
            if time.monotonic() > ends:
                break
        return done


def _verify_if_due(brand: Brand) -> bool:
    with in_brand(brand):
        due = verification.is_due(now=clock.now())
        if due:
            verification.verify(now=clock.now())
        verdict = selectors.latest_verdict()
    if verdict is not None and verdict.finished_at is not None:
        books.note_verdict(
            brand=brand,
            sound=verdict.status == verdict.Status.SOUND,
            verified_at=verdict.finished_at,
        )
    return due


@shared_task
def tick_budgets() -> int:
    """Ask every active brand to hold what its campaigns gave against their budgets."""
    return for_each_brand(count_budgets, due=campaigns.is_behind)


@shared_task
def count_budgets() -> int:
    """Count what the brand's campaigns gave since the last time, at what a point costs."""
    return campaigns.count(now=clock.now(), unit_cost=costs.load().at)


@shared_task
def tick_programme() -> int:
    """Ask every active brand to hold the cost of redemptions against its programme's budget."""
    return for_each_brand(
        reckon_programme, expires_s=240, due=lambda _now: programmes.is_any_limit(), job=PROGRAMME
    )


@shared_task
def reckon_programme() -> None:
    """Reckon what redemptions of the period cost so far."""
    with alone(PROGRAMME) as held:
        if held:
            programme.reckon(now=clock.now())
