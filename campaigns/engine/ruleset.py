"""A published set of rules, compiled once and evaluated many times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns.engine.evaluation import Evaluation
from campaigns.engine.types import (
    BrandContext,
    CounterKey,
    Counters,
    Event,
    HistoryNeeds,
    Kept,
    MemberFacts,
    Order,
    PastOrder,
)


class RuleSet:
    """The rules of one brand, compiled for its policies. Immutable; safe to share between threads."""

    def history_needs(self, trigger: str, at: datetime) -> HistoryNeeds:
        """What of the member's earlier orders the rules with this trigger will ask for."""
        ...

    def counter_keys(
        self, event: Event, member: MemberFacts, *, referrer: MemberFacts | None = None
    ) -> frozenset[CounterKey]:
        """Every cap counter that an evaluation of this event may read: load them in one query."""
        ...

    def evaluate(
        self,
        event: Event,
        member: MemberFacts,
        *,
        counters: Counters,
        referrer: MemberFacts | None = None,
    ) -> Evaluation:
        """Judge every rule with the event's trigger; writes nothing but ``counters.take_total``."""
        ...

    def reevaluate(
        self,
        recorded: Evaluation,
        order: Order,
        remaining: Mapping[str, Decimal],
        *,
        kept: Mapping[tuple[str, str], int] | None = None,
        window_orders: Iterable[PastOrder] = (),
        returned_orders: frozenset[str] = frozenset(),
    ) -> tuple[Kept, ...]:
        """What each entry of a recorded evaluation keeps when only ``remaining`` is left of its order.

        ``self`` must hold the recorded rule versions. ``order`` is the order as bought, ``remaining``
        the quantity left of each line_id (absent = nothing left). ``kept`` maps (rule, receiver) to
        the points still kept after earlier returns (default: those first given). Where another order
        that counted in a window was returned, ``window_orders`` brings what is left of it, or
        ``returned_orders`` names it when nothing is; all else stays as recorded.
        """
        ...


def compile_rules(rules: Iterable[tuple[Mapping[str, Any], int]], context: BrandContext) -> RuleSet:
    """Compile (body, version) pairs that passed ``campaigns.schema.check``. Raises ValueError otherwise."""
    ...
