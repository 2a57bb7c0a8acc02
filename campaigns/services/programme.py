"""The programme's budget: what redemptions cost, against the share of the marketing budget set for them.

At the limit bonus rules stop and no new campaign begins; base earning goes on, and so does the spending of
points that were earned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import locks
from campaigns.engine.occurrences import midnight
from campaigns.models import ProgrammeBudget, ProgrammePlan
from campaigns.services import rulewriting
from loyalty.lib import instants, money
from loyalty.lib.errors import Invalid
from loyalty.outbox import services as outbox
from tenants.context import current_brand

PERCENT: Final = 15
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
# A forecast from less than a day would say nothing.
SOONEST: Final = timedelta(days=1)
Status = ProgrammeBudget.Status


@dataclass(frozen=True, slots=True)
class Period:
    """A month, quarter or year, brand time: from an instant until before another."""

    start: datetime
    end: datetime


def plan() -> ProgrammePlan | None:
    """What redemptions may cost, or None where there is no limit."""
    newest = ProgrammePlan.objects.order_by("-id").first()
    return newest if newest is not None and newest.amount is not None else None


def is_any_limit() -> bool:
    """Whether there is a plan, or something to free that an earlier one stopped."""
    latest = ProgrammeBudget.objects.order_by("-starts_at").values_list("status", flat=True).first()
    return plan() is not None or latest not in (None, Status.WITHIN)


def set_plan(
    *, period: str, amount: Decimal | None, percent: int = PERCENT, actor: str, now: datetime
) -> ProgrammePlan:
    """Let redemptions cost `percent` of `amount`, in the brand's currency, each `period`; None: no limit.

    It counts from the next reckoning on, some minutes later. Saying the same again writes nothing.
    Raises Invalid.
    """
    if period not in _MONTHS:
        raise Invalid.at("/period", "invalid_choice", _("One of month, quarter, year."))
    if not 1 <= percent <= 100:
        raise Invalid.at("/percent", "range", _("From 1 to 100."))
    if amount is not None and amount * percent < 1:
        raise Invalid.at("/amount", "too_small", _("The limit must come to at least 0.01."))
    newest = ProgrammePlan.objects.order_by("-id").first()
    if newest is not None and (newest.period, newest.amount, newest.percent) == (period, amount, percent):
        return newest
    return ProgrammePlan.objects.create(
        period=period, amount=amount, percent=percent, set_at=now, set_by=actor
    )


def limit_of(found: ProgrammePlan) -> Decimal:
    """What redemptions of a period may cost, to the cent, cut."""
    amount = found.amount or Decimal(0)
    return (amount * found.percent / 100).quantize(Decimal("0.01"), rounding="ROUND_DOWN")


def period_at(found: ProgrammePlan, now: datetime) -> Period:
    """The plan's period that `now` lies in."""
    tz, months = current_brand().tz, _MONTHS[found.period]
    today = now.astimezone(tz).date()
    first = (today.month - 1) // months * months
    ends = today.year * 12 + first + months
    return Period(
        midnight(date(today.year, first + 1, 1), tz),
        midnight(date(ends // 12, ends % 12 + 1, 1), tz),
    )


def forecast(spent: Decimal, period: Period, now: datetime) -> Decimal:
    """What redemptions will have cost by the period's end if they go on as so far."""
    passed = now - period.start
    if passed < SOONEST:
        return spent
    whole = Fraction(spent) * Fraction((period.end - period.start) / timedelta(microseconds=1))
    expected = whole / Fraction(passed / timedelta(microseconds=1))
    return (Decimal(expected.numerator) / Decimal(expected.denominator)).quantize(Decimal("0.000001"))


def hold_against(*, period: Period, limit: Decimal, spent: Decimal, now: datetime) -> ProgrammeBudget:
    """Note what redemptions of the period cost so far, and stop or free bonus rules by it.

    One transaction; run twice it changes nothing.
    """
    with transaction.atomic():
        before = locks.programme()
        budget = before if before is not None and before.starts_at == period.start else None
        was = before.status if before is not None else Status.WITHIN
        if budget is None:
            budget = ProgrammeBudget(starts_at=period.start)
        expected = forecast(spent, period, now)
        budget.ends_at, budget.limit, budget.spent, budget.forecast = period.end, limit, spent, expected
        earlier = budget.status
        budget.status, budget.computed_at = _status(limit, spent, expected), now
        budget.save()
        if budget.status == Status.ALARM and earlier == Status.WITHIN:
            _tell("programme.budget_alarm", budget, now)
        if (budget.status == Status.REACHED) != (was == Status.REACHED):
            reached = budget.status == Status.REACHED
            _tell("programme.budget_reached" if reached else "programme.budget_freed", budget, now)
            rulewriting.changed(now)
        return budget


def lift(*, now: datetime) -> None:
    """Free what a limit stopped that the brand does not set any more. Repeating it changes nothing."""
    with transaction.atomic():
        budget = locks.programme()
        if budget is None or budget.status == Status.WITHIN:
            return
        freed = budget.status == Status.REACHED
        budget.status, budget.computed_at = Status.WITHIN, now
        budget.save(update_fields=["status", "computed_at"])
        if freed:
            _tell("programme.budget_freed", budget, now)
            rulewriting.changed(now)


def _status(limit: Decimal, spent: Decimal, expected: Decimal) -> ProgrammeBudget.Status:
    if spent >= limit:
        return Status.REACHED
    return Status.ALARM if spent >= limit * 80 / 100 or expected > limit else Status.WITHIN


def _tell(event: str, budget: ProgrammeBudget, now: datetime) -> None:
    outbox.publish(
        type=event,
        payload={
            "starts_at": instants.text(budget.starts_at),
            "ends_at": instants.text(budget.ends_at),
            "limit": money.plain(budget.limit),
            "spent": money.plain(budget.spent),
            "forecast": money.plain(budget.forecast),
            "currency": current_brand().currency,
        },
        occurred_at=now,
    )
