"""From one month's end to the next: what was owed, what moved it, what is owed now.

A month is what was recorded in it. Points count from the members' side: what is owed more is positive.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from loyalty.analytics.finance import queries
from loyalty.analytics.finance.costs import Costs
from loyalty.analytics.finance.liability import worth
from loyalty.analytics.finance.months import Month
from loyalty.lib import instants, money

LINES: Final = (
    "imported",
    "issued",
    "redeemed",
    "given_back",
    "expired",
    "taken_back",
    "adjusted",
    "transferred",
    "other",
)
"""What moves the liability, in the order in which a report shows it."""
TICK: Final = timedelta(microseconds=1)
"""Instants have this resolution, so the last one of a month is its end less this."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A group of entries of one currency. `stretch` is how many changes of a cost lie before them."""

    points_currency: str
    cost_centre: str
    line: str
    stretch: int
    late: Month | None
    points: int
    entries: int


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time of a report: a month, or what has passed of it."""

    month: Month
    start: datetime
    end: datetime


def span_of(month: Month, *, zone: ZoneInfo, now: datetime) -> Span:
    """The month in the zone, up to and with `now` if it is still running."""
    return Span(month, month.starts_at(zone), min(month.ends_at(zone), now + TICK))


def report(*, span: Span, zone: ZoneInfo, costs: Costs) -> dict[str, Any]:
    """The month's roll-forward, ready to be written as JSON. Two queries, each grouped. Amounts are exact."""
    opening = dict(queries.rows("balances", {"before": span.start}))
    changes = costs.changes(span.start, span.end)
    moved = movements(span, zone, changes)
    names = sorted({*opening, *(group.points_currency for group in moved)})
    items = [
        _Item(
            span, costs, changes, name, opening.get(name, 0), [g for g in moved if g.points_currency == name]
        )
        for name in names
    ]
    return {
        "month": str(span.month),
        "starts_at": instants.text(span.start),
        "ends_at": instants.text(span.end),
        "time_zone": str(zone),
        "currency": costs.currency,
        "items": [item.told() for item in items],
        "total": {
            "opening": money.plain(sum((item.opening_amount for item in items), Decimal(0))),
            "closing": money.plain(sum((item.closing_amount for item in items), Decimal(0))),
        },
    }


def movements(span: Span, zone: ZoneInfo, changes: Sequence[datetime]) -> list[Movement]:
    """What the entries of the span moved, grouped in the database. One query."""
    values = {"start": span.start, "end": span.end, "tz": str(zone), "changes": list(changes)}
    return [
        Movement(currency, centre, line, stretch, Month.of(late) if late else None, points, entries)
        for currency, centre, line, stretch, late, points, entries in queries.rows("movements", values)
    ]


class _Item:
    """One points currency of a roll-forward."""

    def __init__(
        self,
        span: Span,
        costs: Costs,
        changes: Sequence[datetime],
        points_currency: str,
        opening: int,
        moved: Sequence[Movement],
    ) -> None:
        self.points_currency, self.opening, self.moved = points_currency, opening, moved
        # The month begins at the cost at which the one before ended.
        self.costs = [
            costs.at(points_currency, span.start - TICK),
            *(costs.at(points_currency, at) for at in (span.start, *changes)),
        ]
        self.opening_amount = opening * self.costs[0]
        self.closing = opening + sum(group.points for group in moved)
        self.closing_amount = self.closing * self.costs[-1]

    def told(self) -> dict[str, Any]:
        """The currency's part of the report."""
        return {
            "points_currency": self.points_currency,
            "unit_cost": {"opening": money.plain(self.costs[0]), "closing": money.plain(self.costs[-1])},
            "lines": [
                {"line": "opening", **worth(self.opening, self.costs[0])},
                *self._lines(self.moved),
                {"line": "revaluation", "points": 0, "amount": money.plain(self.revaluation())},
                {"line": "closing", **worth(self.closing, self.costs[-1])},
            ],
            "cost_centres": self._cost_centres(),
            "late": self._late(),
        }

    def revaluation(self) -> Decimal:
        """What changes of the unit cost made of the points that were outstanding when they came."""
        outstanding, found = self.opening, Decimal(0)
        for stretch in range(len(self.costs) - 1):
            found += outstanding * (self.costs[stretch + 1] - self.costs[stretch])
            outstanding += sum(group.points for group in self.moved if group.stretch == stretch)
        return found

    def _amount(self, groups: Iterable[Movement]) -> Decimal:
        return sum((group.points * self.costs[group.stretch + 1] for group in groups), Decimal(0))

    def _line(self, name: str, groups: Sequence[Movement]) -> dict[str, Any]:
        late = [group for group in groups if group.late]
        return {
            "line": name,
            "points": sum(group.points for group in groups),
            "amount": money.plain(self._amount(groups)),
            "entries": sum(group.entries for group in groups),
            "late_points": sum(group.points for group in late),
            "late_amount": money.plain(self._amount(late)),
        }

    def _lines(self, groups: Sequence[Movement]) -> list[dict[str, Any]]:
        return [self._line(name, [group for group in groups if group.line == name]) for name in LINES]

    def _cost_centres(self) -> list[dict[str, Any]]:
        centres: dict[str, list[Movement]] = defaultdict(list)
        for group in self.moved:
            centres[group.cost_centre].append(group)
        return [
            {
                "cost_centre": name,
                "points": sum(group.points for group in centres[name]),
                "amount": money.plain(self._amount(centres[name])),
                "lines": [line for line in self._lines(centres[name]) if line["entries"]],
            }
            for name in sorted(centres)
        ]

    def _late(self) -> list[dict[str, Any]]:
        found: dict[tuple[Month, str], list[Movement]] = defaultdict(list)
        for group in self.moved:
            if group.late:
                found[group.late, group.line].append(group)
        return [
            {
                "effective_month": str(month),
                "line": line,
                "points": sum(group.points for group in found[month, line]),
                "amount": money.plain(self._amount(found[month, line])),
                "entries": sum(group.entries for group in found[month, line]),
            }
            for month, line in sorted(found)
        ]
