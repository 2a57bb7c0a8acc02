"""A member's earlier orders as the engine reads them, and cap counters held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.engine.compliance import STRICT, ComplianceMatrix
from campaigns.engine.types import CounterKey, PastOrder


@dataclass(frozen=True, slots=True)
class PurchaseHistory:
    """History over a list of earlier orders: for simulations, tests and members with few orders."""

    purchases: tuple[PastOrder, ...] = ()
    compliance: ComplianceMatrix = STRICT

    def _visible(self, order: PastOrder, act: str) -> bool:
        return any(self.compliance.blocked(line.tags, act) is None for line in order.lines)

    def count_before(self, at: datetime, act: str) -> int:
        """How many orders with a visible line were placed at or before ``at``."""
        return sum(1 for order in self.purchases if order.ordered_at <= at and self._visible(order, act))

    def last_before(self, at: datetime, act: str) -> datetime | None:
        """When the latest of them was placed."""
        return max(
            (o.ordered_at for o in self.purchases if o.ordered_at <= at and self._visible(o, act)),
            default=None,
        )

    def orders(self, start: datetime, end: datetime) -> Iterable[PastOrder]:
        """The orders between the two instants, both included, oldest first."""
        inside = (order for order in self.purchases if start <= order.ordered_at <= end)
        return sorted(inside, key=lambda order: (order.ordered_at, order.order_id))


@dataclass(frozen=True, slots=True)
class SummaryHistory:
    """History from two figures that the database counted, plus the orders of the windows asked for.

    Count and last must already be limited to visible, not wholly returned orders at or before the
    event's instant, without the order at hand.
    """

    count: int = 0
    last_at: datetime | None = None
    recent: tuple[PastOrder, ...] = ()

    def count_before(self, at: datetime, act: str) -> int:
        """The figure given."""
        return self.count

    def last_before(self, at: datetime, act: str) -> datetime | None:
        """The instant given."""
        return self.last_at

    def orders(self, start: datetime, end: datetime) -> Iterable[PastOrder]:
        """The orders between the two instants, both included, oldest first."""
        inside = (order for order in self.recent if start <= order.ordered_at <= end)
        return sorted(inside, key=lambda order: (order.ordered_at, order.order_id))


@dataclass(slots=True)
class UsedCounters:
    """Counters from figures already read. ``take_total`` answers from ``totals`` and reserves nothing:
    for previews and tests; recording orders overrides it with a conditional UPDATE."""

    points: Mapping[CounterKey, int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)

    def used(self, key: CounterKey) -> int:
        """What was counted under the key; nothing counts as zero."""
        return self.points.get(key, 0)

    def take_total(self, rule: str, wanted: int, limit: int) -> int:
        """What is left of the rule's total, at most ``wanted``."""
        return max(0, min(wanted, limit - self.totals.get(rule, 0)))
