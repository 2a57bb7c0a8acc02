"""What one rule set gave over a period, added up as orders pass by: memory grows with members, not orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from campaigns.engine import Evaluation, RuleResult
from campaigns.engine.exact import product, scaled
from campaigns.services.orders import judging
from campaigns.services.simulation.reading import Bought
from points import expiry
from points.postings import DEFAULT_CURRENCY
from tenants.models import Brand

DIMENSIONS: Final = ("rule", "cost_centre", "tier", "category", "store", "channel", "day")


class Priced(Protocol):
    """What points cost."""

    @property
    def currency(self) -> str:
        """The money it is told in."""
        ...

    def micro(self, points_currency: str, at: datetime) -> int:
        """The cost of one point at the instant, in millionths."""
        ...


@dataclass(slots=True)
class Cell:
    """Points of the usual currency, cost of all currencies in millionths, and orders that got anything."""

    points: int = 0
    cost: int = 0
    orders: int = 0


@dataclass(slots=True)
class Held:
    """Points of one currency: given, and what of them would not have run out by the end of the period."""

    points: int = 0
    cost: int = 0
    outstanding: int = 0
    pending: int = 0


@dataclass(slots=True)
class Work:
    """What became of one rule at the orders that were counted. `matched` are those where it would have given
    something before caps; `cut` those of them where a cap took some or all."""

    given: int = 0
    matched: int = 0
    cut: int = 0
    grants: int = 0
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class Seen:
    """A counted order with what it is counted under."""

    bought: Bought
    tier: str
    day: str


class Tally:
    """The sums of one rule set."""

    def __init__(self, brand: Brand, end: datetime, priced: Priced) -> None:
        self._end, self._priced, self._tz = end, priced, brand.tz
        self._usual = brand.setting("expiry")
        self._ends: dict[tuple[str, int, str], bool] = {}
        self.currencies: dict[str, Held] = defaultdict(Held)
        self.cells: dict[str, dict[str, Cell]] = {name: defaultdict(Cell) for name in DIMENSIONS}
        self.rules: dict[str, Work] = defaultdict(Work)
        self.members: dict[UUID, int] = defaultdict(int)
        self.orders = 0

    @property
    def points(self) -> int:
        """All points of the usual currency."""
        return self.currencies[DEFAULT_CURRENCY].points

    def add(self, seen: Seen, evaluation: Evaluation) -> None:
        """Count what one judgement of an order gave."""
        got = [each for each in evaluation.results if self._worked(each)]
        if not got:
            return
        self.orders += 1
        points = cost = 0
        for result in got:
            own, price = self._held(seen, result)
            points, cost = points + own, cost + price
            # A rule has one currency, which its row names; other rows tell the usual one.
            self._count("rule", result.rule, result.points, price)
            self._count("cost_centre", result.cost_centre, own, price)
            for category, part in _by_category(seen.bought, result):
                self._count("category", category, part if own else 0, price * part // result.points)
        bought = seen.bought
        for name, key in (
            ("tier", seen.tier),
            ("store", bought.order.store_id),
            ("channel", bought.order.channel),
            ("day", seen.day),
        ):
            self._count(name, key, points, cost)
        assert bought.member_id is not None
        self.members[bought.member_id] += points

    def _worked(self, result: RuleResult) -> bool:
        """Note how a rule fared; whether it gave points."""
        work = self.rules[result.rule]
        if result.reason is not None:
            work.refused[result.reason] += 1
            if result.reason == "cap":
                work.matched += 1
                work.cut += 1
            return False
        work.matched += 1
        work.given += 1
        work.cut += result.path is not None
        work.grants += result.grant is not None
        return result.points > 0

    def _held(self, seen: Seen, result: RuleResult) -> tuple[int, int]:
        """Count a result by its currency; its points where they are of the usual one, and its cost."""
        points, at = result.points, seen.bought.order.ordered_at
        cost = points * self._priced.micro(result.currency, at)
        held = self.currencies[result.currency]
        held.points += points
        held.cost += cost
        if self._lasts(seen, result):
            held.outstanding += points
            if self._waits(seen.bought, result):
                held.pending += points
        return (points if result.currency == DEFAULT_CURRENCY else 0), cost

    def _lasts(self, seen: Seen, result: RuleResult) -> bool:
        key = (result.rule, result.version, seen.day)
        lasts = self._ends.get(key)
        if lasts is None:
            ends = expiry.expires_at(result.expiry or self._usual, seen.bought.order.ordered_at, self._tz)
            lasts = self._ends[key] = ends is None or ends > self._end
        return lasts

    def _waits(self, bought: Bought, result: RuleResult) -> bool:
        if result.waits_for is None:
            return result.available_at is not None and result.available_at > self._end
        done = bought.completed_at if result.waits_for == judging.COMPLETED else None
        return done is None or done > self._end

    def _count(self, name: str, key: str, points: int, cost: int) -> None:
        cell = self.cells[name][key]
        cell.points += points
        cell.cost += cost
        cell.orders += 1


def _by_category(bought: Bought, result: RuleResult) -> list[tuple[str, int]]:
    """A result's points by the first level of its lines' categories, in proportion to their amounts; the
    parts add up to the points."""
    categories = bought.categories
    if len(set(categories)) == 1:
        return [(categories[0], result.points)]
    lines = bought.order.lines
    named = set(result.lines) or {line.line_id for line in lines}
    weights: dict[str, int] = {}
    for line, category in zip(lines, categories, strict=True):
        if line.line_id in named:
            amount = product(scaled(line.quantity), scaled(line.unit_price)) - scaled(line.discount)
            weights[category] = weights.get(category, 0) + int(amount)
    whole = sum(weights.values())
    if whole <= 0:
        return [(next(iter(weights)), result.points)]
    return _shares(weights, whole, result.points)


def _shares(weights: Mapping[str, int], whole: int, points: int) -> list[tuple[str, int]]:
    shares, passed, told = [], 0, 0
    for name, weight in weights.items():
        passed += weight
        upto = points * passed // whole
        if upto > told:
            shares.append((name, upto - told))
        told = upto
    return shares


def percentiles(tally: Tally, members: int) -> dict[str, Any]:
    """How the points lie among `members`, those without any included: nearest rank."""
    if not members:
        return {"members": 0, "mean": "0", "p50": 0, "p90": 0, "p99": 0, "max": 0}
    found = sorted(tally.members.values())
    missing = members - len(found)

    def rank(percent: int) -> int:
        place = -(-members * percent // 100) - 1 - missing
        return found[place] if place >= 0 else 0

    return {
        "members": members,
        "mean": f"{tally.points / members:.1f}",
        "p50": rank(50),
        "p90": rank(90),
        "p99": rank(99),
        "max": found[-1] if found else 0,
    }
