"""What is not a rule, and where it says so."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from campaigns.schema import RULE_SCHEMA, CheckContext, check
from campaigns.templates import TEMPLATES
from tests.campaigns import table

PUBLISHED = jsonschema.Draft202012Validator(RULE_SCHEMA)
CONTEXT = CheckContext(ZoneInfo("Asia/Shanghai"), date(2026, 11, 22), ("silver", "gold", "diamond"))
GOOD: dict[str, Any] = {
    "code": "weekend-fresh",
    "name": {"zh-hans": "周末生鲜双倍", "en": "Weekend double on fresh food"},
    "trigger": "order.paid",
    "when": {
        "all": [
            {"fact": "line.category", "op": "in", "value": ["fresh"]},
            {"fact": "member.tier", "op": "gte", "value": "gold"},
            {"fact": "order.channel", "op": "in", "value": ["store", "miniprogram"]},
            {"any": [{"fact": "member.tags", "op": "has", "value": "new-parent"}]},
            {"none": [{"fact": "member.tags", "op": "has", "value": "staff"}]},
        ]
    },
    "schedule": {
        "starts_at": "2026-11-01T00:00:00+08:00",
        "ends_at": None,
        "rrule": "FREQ=WEEKLY;BYDAY=SA,SU",
        "hours": [["18:30", "21:30"]],
    },
    "effect": {"type": "multiplier", "factor": "2"},
    "to": "member",
    "stacking": {"group": "promo", "policy": "best"},
    "priority": 10,
    "caps": {
        "per_order": 500,
        "per_member": {"day": 1000, "month": 5000},
        "times": {"lifetime": 1},
        "total": 1000000,
    },
    "points": {
        "currency": "points",
        "pending": {"days": 7},
        "expiry": {"policy": "months", "months": 12},
    },
    "audience": {"segment": "all", "rollout_percent": 100},
    "cost_centre": "hq",
}
ACTIVITY = {**GOOD, "trigger": "activity.review", "effect": {"type": "fixed", "points": 10}, "when": {}}


def when(fact: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"when": {"all": [{"fact": fact, "op": op, "value": value, **more}]}}


def found(body: Any) -> list[tuple[str, str]]:
    return [(error.pointer, error.code) for error in check(body, CONTEXT).errors]


def test_the_rule_of_the_design_is_a_rule() -> None:
    assert found(GOOD) == []
    assert list(PUBLISHED.iter_errors(GOOD)) == []


def test_the_published_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(RULE_SCHEMA)


@pytest.mark.parametrize("body", [rule for rules in TEMPLATES.values() for rule in rules])
def test_templates_are_rules(body: dict[str, Any]) -> None:
    assert found(body) == []
    assert list(PUBLISHED.iter_errors(body)) == []


def test_every_rule_of_the_table_is_a_rule() -> None:
    for _, case in table.cases():
        for body in case["bodies"]:
            assert found(body) == [], body
            assert list(PUBLISHED.iter_errors(body)) == []


def test_names_of_things_are_collected() -> None:
    body = {**GOOD, **when("line.sku", "in", ["A", "B"])}
    assert [(each.kind, each.value) for each in check(body, CONTEXT).named] == [("sku", "A"), ("sku", "B")]


SHAPE = [
    ([], [("", "type")]),
    ({"code": "a"}, [("/effect", "required"), ("/name", "required"), ("/trigger", "required")]),
    ({**GOOD, "colour": "red"}, [("/colour", "unknown_field")]),
    ({**GOOD, "code": "weekend fresh"}, [("/code", "format")]),
    ({**GOOD, "code": "x" * 65}, [("/code", "format")]),
    ({**GOOD, "code": "schema"}, [("/code", "reserved")]),
    ({**GOOD, "code": 7}, [("/code", "type")]),
    ({**GOOD, "name": {}}, [("/name", "blank")]),
    ({**GOOD, "name": {"fr": "week-end"}}, [("/name/fr", "unknown_field")]),
    ({**GOOD, "name": {"en": "x" * 201}}, [("/name/en", "too_long")]),
    ({**GOOD, "trigger": "order.shipped"}, [("/trigger", "unknown_trigger")]),
    ({**GOOD, "to": "everybody"}, [("/to", "choice")]),
    ({**GOOD, "priority": "high"}, [("/priority", "format")]),
    ({**GOOD, "stacking": {"policy": "best"}}, [("/stacking/group", "required")]),
    ({**GOOD, "stacking": {"group": "a", "policy": "worst"}}, [("/stacking/policy", "choice")]),
    ({**GOOD, "effect": {"type": "gift"}}, [("/effect/type", "choice")]),
    ({**GOOD, "effect": {}}, [("/effect/type", "required")]),
    ({**GOOD, "effect": "double"}, [("/effect", "type")]),
    ({**GOOD, "effect": {"type": "multiplier"}}, [("/effect/factor", "required")]),
    (
        {**GOOD, "effect": {"type": "multiplier", "factor": "2", "per": "1"}},
        [("/effect/per", "unknown_field")],
    ),
    ({**GOOD, "effect": {"type": "multiplier", "factor": "two"}}, [("/effect/factor", "format")]),
    ({**GOOD, "schedule": {"hours": [["18:30"]]}}, [("/schedule/hours/0", "too_few")]),
    ({**GOOD, "schedule": {"hours": [["18:30", "25:00"]]}}, [("/schedule/hours/0/1", "format")]),
    ({**GOOD, "caps": {"per_order": "many"}}, [("/caps/per_order", "format")]),
    ({**GOOD, "caps": {"per_member": {"hour": 1}}}, [("/caps/per_member/hour", "unknown_field")]),
    ({**GOOD, "points": {"currency": "Gold Coins"}}, [("/points/currency", "format")]),
    ({**GOOD, "points": {"expiry": {"policy": "someday"}}}, [("/points/expiry/policy", "choice")]),
    ({**GOOD, "points": {"expiry": {"policy": "months"}}}, [("/points/expiry/months", "required")]),
    ({**GOOD, "points": {"pending": {"until": "order.shipped"}}}, [("/points/pending/until", "choice")]),
]
SENSE = [
    ({"effect": {"type": "multiplier", "factor": "0.9"}}, ("/effect/factor", "range")),
    ({"effect": {"type": "multiplier", "factor": "100.1"}}, ("/effect/factor", "range")),
    ({"effect": {"type": "per_amount", "points": "1", "per": "0"}}, ("/effect/per", "min_value")),
    ({"effect": {"type": "per_amount", "points": "0", "per": "1"}}, ("/effect/points", "min_value")),
    ({"effect": {"type": "per_amount", "points": "1", "per": "-1"}}, ("/effect/per", "min_value")),
    ({"effect": {"type": "fixed", "points": 0}}, ("/effect/points", "min_value")),
    ({"effect": {"type": "fixed", "points": "1.5"}}, ("/effect/points", "format")),
    ({"effect": {"type": "fixed", "points": 10**10}}, ("/effect/points", "max_value")),
    ({"to": "referrer"}, ("/to", "not_a_referral")),
    ({"priority": 10**7}, ("/priority", "max_value")),
    ({"caps": {"per_order": 0}}, ("/caps/per_order", "min_value")),
    ({"caps": {"times": {"day": -1}}}, ("/caps/times/day", "min_value")),
    ({"caps": {"once_per": ["activity.order_id"]}}, ("/caps/once_per/0", "fact_not_on_trigger")),
    ({"caps": {"once_per": ["weather"]}}, ("/caps/once_per/0", "unknown_fact")),
    ({"points": {"pending": {"days": 9999}}}, ("/points/pending/days", "max_value")),
    ({"points": {"pending": {"days": -1}}}, ("/points/pending/days", "min_value")),
    ({"points": {"pending": {"until": "activity.approved"}}}, ("/points/pending/until", "never_matches")),
    ({"points": {"expiry": {"policy": "days", "days": 0}}}, ("/points/expiry/days", "min_value")),
    ({"points": {"expiry": {"policy": "fixed", "on": "31.12.2026"}}}, ("/points/expiry/on", "type")),
    ({"audience": {"rollout_percent": 101}}, ("/audience/rollout_percent", "range")),
    ({"schedule": {"starts_at": "2026-11-01T00:00:00"}}, ("/schedule/starts_at", "type")),
    ({"schedule": {"starts_at": "tomorrow"}}, ("/schedule/starts_at", "type")),
    ({"schedule": {"hours": [["10:00", "10:00"]]}}, ("/schedule/hours/0", "never_matches")),
    (
        {"schedule": {"starts_at": "2026-11-02T00:00:00+08:00", "ends_at": "2026-11-01T17:00:00+00:00"}},
        None,
    ),
    (
        {"schedule": {"starts_at": "2026-11-02T00:00:00+08:00", "ends_at": "2026-11-01T16:00:00+00:00"}},
        ("/schedule/ends_at", "ends_before_start"),
    ),
    ({"schedule": {"starts_at": "0001-01-01T00:00:00+14:00"}}, ("/schedule/starts_at", "range")),
    ({"schedule": {"ends_at": "9999-12-31T23:59:59-12:00"}}, ("/schedule/ends_at", "range")),
    ({"points": {"expiry": {"policy": "fixed", "on": "9999-12-31"}}}, ("/points/expiry/on", "range")),
    ({"schedule": {"hours": [["10:00", "11:00\n"]]}}, ("/schedule/hours/0/1", "character")),
    ({"code": "base\n"}, ("/code", "character")),
    ({"description": "two\nlines"}, None),
    ({"schedule": {"rrule": "every weekend"}}, ("/schedule/rrule", "invalid")),
    ({"schedule": {"rrule": "FREQ=FORTNIGHTLY"}}, ("/schedule/rrule", "invalid")),
    ({"schedule": {"rrule": "FREQ=WEEKLY;BYDAY=XX"}}, ("/schedule/rrule", "invalid")),
    ({"schedule": {"rrule": "FREQ=SECONDLY"}}, ("/schedule/rrule", "rrule_not_daily")),
    ({"schedule": {"rrule": "FREQ=MINUTELY;INTERVAL=5"}}, ("/schedule/rrule", "rrule_not_daily")),
    ({"schedule": {"rrule": "FREQ=DAILY;BYHOUR=9"}}, ("/schedule/rrule", "rrule_not_daily")),
    ({"schedule": {"rrule": "FREQ=DAILY;INTERVAL=2"}}, ("/schedule/rrule", "needs_starts_at")),
    ({"schedule": {"rrule": "FREQ=DAILY;COUNT=2"}}, ("/schedule/rrule", "needs_starts_at")),
    ({"schedule": {"rrule": "FREQ=DAILY;INTERVAL=1"}}, None),
    ({"schedule": {"rrule": "FREQ=DAILY;INTERVAL=0"}}, ("/schedule/rrule", "invalid")),
    ({"schedule": {"rrule": "FREQ=DAILY;COUNT=99999999999"}}, ("/schedule/rrule", "invalid")),
    ({"schedule": {"rrule": "FREQ=DAILY;INTERVAL=-1"}}, ("/schedule/rrule", "invalid")),
    ({"schedule": {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}}, ("/schedule/rrule", "never_matches")),
    ({"schedule": {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"}}, None),
    ({"schedule": {"rrule": "FREQ=DAILY;UNTIL=19991231"}}, ("/schedule/rrule", "never_matches")),
    (
        {
            "schedule": {
                "starts_at": "2026-11-02T00:00:00+08:00",
                "ends_at": "2026-11-05T00:00:00+08:00",
                "rrule": "FREQ=WEEKLY;BYDAY=SU",
            }
        },
        ("/schedule/rrule", "never_matches"),
    ),
]
LEAF = "/when/all/0"
CONDITIONS = [
    (when("line.colour", "eq", "red"), (f"{LEAF}/fact", "unknown_fact")),
    (when("member", "eq", "x"), (f"{LEAF}/fact", "unknown_fact")),
    (when("activity.streak", "gte", 3), (f"{LEAF}/fact", "fact_not_on_trigger")),
    (when("line.category", "gt", "fresh"), (f"{LEAF}/op", "operator")),
    (when("line.category", "near", "fresh"), (f"{LEAF}/op", "operator")),
    (when("member.tags", "eq", "staff"), (f"{LEAF}/op", "operator")),
    (when("order.amount", "has", "1"), (f"{LEAF}/op", "operator")),
    (when("order.amount", "gte", "much"), (f"{LEAF}/value", "type")),
    (when("order.amount", "gte", [1, 2]), (f"{LEAF}/value", "type")),
    (when("order.amount", "gte", None), (f"{LEAF}/value", "type")),
    (when("order.amount", "gte", True), (f"{LEAF}/value", "type")),
    (when("order.amount", "in", "5"), (f"{LEAF}/value", "type")),
    (when("order.amount", "in", ["5", "six"]), (f"{LEAF}/value/1", "type")),
    (when("order.amount", "between", ["5"]), (f"{LEAF}/value", "type")),
    (when("order.amount", "between", ["5", "4"]), (f"{LEAF}/value", "never_matches")),
    (when("line.category", "in", []), (f"{LEAF}/value", "never_matches")),
    (when("line.category", "in", [""]), (f"{LEAF}/value/0", "type")),
    (when("line.category", "in", ["x" * 401]), (f"{LEAF}/value/0", "too_long")),
    (when("line.category", "in", [{"a": 1}]), (f"{LEAF}/value/0", "type")),
    (when("member.tier", "eq", "platinum"), (f"{LEAF}/value", "unknown_tier")),
    (when("member.tier", "in", ["gold", "platinum"]), (f"{LEAF}/value/1", "unknown_tier")),
    (when("member.tier", "between", ["gold", "silver"]), (f"{LEAF}/value", "never_matches")),
    (when("member.birthday", "eq", "year"), (f"{LEAF}/value", "choice")),
    (when("member.first_order", "eq", "yes"), (f"{LEAF}/value", "type")),
    (when("member.first_order", "eq", "true"), None),
    (when("order.attributes.bag", "gt", "big"), (f"{LEAF}/value", "type")),
    (when("order.attributes.bag", "eq", "big"), None),
    (when("order.amount", "gte", "5", window="month"), (f"{LEAF}/window", "not_windowed")),
    (when("member.orders.count", "gte", 3), (f"{LEAF}/window", "required")),
    (when("member.orders.count", "gte", 3, window="decade"), (f"{LEAF}/window", "choice")),
    (when("member.orders.count", "gte", 3, window="days:0"), (f"{LEAF}/window", "choice")),
    (when("member.orders.count", "gte", 3, window="days:30"), None),
    (
        when("member.orders.count", "gte", 3, window="week", where={"min_amount": "x"}),
        (f"{LEAF}/where/min_amount", "type"),
    ),
    (
        when("member.orders.amount", "gte", 3, window="week", where={"distinct_days": True}),
        (f"{LEAF}/where/distinct_days", "not_counted"),
    ),
    (
        when("member.orders.count", "gte", 3, window="week", where={"store": "S1"}),
        (f"{LEAF}/where/store", "unknown_field"),
    ),
    ({"when": {"all": [{"fact": "line.sku", "op": "eq"}]}}, (f"{LEAF}/value", "required")),
    ({"when": {"all": ["line.sku"]}}, (LEAF, "type")),
    ({"when": {"all": {"fact": "line.sku"}}}, ("/when/all", "type")),
    ({"when": {"any": []}}, ("/when/any", "never_matches")),
    ({"when": {"some": []}}, ("/when/some", "unknown_field")),
    ({"when": {"all": []}}, None),
    ({"when": {}}, None),
]


@pytest.mark.parametrize(("body", "errors"), SHAPE)
def test_shape(body: Any, errors: list[tuple[str, str]]) -> None:
    assert found(body) == errors


@pytest.mark.parametrize(("change", "error"), SENSE)
def test_sense(change: dict[str, Any], error: tuple[str, str] | None) -> None:
    assert found({**GOOD, **change}) == ([error] if error else [])


@pytest.mark.parametrize(("change", "error"), CONDITIONS)
def test_conditions(change: dict[str, Any], error: tuple[str, str] | None) -> None:
    errors = found({**GOOD, **change})
    assert (errors[:1] if error else errors) == ([error] if error else [])


def test_faults_of_shape_and_of_sense_are_told_together() -> None:
    wrong = {
        "name": {"fr": "double"},
        "effect": {"type": "multiplier", "factor": "1000"},
        "schedule": {"starts_at": "2026-11-02T00:00:00+08:00", "ends_at": "2026-11-01T00:00:00+08:00"},
        "caps": {"per_order": "0"},
        "points": {"pending": {"days": "many"}},
        "when": {"all": [{"fact": "member.mood", "op": "eq", "value": "good"}]},
    }
    assert {pointer for pointer, _code in found({**GOOD, **wrong})} == {
        "/name/fr",
        "/effect/factor",
        "/schedule/ends_at",
        "/caps/per_order",
        "/points/pending/days",
        "/when/all/0/fact",
    }
    # What cannot be read is not judged.
    assert [pointer for pointer, _code in found({**GOOD, "trigger": "never", "to": "both"})] == ["/trigger"]


def test_amounts_and_units_exist_on_orders_alone() -> None:
    for effect in ({"type": "per_amount", "points": 1, "per": 1}, {"type": "per_unit", "points": 1}):
        assert found({**ACTIVITY, "effect": effect}) == [("/effect/type", "effect_not_on_trigger")]
    assert found(ACTIVITY) == []


def test_bottomless_nesting_and_endless_lists_are_refused() -> None:
    node: dict[str, Any] = {"fact": "line.sku", "op": "eq", "value": "A"}
    for _ in range(12):
        node = {"all": [node]}
    assert found({**GOOD, "when": {"all": [node]}}) == [("/when" + "/all/0" * 11, "too_deep")]
    leaf = {"fact": "line.sku", "op": "eq", "value": "A"}
    assert found({**GOOD, "when": {"all": [leaf] * 201}}) == [("/when/all/200", "too_many")]
    assert found({**GOOD, **when("line.sku", "in", ["A"] * 2001)}) == [(f"{LEAF}/value", "too_many")]


def test_a_listed_currency_is_needed_where_the_brand_lists_them() -> None:
    listed = CheckContext(CONTEXT.timezone, CONTEXT.today, CONTEXT.tiers, frozenset({"points", "stars"}))
    body = {**GOOD, "points": {"currency": "gems"}}
    assert [(e.pointer, e.code) for e in check(body, listed).errors] == [
        ("/points/currency", "unknown_currency")
    ]
    assert check({**GOOD, "points": {"currency": "stars"}}, listed).errors == ()
