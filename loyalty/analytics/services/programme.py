"""What redemptions cost in a period, by the books and at what a point cost when it was redeemed."""

from datetime import datetime
from decimal import Decimal

from campaigns.models import ProgrammeBudget
from campaigns.services import programme
from loyalty.analytics.finance import costs, rollforward
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
    """What was redeemed from `start` to before `end`, less what was given back; never below 0. One query."""
    zone, known = current_brand().tz, costs.load()
    span = Span(Month.of(start.astimezone(zone)), start, end)
    changes = known.changes(start, end)
    found = Decimal(0)
    for group in rollforward.movements(span, zone, changes):
        if group.line in REDEEMED:
            at = changes[group.stretch - 1] if group.stretch else start
            found -= group.points * known.at(group.points_currency, at)
    return max(found, Decimal(0))
