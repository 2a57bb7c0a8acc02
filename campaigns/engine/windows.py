"""Facts counted over a window of the member's orders, the order at hand included.

A window is a brand-local calendar period up to the purchase (``week`` from Monday, ``month``,
``quarter``, ``year``) or ``days:N``: the local day of the purchase and the N − 1 days before it.
With ``where.category`` only the lines of these categories count, in ``min_amount`` and in the sum alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from fractions import Fraction
from typing import Any

from campaigns.engine.exact import number, plain, scaled, simplify
from campaigns.engine.predicates import category_prefixes
from campaigns.engine.types import Exact, History, PastOrder

Contribution = tuple[str, str, str]  # order id, brand-local day, amount in exact decimal or fraction
Visible = Callable[[Iterable[str]], bool]


@dataclass(frozen=True, slots=True)
class Window:
    """One windowed fact of a rule, compiled. ``key`` names it among facts and in records."""

    key: str
    counts: bool
    period: str
    min_amount: Fraction | None
    categories: tuple[str, ...] | None
    distinct_days: bool

    def start(self, at: datetime, tz: tzinfo) -> datetime:
        """The first instant of the window that ends at ``at``."""
        day = first_day(self.period, at.astimezone(tz).date())
        return datetime.combine(day, time.min, tz)

    def contribution(self, order: PastOrder, tz: tzinfo, visible: Visible | None) -> Contribution | None:
        """What one order adds to the window, or None if it does not count; ``visible`` None = all lines."""
        amount, found = Fraction(0), False
        for line in order.lines:
            if visible is not None and not visible(line.tags):
                continue
            if self.categories is not None and not (line.category.strip("/") + "/").startswith(
                self.categories
            ):
                continue
            amount, found = amount + Fraction(line.amount), True
        if not found or (self.min_amount is not None and amount < self.min_amount):
            return None
        return order.order_id, order.ordered_at.astimezone(tz).date().isoformat(), plain(amount)

    def collect(
        self, history: History | None, at: datetime, tz: tzinfo, visible: Visible, skip: str | None
    ) -> tuple[Contribution, ...]:
        """What the earlier orders add; ``skip`` is the order at hand, should history hold it."""
        if history is None:
            return ()
        orders = (order for order in history.orders(self.start(at, tz), at) if order.order_id != skip)
        found = (self.contribution(order, tz, visible) for order in orders)
        return tuple(contribution for contribution in found if contribution is not None)

    def value(self, contributions: Iterable[Contribution]) -> Exact:
        """The fact: a number of orders or days, or scaled money."""
        if not self.counts:
            return simplify(
                scaled(
                    sum(
                        (
                            number(amount) if "/" not in amount else Fraction(amount)
                            for _, _, amount in contributions
                        ),
                        Fraction(0),
                    )
                )
            )
        if self.distinct_days:
            return len({day for _, day, _ in contributions})
        return sum(1 for _ in contributions)


def first_day(period: str, day: date) -> date:
    """The first local day of the window of this kind that ends on ``day``. Raises ValueError."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    if period == "quarter":
        return day.replace(month=day.month - (day.month - 1) % 3, day=1)
    if period == "year":
        return day.replace(month=1, day=1)
    kind, _, count = period.partition(":")
    if kind == "days" and count.isdigit() and 1 <= int(count) <= 3660:
        return day - timedelta(days=int(count) - 1)
    raise ValueError(f"unknown window {period!r}")


def compile_window(leaf: Mapping[str, Any]) -> Window:
    """The window of a condition such as ``{"fact": "member.orders.count", "window": "month", …}``."""
    where = leaf.get("where") or {}
    minimum, categories = where.get("min_amount"), where.get("category")
    distinct = bool(where.get("distinct_days", False))
    prefixes = None if categories is None else tuple(sorted(category_prefixes(categories)))
    least = None if minimum is None else number(minimum)
    identity = json.dumps(
        [prefixes, None if least is None else plain(least), distinct], separators=(",", ":")
    )
    first_day(leaf["window"], date(2000, 1, 1))
    return Window(
        key=f"{leaf['fact']}|{leaf['window']}|{identity}",
        counts=leaf["fact"] == "member.orders.count",
        period=leaf["window"],
        min_amount=least,
        categories=prefixes,
        distinct_days=distinct,
    )
