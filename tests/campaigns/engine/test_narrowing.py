"""Conditions without those that are decided: the rest holds exactly where the whole did."""

from typing import Any

from hypothesis import given, settings

from campaigns.engine.narrowing import narrowed
from tests.campaigns.test_contradictions import AMOUNT, EVENTS, TAGS, holds, leaf, nodes


def facts_in(node: Any) -> set[str]:
    if "fact" in node:
        return {node["fact"]}
    return {name for children in node.values() for child in children for name in facts_in(child)}


@settings(max_examples=40, deadline=None)
@given(nodes)
def test_what_is_left_holds_where_the_whole_did(node: dict[str, Any]) -> None:
    for event in EVENTS:
        left = narrowed(node, {TAGS: event[TAGS]})
        assert TAGS not in facts_in(left or {})
        assert (left is not None and holds(left, event)) is holds(node, event)


def test_what_is_not_known_is_left_out() -> None:
    tag, amount = leaf(TAGS, "has", "a"), leaf(AMOUNT, "gte", 5)
    unknown = {TAGS: None}
    assert narrowed({"all": [tag, amount]}, unknown) == {"all": [amount]}
    assert narrowed({"any": [tag, amount]}, unknown) == {"any": [amount]}
    assert narrowed({"none": [tag]}, unknown) == {}
    assert narrowed({"any": [tag]}, unknown) == {}
    assert narrowed({}, unknown) == {}
