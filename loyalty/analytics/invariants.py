"""What finance reports must agree with the members' balances; `verify_ledger` looks into it."""

from datetime import datetime, timedelta

from django.db.models import F, Max, Sum

from loyalty.analytics.finance import liability, queries
from loyalty.analytics.finance.rollforward import TICK
from loyalty.analytics.models import MonthClose
from loyalty.analytics.services import closing
from loyalty.lib import clock
from loyalty.lib.checks import MOST_SHOWN, Outcome, Tell, invariant, silent
from points.models import Account, Entry
from tenants.context import current_brand

LOOKED_BACK = (timedelta(0), timedelta(days=1), timedelta(days=31), timedelta(days=183))
"""How far back from now the report is held against the entries."""


@invariant("I11", "liability report = Σ member balances at its as-of time; closed months stand")
def liability_report(tell: Tell = silent) -> Outcome:
    """The report now against the accounts; at earlier instants against the entries; closed months again.

    `tell` hears of reports: one for each instant and each closed month.
    """
    zone, now = current_brand().tz, _now()
    found, lots = [], 0
    months = MonthClose.objects.count()
    for step, back in enumerate(LOOKED_BACK):
        at = now - back
        reported = {owed.points_currency: owed for owed in liability.owed_at(at, zone)}
        lots += sum(part.lots for owed in reported.values() for part in owed.slices)
        balances = dict(queries.rows("balances", {"before": at + TICK}))
        if not back:
            found += _compared(at, {name: owed.net for name, owed in reported.items()}, _held_by_members())
        found += _compared(at, {name: owed.net for name, owed in reported.items()}, balances)
        tell(step + 1, len(LOOKED_BACK) + months)
    for step, close in enumerate(MonthClose.objects.order_by("month").iterator()):
        different = closing.differences(close, thorough=True)
        if different:
            found.append(f"month {close}: {', '.join(different)} differ from what was closed")
        tell(len(LOOKED_BACK) + step + 1, len(LOOKED_BACK) + months)
    return Outcome(lots, found[:MOST_SHOWN])


def _now() -> datetime:
    # What was recorded ahead of this machine's clock counts too: members have it.
    latest = Entry.objects.aggregate(at=Max("recorded_at"))["at"]
    return max(clock.now(), latest) if latest else clock.now()


def _held_by_members() -> dict[str, int]:
    balance = Sum(F("available") + F("pending") + F("held") - F("debt"))
    return {
        name: int(points)
        for name, points in Account.objects.order_by().values_list("currency").annotate(points=balance)
    }


def _compared(at: datetime, reported: dict[str, int], balances: dict[str, int]) -> list[str]:
    return [
        f"{name} at {at.isoformat()}: reported {reported.get(name, 0)}, members hold {balances.get(name, 0)}"
        for name in sorted({*reported, *balances})
        if reported.get(name, 0) != balances.get(name, 0)
    ]
