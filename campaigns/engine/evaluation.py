"""The outcome of one event against the published rules, and its compact JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from campaigns.engine.types import CounterKey, RuleResult

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Results rule by rule, in a fixed order (base, fixed, multipliers, grants; priority, then code).

    ``facts`` are the values that conditions read, by view (``earn`` and, where compliance makes a
    difference, ``bonus``); ``windows`` are the contributions of other orders to each window. Both are
    recorded so that a return can be judged by them. ``counters`` says what to add to each cap counter.
    ``qualifying_amount`` is the money that counts where tiers qualify by spend.
    """

    trigger: str
    occurred_at: datetime
    member_id: str
    results: tuple[RuleResult, ...]
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    windows: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)
    counters: Mapping[CounterKey, int] = field(default_factory=dict)
    carry_in: Mapping[str, Fraction] = field(default_factory=dict)
    carry_out: Mapping[str, Fraction] = field(default_factory=dict)
    qualifying_amount: Fraction = Fraction(0)
    blocked_lines: Mapping[str, str] = field(default_factory=dict)

    @property
    def winners(self) -> tuple[RuleResult, ...]:
        """The results that give points: each becomes one ledger entry."""
        return tuple(result for result in self.results if result.points > 0)

    @property
    def grants(self) -> tuple[RuleResult, ...]:
        """The results that grant something other than points."""
        return tuple(result for result in self.results if result.grant is not None and result.reason is None)

    def points(self, currency: str = "points") -> int:
        """All points given in one currency."""
        return sum(result.points for result in self.results if result.currency == currency)

    @property
    def window_orders(self) -> tuple[str, ...]:
        """Earlier orders whose return makes this evaluation be recounted."""
        return tuple(sorted({order for result in self.results for order in result.window_orders}))
