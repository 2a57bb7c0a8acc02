"""The table of rules, orders and exact points; every order is also recorded, and returned in full."""

import json
from typing import Any

import pytest

from campaigns.engine import Evaluation
from campaigns.engine.types import RuleResult
from tests.campaigns import table

CASES = table.cases()
ids = [name for name, _ in CASES]


def label(result: RuleResult) -> str:
    return result.rule if result.receiver == "member" else f"{result.rule} {result.receiver}"


def evaluated(case: dict[str, Any]) -> Evaluation:
    rules = table.compiled(case)
    me = table.member(case.get("member", {}), "me", rules.context)
    referrer = table.member(case["referrer"], "referrer", rules.context) if "referrer" in case else None
    counters = table.counters(case, rules, me)
    return rules.evaluate(table.event(case), me, counters=counters, referrer=referrer)


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 100
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=ids)
def test_case(case: dict[str, Any]) -> None:
    found = evaluated(case)
    assert {label(r): r.points for r in found.results if r.points} == case["points"]
    zero = {label(r): [r.reason, r.path] for r in found.results if r.reason}
    assert zero == case.get("zero", zero)
    if "qualifying" in case:
        assert {r.rule: r.qualifying for r in found.winners} == case["qualifying"]
    if "grants" in case:
        assert {r.rule: dict(r.grant or {}) for r in found.grants} == case["grants"]
    if "counts" in case:
        counted = {f"{key.rule} {key.kind} {key.period}": n for key, n in found.counters.items()}
        assert counted == case["counts"]
    if "window_orders" in case:
        assert list(found.window_orders) == case["window_orders"]
    if "blocked" in case:
        assert found.blocked == case["blocked"]
    for rule, waits_for in case.get("waits", {}).items():
        assert {r.waits_for for r in found.results if r.rule == rule} == {waits_for}


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=ids)
def test_recorded_and_read_back(case: dict[str, Any]) -> None:
    found = evaluated(case)
    back = Evaluation.from_record(json.loads(json.dumps(found.to_record())))
    assert [r for r in back.results if not r.reason] == [r for r in found.results if not r.reason]
    assert (back.facts, back.windows, back.blocked) == (found.facts, found.windows, found.blocked)
    assert back.to_record() == found.to_record()


@pytest.mark.parametrize(
    "case", [c for _, c in CASES if "order" in c], ids=[n for n, c in CASES if "order" in c]
)
def test_a_full_return_leaves_nothing_and_none_leaves_everything(case: dict[str, Any]) -> None:
    found = Evaluation.from_record(evaluated(case).to_record())
    rules, order = table.compiled(case), table.order(case["order"])
    gone = rules.reevaluate(found, order, {})
    assert {k.points for k in gone} <= {0}
    assert {k.grant_kept for k in gone} <= {False}
    assert sum(k.take_back for k in gone) == sum(r.points for r in found.results)
    whole = rules.reevaluate(found, order, {line.line_id: line.quantity for line in order.lines})
    assert {k.rule: k.points for k in whole if k.points} == case["points"]
    assert sum(k.take_back for k in whole) == 0


PARTIAL = [
    (f"{name} → {step['left']}", case, step) for name, case in CASES for step in case.get("returns", ())
]


@pytest.mark.parametrize(("case", "step"), [(c, s) for _, c, s in PARTIAL], ids=[n for n, _, _ in PARTIAL])
def test_a_partial_return(case: dict[str, Any], step: dict[str, Any]) -> None:
    found = Evaluation.from_record(evaluated(case).to_record())
    left = {line_id: table.Decimal(str(quantity)) for line_id, quantity in step["left"].items()}
    kept = table.compiled(case).reevaluate(
        found,
        table.order(case["order"]),
        left,
        window_orders=[table.past(row) for row in step.get("changed", ())],
        returned_orders=frozenset(step.get("returned", ())),
    )
    assert {k.rule: k.points for k in kept} == step["kept"]
