"""What is owed to members at an instant, as the books said then: in points and in money."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from loyalty.analytics.finance import queries
from loyalty.analytics.finance.costs import Costs
from loyalty.analytics.finance.months import Month
from loyalty.lib import instants, money

AGES: Final = ("0-30", "31-90", "91-180", "181-365", "366+")
"""Bands of a lot's age in days, youngest first."""
_BANDS: Final = (365, 180, 90, 30)

DUE, INACTIVITY, NEVER = "due", "inactivity", "never"
"""Instead of a month of expiry: run out but not yet booked, ends by inactivity, never ends."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of what lots held: by month of earning, age band, last valid month, and whether it waits."""

    earned: Month
    age: str
    expiry: str
    pending: bool
    points: int
    lots: int


@dataclass(slots=True)
class Owed:
    """What is owed in one points currency. `gross` is what lots hold; `net` the sum of members' balances."""

    points_currency: str
    slices: list[Slice] = field(default_factory=list)
    held: int = 0
    debt: int = 0

    @property
    def gross(self) -> int:
        """All that lots held."""
        return sum(part.points for part in self.slices)

    @property
    def pending(self) -> int:
        """Earned and not yet spendable."""
        return sum(part.points for part in self.slices if part.pending)

    @property
    def net(self) -> int:
        """available + pending + held − debt of all members."""
        return self.gross - self.debt

    def by(self, name: str) -> dict[Any, int]:
        """The points by one of the slices' fields."""
        found: dict[Any, int] = defaultdict(int)
        for part in self.slices:
            found[getattr(part, name)] += part.points
        return dict(found)


def owed_at(at: datetime, zone: ZoneInfo) -> list[Owed]:
    """What the books said at the instant, by points currency. Three queries, each grouped."""
    found: dict[str, Owed] = {}

    def of(points_currency: str) -> Owed:
        return found.setdefault(points_currency, Owed(points_currency))

    bands = [at - timedelta(days=days) for days in _BANDS]
    standing = queries.rows("standing", {"at": at, "tz": str(zone), "bands": bands})
    for points_currency, earned, band, expiry, pending, points, lots in standing:
        part = Slice(Month.of(earned), AGES[len(_BANDS) - band], expiry, pending, points, lots)
        of(points_currency).slices.append(part)
    for points_currency, points in queries.rows("held", {"at": at}):
        of(points_currency).held = points
    for points_currency, points in queries.rows("debt", {"at": at}):
        of(points_currency).debt = points
    return [found[name] for name in sorted(found)]


def report(*, at: datetime, zone: ZoneInfo, costs: Costs) -> dict[str, Any]:
    """The liability at the instant, ready to be written as JSON. Amounts are exact."""
    items, total = [], Decimal(0)
    for owed in owed_at(at, zone):
        cost = costs.at(owed.points_currency, at)
        total += owed.net * cost
        items.append(_item(owed, cost))
    return {
        "at": instants.text(at),
        "time_zone": str(zone),
        "currency": costs.currency,
        "items": items,
        "total": {"amount": money.plain(total)},
    }


def worth(points: int, cost: Decimal) -> dict[str, Any]:
    """Points and what they cost."""
    return {"points": points, "amount": money.plain(points * cost)}


def _item(owed: Owed, cost: Decimal) -> dict[str, Any]:
    ages, expiries, earned = owed.by("age"), owed.by("expiry"), owed.by("earned")
    return {
        "points_currency": owed.points_currency,
        "unit_cost": money.plain(cost),
        "lots": sum(part.lots for part in owed.slices),
        "outstanding": worth(owed.net, cost),
        "gross": worth(owed.gross, cost),
        "available": worth(owed.gross - owed.pending - owed.held, cost),
        "pending": worth(owed.pending, cost),
        "held": worth(owed.held, cost),
        "debt": worth(owed.debt, cost),
        "by_age": [{"days": band, **worth(ages.get(band, 0), cost)} for band in AGES],
        "by_expiry": [{"month": key, **worth(expiries[key], cost)} for key in in_order(expiries)],
        "by_earned": [{"month": str(month), **worth(earned[month], cost)} for month in sorted(earned)],
    }


def in_order(expiries: Mapping[str, int]) -> Sequence[str]:
    """What has run out first, then the months, then what ends by inactivity or never."""
    places = {DUE: 0, INACTIVITY: 2, NEVER: 3}
    return sorted(expiries, key=lambda key: (places.get(key, 1), key))
