"""The rules engine alone: 20 rules over orders of 5 lines, beside the same rules written by hand.

The hand-written predicate of a rule answers, for one line, whether the rule applies to it: its conditions on
the member, the order and the line, and its schedule, as a programmer would write them over plain objects with
the constants in place. It computes no points, gives no reason and reads no facts. It is called for each rule
and line, as the floor of perf.md says. `written out` is a floor of the other kind: one function that does all
the work of these 20 rules (points by line, best of a group, multipliers, flooring, a cap) over facts that are
ready, and no more.
"""

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from bench.byhand import PREDICATES, Facts, Row, points
from bench.figures import Figure
from campaigns.engine import (
    BrandContext,
    Event,
    Line,
    MemberFacts,
    Order,
    RuleSet,
    UsedCounters,
    compile_rules,
)
from campaigns.engine.judge import matcher
from campaigns.engine.scene import live_scene

TZ = ZoneInfo("Asia/Shanghai")
TIERS = ("silver", "gold", "diamond")
CATEGORIES = ("fresh/dairy", "fresh/fruit", "luxury/wine", "home/clean", "drinks", "snacks")
ORDERS, ROUNDS = 400, 7
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday


def _rule(code: str, effect: dict[str, Any], *when: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"code": code, "name": {"en": code}, "trigger": "order.paid", "effect": effect, **more}
    return {**body, "when": {"all": list(when)}} if when else body


def _rate(code: str, points: str, *when: dict[str, Any]) -> dict[str, Any]:
    return _rule(
        code, {"type": "per_amount", "points": points, "per": "1"}, *when, stacking={"group": "rate"}
    )


def _times(code: str, factor: str, *when: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _rule(code, {"type": "multiplier", "factor": factor}, *when, **more)


def _is(fact: str, op: str, value: Any) -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value}


WEEKEND = {"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}
EVENING = {"hours": [["18:30", "21:30"]]}
RULES: list[dict[str, Any]] = [
    _rate("r01-default", "1"),
    _rate("r02-fresh", "2", _is("line.category", "in", ["fresh"])),
    _rate("r03-luxury", "5", _is("line.category", "in", ["luxury"])),
    _rate("r04-snacks-app", "3", _is("line.category", "in", ["snacks"]), _is("order.channel", "eq", "app")),
    _rule("r05-units", {"type": "per_unit", "points": "10"}, _is("line.sku", "in", ["SKU-1", "SKU-2"])),
    _rule("r06-big", {"type": "fixed", "points": 100}, _is("order.amount", "gte", "500")),
    _rule("r07-first", {"type": "fixed", "points": 50}, _is("member.first_order", "eq", True)),
    _times("r08-gold", "1.2", _is("member.tier", "eq", "gold")),
    _times("r09-diamond", "1.5", _is("member.tier", "gte", "diamond")),
    _times("r10-weekend", "1.5", schedule=WEEKEND),
    _times("r11-birthday", "2", _is("member.birthday", "eq", "month")),
    _times("r12-parents", "1.3", _is("member.tags", "has", "new-parent"), stacking={"group": "promo"}),
    _times("r13-app", "1.1", _is("order.channel", "in", ["app", "miniprogram"]), stacking={"group": "promo"}),
    _times("r14-store", "1.1", _is("order.store_id", "in", ["S01", "S02"]), stacking={"group": "promo"}),
    _times("r15-region", "1.05", _is("order.region", "eq", "440100"), stacking={"group": "promo"}),
    _times("r16-dear", "1.2", _is("line.unit_price", "gte", "50"), _is("line.quantity", "gte", "2")),
    _times("r17-evening", "2", _is("line.category", "in", ["fresh"]), schedule=EVENING),
    _times("r18-old", "1.1", _is("member.enrolled_days", "gte", 365), _is("member.tags", "has", "staff")),
    _times("r19-brand", "2", _is("line.brand", "eq", "acme"), caps={"per_order": 200}),
    _rule("r20-back", {"type": "fixed", "points": 100}, _is("member.days_since_last_order", "gte", 60)),
]  # fmt: skip


class _History:
    """A member with some orders, the last of them a week ago."""

    def count_before(self, at: datetime, act: str) -> int:
        return 12

    def last_before(self, at: datetime, act: str) -> datetime | None:
        return AT - timedelta(days=7)

    def orders(self, start: datetime, end: datetime) -> Any:
        return ()


def _line(number: int, place: int) -> Line:
    n = number * 5 + place
    return Line(
        line_id=str(place + 1),
        sku=f"SKU-{n % 40}",
        quantity=Decimal(1 + n % 3),
        unit_price=Decimal(f"{3 + (n * 7) % 90}.{(n * 13) % 100:02d}"),
        discount=Decimal("0.50") if n % 4 == 0 else Decimal(0),
        category=CATEGORIES[(n * 5 + place) % len(CATEGORIES)],
        brand=("acme", "globex", "other")[n % 3],
        tags=frozenset(("milk",) if n % 5 == 0 else ()),
    )


def _order(number: int) -> Order:
    return Order(
        order_id=f"O{number}",
        ordered_at=AT + timedelta(minutes=number),
        currency="CNY",
        lines=tuple(_line(number, place) for place in range(5)),
        channel=("store", "app", "miniprogram")[number % 3],
        store_id=f"S{number % 9:02d}",
        region=("440100", "310000")[number % 2],
    )


def _member(number: int) -> MemberFacts:
    return MemberFacts(
        member_id=f"01900000-0000-7000-8000-{number:012d}",
        tier=TIERS[number % 3],
        tags=frozenset(("new-parent",) if number % 4 == 0 else ()),
        enrolled_at=AT - timedelta(days=number),
        birthday=AT.date().replace(year=1990, month=1 + number % 12, day=9),
        history=_History(),
    )


def cases(number: int = ORDERS) -> list[tuple[Event, MemberFacts]]:
    """Orders with their members."""
    return [(Event.of_order(_order(n)), _member(n)) for n in range(number)]


def ruleset() -> RuleSet:
    """The 20 rules, compiled."""
    context = BrandContext(timezone=TZ, tiers=TIERS)
    return compile_rules([(rule, 1) for rule in RULES], context)


def per_rule_and_line(work: Callable[[], None]) -> float:
    """Nanoseconds of this process for each rule and line."""
    gc.collect()
    gc.disable()
    began = time.process_time()
    work()
    took = time.process_time() - began
    gc.enable()
    return took * 1e9 / (ORDERS * len(RULES) * 5)


def measure() -> list[Figure]:
    """Matching and whole judgements of the engine, each beside its floor."""
    rules, made = ruleset(), cases()
    by_hand = [Facts.of(event, member) for event, member in made]
    _agree(rules, made, by_hand)
    scenes = [live_scene(event, member, rules.context, rules.needs("order.paid")) for event, member in made]
    matchers = [matcher(rule) for rule in rules.rules]
    used = UsedCounters()

    def evaluated() -> None:
        for event, member in made:
            rules.evaluate(event, member, counters=used)

    def matched() -> None:
        for scene in scenes:
            for match in matchers:
                match(scene)

    def predicates() -> None:
        for facts in by_hand:
            for applies in PREDICATES:
                for row in facts.rows:
                    applies(facts, row)

    def written_out() -> None:
        for facts in by_hand:
            points(facts)

    works = (evaluated, matched, predicates, written_out)
    took = [[per_rule_and_line(work) for work in works] for _round in range(ROUNDS)]
    whole, matching, floor, all_work = (median(row[n] for row in took) for n in range(len(works)))
    note = "ns for each rule and line"
    return [
        Figure("engine: which rules match, ÷ predicates", matching, floor, 3.0, 1.2, note, at_most=True),
        Figure("engine: whole judgement, ÷ predicates", whole, floor, 3.0, 1.2, note, at_most=True),
        Figure("engine: whole judgement, ÷ the rules written out", whole, all_work, None, None, note),
    ]


def _agree(rules: RuleSet, made: list[tuple[Event, MemberFacts]], by_hand: list[Facts]) -> None:
    """Both sides say the same, or the comparison means nothing."""
    for (event, member), facts in zip(made, by_hand, strict=True):
        told = rules.evaluate(event, member, counters=UsedCounters())
        given = {result.rule: result.points for result in told.winners}
        assert given == points(facts), (given, points(facts))


__all__ = ["Row", "cases", "measure", "ruleset"]
