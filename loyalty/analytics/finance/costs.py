"""What a point costs at an instant, from the dated table of unit costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from loyalty.analytics.models import UnitCost
from loyalty.lib import money
from tenants.context import current_brand

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Where the history of a cost that was never set begins."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The unit costs of a brand over time, in its own currency.

    A points currency without a row costs what the brand's setting `point_cost` says.
    """

    currency: str
    fallback: Decimal
    history: Mapping[str, Sequence[tuple[datetime, Decimal]]]

    def at(self, points_currency: str, at: datetime) -> Decimal:
        """The cost of one point at the instant."""
        found = self.fallback
        for valid_from, cost in self.history.get(points_currency, ()):
            if valid_from > at:
                break
            found = cost
        return found

    def changes(self, start: datetime, end: datetime) -> list[datetime]:
        """The instants within (start, end) at which a cost changes, in order."""
        found = {valid_from for rows in self.history.values() for valid_from, _cost in rows}
        return sorted(at for at in found if start < at < end)


def load() -> Costs:
    """The unit costs of the current brand. One query."""
    brand = current_brand()
    history: dict[str, list[tuple[datetime, Decimal]]] = {}
    for points_currency, valid_from, cost in _ordered(UnitCost.objects.all()):
        rows = history.setdefault(points_currency, [])
        if rows and rows[-1][0] == valid_from:
            rows.pop()
        rows.append((valid_from, Decimal(money.plain(cost))))
    return Costs(brand.currency, Decimal(str(brand.setting("point_cost"))), history)


def _ordered(rows: Iterable[UnitCost]) -> list[tuple[str, datetime, Decimal]]:
    ordered = sorted(rows, key=lambda row: (row.points_currency, row.valid_from, row.set_at, row.id))
    return [(row.points_currency, row.valid_from, row.cost) for row in ordered]
