"""Rules with anything anywhere: the check never breaks, and what passes it can be compiled, run and told."""

import copy
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.engine import (
    BrandContext,
    Event,
    Line,
    MemberFacts,
    Order,
    UsedCounters,
    compile_rules,
    explain,
)
from campaigns.schema import CheckContext, check
from tests.campaigns import table
from tests.campaigns.test_schema import GOOD

TZ = ZoneInfo("Asia/Shanghai")
CONTEXT = CheckContext(TZ, date(2026, 11, 22), ("silver", "gold", "diamond"))
LINE = Line("1", "sku", Decimal(2), Decimal("19.90"), category="fresh/milk")
ORDER = Order("o", datetime(2026, 11, 22, 12, tzinfo=TZ), "CNY", (LINE,))
RULES = [GOOD, *(body for _, case in table.cases() for body in case["bodies"])]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["1", "0", "-1", "1e9", "gold", "order.amount", "activity.", "FREQ=DAILY", "2026-11-22T00:00:00Z"]
    ),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["fact", "op", "value", "all", "type", "x"]), inner, max_size=3),
    ),
    max_leaves=5,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        found += places(child, (*path, key))
    return found


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(RULES), st.data())
def test_anything_anywhere(rule: dict[str, Any], data: st.DataObject) -> None:
    body: Any = copy.deepcopy(rule)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(body)))
        value = data.draw(anything)
        if not path:
            body = value
            break
        node = body
        for key in path[:-1]:
            node = node[key]
        if data.draw(st.booleans()) or not isinstance(node, dict):
            node[path[-1]] = value
        else:
            node[data.draw(st.sampled_from(["", "x", "points", "per", "window", "hours", "on"]))] = value
    checked = check(body, CONTEXT)
    for error in checked.errors:
        assert error.pointer == "" or error.pointer.startswith("/")
        assert str(error.detail)
    if checked.errors:
        return
    passed = dict(checked.body)
    rules = compile_rules([(passed, 1)], BrandContext(TZ, CONTEXT.tiers))
    event = Event.of_order(ORDER, passed["trigger"])
    evaluation = rules.evaluate(event, MemberFacts("m"), counters=UsedCounters(), referrer=MemberFacts("r"))
    for language in explain.LANGUAGES:
        assert explain.rule_text(passed, language)
        explain.explanation(evaluation, {passed["code"]: passed}, language)
