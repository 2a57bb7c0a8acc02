"""Conditions that nothing can meet, each with the place; and many that only look so."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.engine.predicates import predicate
from campaigns.schema import check
from campaigns.schema.contradictions import Reach, contradictions
from tests.campaigns.test_schema import ACTIVITY, CONTEXT, GOOD, found, when


def leaf(fact: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value, **more}


AMOUNT, CATEGORY, TIER, TAGS = "order.amount", "line.category", "member.tier", "member.tags"
COUNT = "member.orders.count"


@pytest.mark.parametrize(
    ("node", "pointer"),
    [
        ({"all": [leaf(AMOUNT, "lt", 5), leaf(AMOUNT, "gt", "10")]}, "/when/all/1"),
        ({"all": [leaf(AMOUNT, "lt", 5), leaf(AMOUNT, "gte", 5)]}, "/when/all/1"),
        ({"all": [leaf(AMOUNT, "eq", "5.01"), leaf(AMOUNT, "lte", 5)]}, "/when/all/1"),
        ({"all": [leaf(AMOUNT, "between", [1, 4]), leaf(AMOUNT, "between", [5, 9])]}, "/when/all/1"),
        ({"all": [leaf(AMOUNT, "lt", 0)]}, "/when/all/0"),
        ({"all": [leaf(AMOUNT, "gt", 10)], "none": [leaf(AMOUNT, "gt", 5)]}, "/when/none/0"),
        ({"all": [leaf("member.nth_order", "eq", "2.5")]}, "/when/all/0"),
        ({"all": [leaf("member.nth_order", "lt", 1)]}, "/when/all/0"),
        (
            {"all": [leaf("order.line_count", "gt", 2), leaf("order.line_count", "lt", 3)]},
            "/when/all/1",
        ),
        (
            {"all": [leaf("order.channel", "eq", "store"), leaf("order.channel", "eq", "app")]},
            "/when/all/1",
        ),
        (
            {
                "all": [
                    leaf("order.store_id", "in", ["S1", "S2"]),
                    leaf("order.store_id", "not_in", ["S1", "S2", "S3"]),
                ]
            },
            "/when/all/1",
        ),
        ({"all": [leaf(CATEGORY, "in", ["fresh"]), leaf(CATEGORY, "in", ["fruit"])]}, "/when/all/1"),
        (
            {"all": [leaf(CATEGORY, "in", ["fresh/milk"]), leaf(CATEGORY, "not_in", ["fresh"])]},
            "/when/all/1",
        ),
        ({"all": [leaf(TIER, "gte", "gold"), leaf(TIER, "lt", "gold")]}, "/when/all/1"),
        ({"all": [leaf(TIER, "gt", "diamond")]}, "/when/all/0"),
        ({"all": [leaf("member.birthday", "eq", "today"), leaf("member.birthday", "ne", "month")]},
         "/when/all/1"),
        ({"all": [leaf("member.first_order", "eq", True), leaf("member.first_order", "eq", "false")]},
         "/when/all/1"),
        ({"all": [leaf(TAGS, "has", "vip")], "none": [leaf(TAGS, "has", ["vip", "staff"])]}, "/when/none/0"),
        ({"all": [leaf(AMOUNT, "lt", 5), {"all": [leaf(AMOUNT, "gt", 10)]}]}, "/when/all/1/all/0"),
        (
            {
                "all": [
                    leaf(AMOUNT, "lt", 5),
                    {"any": [leaf(AMOUNT, "gt", 10), {"all": [leaf(AMOUNT, "gt", 20)]}]},
                ]
            },
            "/when/all/1/any/0",
        ),
        (
            {
                "all": [
                    leaf(COUNT, "gte", 3, window="month"),
                    leaf(COUNT, "lt", 3, window="month"),
                ]
            },
            "/when/all/1",
        ),
        ({"all": [leaf("order.attributes.x", "eq", 1), leaf("order.attributes.x", "eq", 2)]}, "/when/all/1"),
    ],
)  # fmt: skip
def test_what_can_never_match_is_an_error_at_its_place(node: dict[str, Any], pointer: str) -> None:
    assert found({**GOOD, "when": node})[0] == (pointer, "never_matches")


@pytest.mark.parametrize(
    "node",
    [
        {"all": [leaf(AMOUNT, "gt", 5), leaf(AMOUNT, "lt", "5.01")]},
        {"all": [leaf(AMOUNT, "lte", 5), leaf(AMOUNT, "gte", 5)]},
        {"any": [leaf(AMOUNT, "lt", 5), leaf(AMOUNT, "gt", 10)]},
        {"all": [leaf("order.line_count", "gt", 2), leaf("order.line_count", "lt", 4)]},
        {"all": [leaf(CATEGORY, "in", ["fresh"]), leaf(CATEGORY, "not_in", ["fresh/milk"])]},
        {"all": [leaf(CATEGORY, "in", ["fresh", "fruit"]), leaf(CATEGORY, "in", ["fresh/milk"])]},
        {"all": [leaf(TAGS, "has", "a"), leaf(TAGS, "has", "b")], "none": [leaf(TAGS, "has", "c")]},
        {"none": [{"all": [leaf(AMOUNT, "gt", 5), leaf(AMOUNT, "lt", 3)]}]},
        {"all": [leaf(AMOUNT, "gt", 5), {"none": [{"all": [leaf(AMOUNT, "gt", 1), leaf(TAGS, "has", 1)]}]}]},
        {"all": [leaf("member.child_age_months", "lt", 6), leaf("member.child_age_months", "gt", 24)]},
        {"all": [leaf("member.birthday", "eq", "today"), leaf("member.birthday", "eq", "month")]},
        {
            "all": [
                leaf(COUNT, "gte", 3, window="month"),
                leaf(COUNT, "lt", 3, window="month", where={"min_amount": 50}),
            ]
        },
        {"all": [leaf("order.attributes.x", "eq", "1"), leaf("order.attributes.x", "eq", 1)]},
        {"all": [leaf(TIER, "ne", tier) for tier in ("silver", "gold", "diamond")]},
        {"none": [leaf("order.channel", "eq", "store"), leaf("order.channel", "eq", "app")]},
    ],
)  # fmt: skip
def test_what_can_match_is_no_error(node: dict[str, Any]) -> None:
    assert found({**GOOD, "when": node}) == []


def test_a_branch_that_never_counts_is_a_warning() -> None:
    node = {"all": [leaf(AMOUNT, "lt", 5), {"any": [leaf(AMOUNT, "gt", 10), leaf(TAGS, "has", "vip")]}]}
    checked = check({**GOOD, "when": node}, CONTEXT)
    assert checked.errors == ()
    assert [(w.pointer, w.code) for w in checked.warnings] == [("/when/all/1/any/0", "never_matches")]


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"audience": {"rollout_percent": 0}}, ("/audience/rollout_percent", "never_matches")),
        ({"schedule": {"ends_at": "2026-11-20T00:00:00+08:00"}}, ("/schedule/ends_at", "already_over")),
        ({"effect": {"type": "multiplier", "factor": 1}}, ("/effect/factor", "gives_nothing")),
        (
            {"effect": {"type": "fixed", "points": 200}, "caps": {"per_member": {"day": "100"}}},
            ("/caps/per_member/day", "cuts_the_effect"),
        ),
    ],
)
def test_what_is_odd_is_a_warning(change: dict[str, Any], warning: tuple[str, str]) -> None:
    checked = check({**GOOD, **change}, CONTEXT)
    assert checked.errors == ()
    assert (checked.warnings[0].pointer, checked.warnings[0].code) == warning


def test_streaks_are_whole() -> None:
    assert found({**ACTIVITY, **when("activity.streak", "between", ["1.2", "1.8"])}) == [
        ("/when/all/0", "never_matches")
    ]


FIRST, NTH = "member.first_order", "member.nth_order"


@pytest.mark.parametrize(
    ("node", "pointers"),
    [
        ({"all": [leaf(FIRST, "eq", True), leaf(NTH, "gte", 2)]}, ["/when/all/1"]),
        ({"all": [leaf(NTH, "eq", 1), leaf(FIRST, "eq", False)]}, ["/when/all/1"]),
        ({"all": [leaf(NTH, "lt", 2)], "none": [leaf(FIRST, "eq", True)]}, ["/when/none/0"]),
        ({"all": [leaf(FIRST, "ne", True), leaf(NTH, "gte", 1)]}, []),
        ({"all": [leaf(FIRST, "eq", True), leaf(NTH, "lte", 3)]}, []),
        ({"all": [leaf(COUNT, "eq", 0, window="month")]}, ["/when/all/0"]),
        ({"all": [leaf(COUNT, "lt", 1, window="week", where={"distinct_days": True})]}, ["/when/all/0"]),
        ({"none": [leaf(COUNT, "gte", 1, window="year")]}, ["/when/none/0"]),
        ({"all": [leaf(COUNT, "lte", 1, window="month")]}, []),
        ({"all": [leaf(COUNT, "eq", 0, window="month", where={"min_amount": 50})]}, []),
        ({"all": [leaf(COUNT, "eq", 0, window="month", where={"category": ["fresh"]})]}, []),
        ({"all": [leaf("order.currency", "eq", "USD")]}, ["/when/all/0"]),
        ({"all": [leaf("order.currency", "ne", "CNY")]}, ["/when/all/0"]),
        ({"all": [leaf("order.currency", "in", ["USD", "CNY"])]}, []),
    ],
)
def test_what_an_order_of_the_brand_can_be(node: dict[str, Any], pointers: list[str]) -> None:
    errors = check({**GOOD, "when": node}, replace(CONTEXT, currency="CNY")).errors
    assert [(each.pointer, each.code) for each in errors] == [(at, "never_matches") for at in pointers]


def test_a_streak_begins_anew_after_seven_days() -> None:
    assert found({**ACTIVITY, **when("activity.streak_day", "eq", 8)}) == [("/when/all/0", "never_matches")]
    assert found({**ACTIVITY, **when("activity.streak_day", "gt", 7)}) == [("/when/all/0", "never_matches")]
    assert found({**ACTIVITY, **when("activity.streak_day", "gte", 7)}) == []
    assert found({**ACTIVITY, **when("activity.streak", "eq", 8)}) == []
    # Where no order is at hand, none may have been counted.
    none_yet = when(COUNT, "eq", 0, window="month")
    assert found({**ACTIVITY, **none_yet}) == []


ONE_HOUR = {"starts_at": "2026-12-01T10:00:00+08:00", "ends_at": "2026-12-01T11:00:00+08:00"}


@pytest.mark.parametrize(
    ("schedule", "pointer"),
    [
        ({**ONE_HOUR, "hours": [["18:00", "20:00"]]}, "/schedule/hours"),
        ({**ONE_HOUR, "hours": [["18:00", "20:00"], ["10:59", "11:30"]]}, None),
        ({**ONE_HOUR, "hours": [["11:00", "12:00"]]}, "/schedule/hours"),
        # Of the night before.
        ({**ONE_HOUR, "hours": [["22:00", "10:01"]]}, None),
        ({**ONE_HOUR, "hours": [["22:00", "10:00"]]}, "/schedule/hours"),
        ({**ONE_HOUR, "ends_at": "2026-12-02T11:00:00+08:00", "hours": [["18:00", "20:00"]]}, None),
        # The only Wednesday of the time ends before the hours begin.
        (
            {**ONE_HOUR, "ends_at": "2026-12-02T11:00:00+08:00", "hours": [["18:00", "20:00"]],
             "rrule": "FREQ=WEEKLY;BYDAY=WE"},
            "/schedule/hours",
        ),
        ({"starts_at": ONE_HOUR["starts_at"], "hours": [["09:00", "10:00"]]}, None),
    ],
)  # fmt: skip
def test_hours_that_never_come_within_the_time(schedule: dict[str, Any], pointer: str | None) -> None:
    assert found({**GOOD, "schedule": schedule}) == ([(pointer, "never_matches")] if pointer else [])


@pytest.mark.parametrize(
    ("pending", "expiry", "errors", "warnings"),
    [
        (60, {"policy": "days", "days": 7}, [("/points/pending/days", "expires_before_usable")], []),
        ("7", {"policy": "days", "days": "7"}, [], []),
        (8, {"policy": "days", "days": 7}, [("/points/pending/days", "expires_before_usable")], []),
        (32, {"policy": "months", "months": 1}, [("/points/pending/days", "expires_before_usable")], []),
        (7, {"policy": "end_of_month", "months": 0}, [], ["/points/pending/days"]),
        (7, {"policy": "end_of_month", "months": 1}, [], []),
        (7, {"policy": "fixed", "on": "2026-11-25"}, [("/points/pending/days", "expires_before_usable")], []),
        (0, {"policy": "fixed", "on": "2026-11-21"}, [("/points/expiry/on", "past")], []),
        (0, {"policy": "fixed", "on": "2026-11-22"}, [], []),
        (400, {"policy": "never"}, [], []),
        # The brand's own policy, where the rule says nothing.
        (40, None, [("/points/pending/days", "expires_before_usable")], []),
    ],
)
def test_points_that_end_before_they_can_be_used(
    pending: Any, expiry: Any, errors: list[tuple[str, str]], warnings: list[str]
) -> None:
    points = {"pending": {"days": pending}} | ({"expiry": expiry} if expiry else {})
    context = replace(CONTEXT, expiry={"policy": "days", "days": 30})
    checked = check({**GOOD, "schedule": {}, "points": points}, context)
    assert [(each.pointer, each.code) for each in checked.errors] == errors
    assert [each.pointer for each in checked.warnings if each.code == "expires_before_usable"] == warnings


def test_a_fixed_end_before_the_rule_begins() -> None:
    body = {**GOOD, "schedule": ONE_HOUR, "points": {"expiry": {"policy": "fixed", "on": "2026-11-30"}}}
    assert found(body) == [("/points/expiry/on", "past")]


TIERS = ("silver", "gold")
amounts = st.builds(
    leaf,
    st.just(AMOUNT),
    st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
    st.integers(0, 3).map(lambda half: f"{half / 2}"),
)
tiers = st.builds(
    leaf, st.just(TIER), st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]), st.sampled_from(TIERS)
)
tags = st.builds(leaf, st.just(TAGS), st.just("has"), st.sampled_from(["a", "b", ["a", "b"]]))
nodes = st.recursive(
    st.one_of(amounts, tiers, tags),
    lambda inner: st.dictionaries(
        st.sampled_from(["all", "any", "none"]),
        st.lists(inner, min_size=1, max_size=3),
        min_size=1,
        max_size=2,
    ),
    max_leaves=6,
)
EVENTS = [
    {AMOUNT: amount / 4, TIER: tier, TAGS: frozenset(held)}
    for amount in range(9)
    for tier in (*TIERS, None)
    for held in ("", "a", "b", "ab")
]


def holds(node: dict[str, Any], facts: dict[str, Any]) -> bool:
    if "fact" in node:
        kind = {AMOUNT: "number", TIER: "tier", TAGS: "set"}[node["fact"]]
        return predicate(kind, node["op"], node["value"], TIERS)(facts[node["fact"]])  # type: ignore[arg-type]
    return all(
        {"all": all, "any": any, "none": lambda those: not any(those)}[kind](
            [holds(c, facts) for c in children]
        )
        for kind, children in node.items()
    )


@settings(max_examples=50, deadline=None)
@given(nodes)
def test_what_is_called_impossible_is_met_by_no_event(node: dict[str, Any]) -> None:
    if contradictions(node, Reach(TIERS)).errors:
        assert [facts for facts in EVENTS if holds(node, facts)] == []
    elif "fact" in node or (set(node) == {"all"} and all("fact" in child for child in node["all"])):
        assert any(holds(node, facts) for facts in EVENTS)
