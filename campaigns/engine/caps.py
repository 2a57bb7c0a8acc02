"""Caps: how much a rule may give per order, per member and period, how often, and in total."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from campaigns.engine.exact import number
from campaigns.engine.facts import activity_fact, lookup
from campaigns.engine.types import CounterKey, Counters, Event

PERIODS: Final = ("day", "week", "month", "year", "lifetime")
ONCE_A_DAY: Final = "/trigger"
"""The path of a refusal because the same counted for this day already."""
MOST_POINTS: Final = 10**12
"""The most that one rule gives at once: what one entry of the ledger may move. No order is refused for what a
rule would give beyond it."""


def period_key(period: str, day: date) -> str:
    """The name of the brand-local period that a day lies in; weeks are named by their Monday."""
    if period == "day":
        return f"day:{day.isoformat()}"
    if period == "week":
        return f"week:{(day - timedelta(days=day.weekday())).isoformat()}"
    if period == "month":
        return f"month:{day.year:04d}-{day.month:02d}"
    return f"year:{day.year:04d}" if period == "year" else "lifetime"


@dataclass(slots=True)
class Cut:
    """Points left after caps, the cap that took the last of them, and what to add to the counters."""

    points: int
    path: str | None
    counts: dict[CounterKey, int]

    @property
    def refused(self) -> bool:
        """Whether a cap left nothing at all."""
        return self.path is not None and not self.counts and self.points == 0

    def settled(self, points: int) -> Cut:
        """The same with the points finally given: what point counters add."""
        counts = {key: points if key.kind == "points" else count for key, count in self.counts.items()}
        return Cut(points, self.path, counts)


@dataclass(frozen=True, slots=True)
class Caps:
    """A rule's caps, compiled. Each limit is None where the rule has none."""

    rule: str
    per_order: int | None
    per_member: tuple[tuple[str, int], ...]
    times: tuple[tuple[str, int], ...]
    total: int | None
    once_per: tuple[str, ...]

    def keys(self, member_id: str, event: Event, day: date) -> list[CounterKey]:
        """Every counter that these caps read for this member and event."""
        keys = [self._key(member_id, "points", period, day) for period, _ in self.per_member]
        keys += [self._key(member_id, "times", period, day) for period, _ in self.times]
        if self.once_per:
            keys.append(self._once(member_id, event))
        return keys

    def _key(self, member_id: str, kind: str, period: str, day: date) -> CounterKey:
        return CounterKey(self.rule, member_id, kind, period_key(period, day))

    def _unsaid(self, event: Event) -> int | None:
        """The place in `once_per` of what the event does not say: it may or may not have come before."""
        return next((n for n, name in enumerate(self.once_per) if _once_value(event, name) is None), None)

    def _once(self, member_id: str, event: Event) -> CounterKey:
        values = [_once_value(event, name) for name in self.once_per]
        digest = hashlib.sha256(json.dumps(values, default=str, sort_keys=True).encode()).hexdigest()[:32]
        return CounterKey(self.rule, member_id, "once", digest)

    def apply(self, points: int, member_id: str, event: Event, day: date, counters: Counters) -> Cut:
        """Cut points by per_order, per_member from the shortest period, and times.

        ``total`` is not applied here: it comes last of all, when every other rule has been judged.
        A grant is asked for with 0 points, and answered by its counters or by none.
        """
        path: str | None = None
        if self.per_order is not None and points > self.per_order:
            points, path = self.per_order, "/caps/per_order"
        counts: dict[CounterKey, int] = {}
        for period, limit in self.per_member:
            key = self._key(member_id, "points", period, day)
            left = max(0, limit - counters.used(key))
            if points > left:
                points, path = left, f"/caps/per_member/{period}"
            counts[key] = points
        if points == 0 and path is not None:
            return Cut(0, path, {})
        for period, limit in self.times:
            key = self._key(member_id, "times", period, day)
            if counters.used(key) >= limit:
                return Cut(0, f"/caps/times/{period}", {})
            counts[key] = 1
        if self.once_per:
            unknown = self._unsaid(event)
            if unknown is not None:
                return Cut(0, f"/caps/once_per/{unknown}", {})
            key = self._once(member_id, event)
            if counters.used(key) >= 1:
                return Cut(0, "/caps/once_per", {})
            counts[key] = 1
        return Cut(points, path, counts).settled(points)


def _once_value(event: Event, name: str) -> Any:
    if name.startswith("activity."):
        value = activity_fact(event, name)
    elif event.order is None:
        value = None
    elif name.startswith("order.attributes."):
        value = lookup(event.order.attributes, name.removeprefix("order.attributes."))
    else:
        value = getattr(event.order, name.removeprefix("order."), None)
    return None if value is None else str(value)


def _limit(value: Any) -> int:
    parsed = number(value)
    if parsed.denominator != 1 or parsed < 0:
        raise ValueError(f"not a whole number: {value!r}")
    return parsed.numerator


def _by_period(body: Mapping[str, Any] | None) -> tuple[tuple[str, int], ...]:
    return tuple(
        (period, _limit(body[period])) for period in PERIODS if body and body.get(period) is not None
    )


def compile_caps(rule: str, body: Mapping[str, Any] | None) -> Caps | None:
    """Compile a rule's ``caps``; None if it has none. Raises ValueError for what the schema refuses."""
    if not body:
        return None
    caps = Caps(
        rule=rule,
        per_order=None if body.get("per_order") is None else _limit(body["per_order"]),
        per_member=_by_period(body.get("per_member")),
        times=_by_period(body.get("times")),
        total=None if body.get("total") is None else _limit(body["total"]),
        once_per=tuple(body.get("once_per") or ()),
    )
    empty = caps.per_order is None and caps.total is None
    return None if empty and not (caps.per_member or caps.times or caps.once_per) else caps
