"""What redemptions cost in a period, by the books and at what a point cost when it was redeemed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from campaigns.models import ProgrammeBudget
from campaigns.services import programme
from loyalty.analytics.finance import costs, queries, rollforward
from loyalty.analytics.finance.months import Month
from loyalty.analytics.finance.rollforward import TICK, Span
from tenants.context import current_brand

REDEEMED = ("redeemed", "given_back")


def reckon(*, now: datetime) -> ProgrammeBudget | None:
    """Hold what redemptions of the period at hand cost against what they may cost; None without a limit."""
    plan = programme.plan()
    if plan is None:
        programme.lift(now=now)
        return None
    period = programme.period_at(plan, now)
    spent = redemption_cost(start=period.start, end=min(period.end, now + TICK))
    return programme.hold_against(period=period, limit=programme.limit_of(plan), spent=spent, now=now)


def redemption_cost(*, start: datetime, end: datetime) -> Decimal:
    """What was redeemed from `start` to before `end`, less what was given back; never below 0. Two queries.

    A piece of a reward that has a cost of its own costs that; anything else costs what its points cost then.
    """
    zone, known = current_brand().tz, costs.load()
    span = Span(Month.of(start.astimezone(zone)), start, end)
    changes = known.changes(start, end)
    found = Decimal(0)
    for group in rollforward.movements(span, zone, changes):
        if group.line in REDEEMED:
            found -= group.points * known.at(group.points_currency, _begin(changes, group.stretch, start))
    values = {"start": start, "end": end, "changes": changes}
    for currency, stretch, points, cost in queries.rows("goods", values):
        found += cost - points * known.at(currency, _begin(changes, stretch, start))
    return max(found, Decimal(0))


def _begin(changes: Sequence[datetime], stretch: int, start: datetime) -> datetime:
    """When the stretch of this number begins, by whose cost its points count."""
    return changes[stretch - 1] if stretch else start
