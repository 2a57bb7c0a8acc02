"""Random rule sets and orders: the engine and the naive evaluator agree on every point.

RULE_EXAMPLES sets how many are tried: a few by default. `make soak ARGS=rules` tries 10,000 of each property.
"""

from __future__ import annotations

import os
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.engine import (
    BrandContext,
    CounterKey,
    Evaluation,
    Event,
    Line,
    MemberFacts,
    Order,
    UsedCounters,
    compile_rules,
)
from campaigns.schema import CheckContext, check
from tests.campaigns import naive

EXAMPLES = int(os.environ.get("RULE_EXAMPLES", "30"))
TIERS = ["silver", "gold", "diamond"]
TZ = ZoneInfo("Asia/Shanghai")
CATEGORIES = ["fresh", "fresh/dairy", "luxury", "other", ""]
PERIODS = {
    "day": "day:2026-11-20",
    "week": "week:2026-11-16",
    "month": "month:2026-11",
    "year": "year:2026",
    "lifetime": "lifetime",
}


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[str]:
    scale = 10**places
    return st.integers(low * scale, high * scale).map(lambda n: str(Decimal(n) / scale))


leaf = st.one_of(
    st.builds(
        lambda op, value: {"fact": "line.category", "op": op, "value": value},
        st.sampled_from(["in", "not_in"]),
        st.lists(st.sampled_from(CATEGORIES[:4]), min_size=1, max_size=2),
    ),
    st.builds(
        lambda fact, op, value: {"fact": fact, "op": op, "value": value},
        st.sampled_from(["order.amount", "line.amount", "line.unit_price", "line.quantity"]),
        st.sampled_from(["gt", "gte", "lt", "lte"]),
        decimals(0, 60, 1),
    ),
    st.builds(
        lambda low, more: {"fact": "order.amount", "op": "between", "value": [str(low), str(low + more)]},
        st.integers(0, 80),
        st.integers(0, 80),
    ),
    st.builds(
        lambda op, value: {"fact": "member.tier", "op": op, "value": value},
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        st.sampled_from(TIERS),
    ),
    st.builds(lambda n: {"fact": "order.line_count", "op": "gte", "value": n}, st.integers(1, 4)),
    st.builds(lambda tag: {"fact": "member.tags", "op": "has", "value": tag}, st.sampled_from(["a", "b"])),
    st.builds(
        lambda c: {"fact": "order.channel", "op": "in", "value": [c]}, st.sampled_from(["store", "web"])
    ),
)
nodes = st.recursive(
    leaf,
    lambda inner: st.builds(
        lambda kind, children: {kind: children},
        st.sampled_from(["all", "any", "none"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)
effects = st.one_of(
    st.builds(
        lambda points, per, whole: {"type": "per_amount", "points": points, "per": per, "whole": whole},
        st.one_of(st.sampled_from(["1", "2"]), decimals(1, 9, 1)),
        st.sampled_from(["1", "3", "10", "0.7"]),
        st.booleans(),
    ),
    st.builds(lambda points: {"type": "per_unit", "points": points}, decimals(1, 5, 2)),
    st.builds(lambda points: {"type": "fixed", "points": points}, st.integers(1, 200)),
    st.builds(
        lambda factor: {"type": "multiplier", "factor": factor},
        st.one_of(st.sampled_from(["1.5", "1.51", "2"]), decimals(1, 4, 2)),
    ),
)
caps = st.fixed_dictionaries(
    {},
    optional={
        "per_order": st.integers(1, 80),
        "per_member": st.dictionaries(st.sampled_from(list(PERIODS)), st.integers(1, 150), max_size=3),
        "times": st.fixed_dictionaries({"lifetime": st.integers(1, 3)}),
        "total": st.integers(1, 300),
    },
)
schedules = st.sampled_from(
    [
        {},
        {},
        {"rrule": "FREQ=WEEKLY;BYDAY=FR,SA"},
        {"rrule": "FREQ=MONTHLY;BYMONTHDAY=20,-1"},
        {"hours": [["09:00", "12:00"], ["22:00", "02:00"]]},
        {"rrule": "FREQ=WEEKLY;BYDAY=TH", "hours": [["20:00", "11:00"]]},
    ]
)


def rules(currencies: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    rule = st.fixed_dictionaries(
        {"effect": effects},
        optional={
            "when": nodes.map(lambda node: {"all": [node]}),
            "schedule": schedules,
            "stacking": st.sampled_from(["x", "x", "y"]).map(lambda name: {"group": name, "policy": "best"}),
            "priority": st.integers(-2, 2),
            "caps": caps,
            "points": st.sampled_from(currencies).map(lambda name: {"currency": name}),
            "audience": st.sampled_from([0, 30, 100]).map(lambda n: {"rollout_percent": n}),
        },
    )
    return st.lists(rule, min_size=1, max_size=7).map(
        lambda found: [
            {"code": f"r{n}", "name": {"en": "r"}, "trigger": "order.paid", **each}
            for n, each in enumerate(found)
        ]
    )


lines = st.lists(
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(CATEGORIES),
            "quantity": st.sampled_from(["1", "2", "3", "0.5", "1.333"]),
            "unit_price": decimals(0, 60, 2),
            "cut": st.sampled_from([0, 0, 1, 3, 7]),
            "tags": st.sampled_from([[], [], [], ["infant_0_6"], ["organic"]]),
        }
    ),
    min_size=1,
    max_size=5,
)
times = st.times().map(lambda time: datetime.combine(date(2026, 11, 20), time))
members = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["m1", "m2", "m3"]),
        "tier": st.sampled_from([None, *TIERS]),
        "tags": st.lists(st.sampled_from(["a", "b"]), max_size=2),
    }
)


def orders_of(found: list[dict[str, Any]], at: datetime, unearned: str) -> tuple[dict[str, Any], Order]:
    """The same order for both evaluators."""
    plain, typed = [], []
    for n, line in enumerate(found):
        gross = Decimal(line["quantity"]) * Decimal(line["unit_price"])
        discount = (gross * line["cut"] / 10).quantize(Decimal("0.01"))
        discount = min(discount, gross)
        plain.append({**line, "line_id": str(n), "discount": str(discount)})
        typed.append(
            Line(
                line_id=str(n),
                sku=str(n),
                quantity=Decimal(line["quantity"]),
                unit_price=Decimal(line["unit_price"]),
                discount=discount,
                category=line["category"],
                tags=frozenset(line["tags"]),
            )
        )
    world = {"lines": plain, "local": at, "channel": "store", "unearned": unearned}
    order = Order(
        order_id="o",
        ordered_at=at.replace(tzinfo=TZ),
        currency="CNY",
        lines=tuple(typed),
        channel="store",
        unearned=Decimal(unearned),
    )
    return world, order


def facts_of(member: dict[str, Any], carry: Fraction | None = None) -> MemberFacts:
    return MemberFacts(
        member_id=member["id"],
        tier=member["tier"],
        tags=frozenset(member["tags"]),
        carry={} if carry is None else {"points": carry},
    )


CONTEXT = BrandContext(TZ, tuple(TIERS))
UNEARNED = st.sampled_from(["0", "0", "0", "7.77", "500"])
# What each property is tried with, here and by the drill.
ORDERED = (rules(["points", "stars"]), lines, times, members, UNEARNED, st.data())
CARRIED = (rules(["points"]), lines, times, members, st.fractions(0, 3, max_denominator=60))


@settings(max_examples=EXAMPLES, deadline=None)
@given(*ORDERED)
def test_evaluation(
    bodies: list[dict[str, Any]],
    bought: list[dict[str, Any]],
    at: datetime,
    member: dict[str, Any],
    unearned: str,
    data: st.DataObject,
) -> None:
    impossible = set()
    for body in bodies:
        # Random conditions may contradict each other: the only fault there is, and then nothing is given.
        errors = check(body, CheckContext(TZ, at.date(), tuple(TIERS))).errors
        assert {error.code for error in errors} <= {"never_matches"}
        impossible |= {body["code"]} if errors else set()
    world, order = orders_of(bought, at, unearned)
    expected, _ = naive.before_caps(bodies, world, member, TIERS)
    assert {code for code in impossible if expected.get(code)} == set()
    used, totals = {}, {}
    for body in bodies:
        spent = data.draw(st.fixed_dictionaries(dict.fromkeys(PERIODS, st.integers(0, 120))))
        times_used, totals[body["code"]] = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 300))
        for period, key in PERIODS.items():
            used[CounterKey(body["code"], member["id"], "points", key)] = spent[period]
        used[CounterKey(body["code"], member["id"], "times", "lifetime")] = times_used
        if body["code"] in expected:
            expected[body["code"]] = naive.capped(
                expected[body["code"]], body.get("caps", {}), spent, times_used, totals[body["code"]]
            )
    compiled = compile_rules([(body, 1) for body in bodies], CONTEXT)
    found = compiled.evaluate(Event.of_order(order), facts_of(member), counters=UsedCounters(used, totals))
    assert {r.rule: r.points for r in found.results if r.points} == {c: p for c, p in expected.items() if p}
    assert all((r.points == 0) == (r.reason is not None) for r in found.results)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(*ORDERED)
def test_returns(
    bodies: list[dict[str, Any]],
    bought: list[dict[str, Any]],
    at: datetime,
    member: dict[str, Any],
    unearned: str,
    data: st.DataObject,
) -> None:
    world, order = orders_of(bought, at, unearned)
    compiled = compile_rules([(body, 1) for body in bodies], CONTEXT)
    evaluation = compiled.evaluate(Event.of_order(order), facts_of(member), counters=UsedCounters())
    recorded = Evaluation.from_record(evaluation.to_record())
    kept = {(r.rule, r.receiver): r.points for r in recorded.winners}
    remaining = {line.line_id: line.quantity for line in order.lines}
    for _ in range(2):
        for line in order.lines:
            share = data.draw(st.sampled_from(["1", "1", "0.5", "0"]))
            remaining[line.line_id] *= Decimal(share)
        for n, line in enumerate(order.lines):
            world["lines"][n]["left"] = str(remaining[line.line_id])
        now, _ = naive.before_caps(bodies, world, member, TIERS)
        result = compiled.reevaluate(recorded, order, remaining, kept=kept)
        assert {(k.rule, k.receiver): k.points for k in result} == {
            key: max(0, min(before, now.get(key[0], 0))) for key, before in kept.items()
        }
        kept = {(k.rule, k.receiver): k.points for k in result}


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(*CARRIED)
def test_carry(
    bodies: list[dict[str, Any]],
    bought: list[dict[str, Any]],
    at: datetime,
    member: dict[str, Any],
    carry: Fraction,
) -> None:
    bodies = [{key: value for key, value in body.items() if key != "caps"} for body in bodies]
    world, order = orders_of(bought, at, "0")
    expected, out = naive.before_caps(bodies, world, member, TIERS, carry)
    compiled = compile_rules([(body, 1) for body in bodies], BrandContext(TZ, tuple(TIERS), rounding="carry"))
    found = compiled.evaluate(Event.of_order(order), facts_of(member, carry), counters=UsedCounters())
    assert {r.rule: r.points for r in found.results if r.points} == {c: p for c, p in expected.items() if p}
    assert found.carry_out.get("points", carry) == out
