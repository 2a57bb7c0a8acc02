"""Conditions that nothing can meet: alone, or together with others that must hold at the same time.

For each fact the values at which anything can change are tried with the engine's own predicates: the values
named, those between and beyond them, one that nobody named, and none at all. If no value passes every
condition that must hold together, nothing ever will. What stands in different branches of an `any` is never
taken together, so what is said here is always true, and not everything is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.engine.exact import parse_number
from campaigns.engine.facts import FactSpec, spec_of
from campaigns.engine.predicates import Predicate, as_bool, predicate
from campaigns.engine.types import CYCLE_DAYS
from loyalty.lib.errors import FieldError, Text

MOST_VALUES: Final = 400
# Facts that are whole numbers from here on (None: of any sign), and amounts, which are never negative.
_WHOLE: Final[dict[str, int | None]] = {
    "order.line_count": 1,
    "activity.streak": 1,
    "activity.streak_day": 1,
    "member.enrolled_days": None,
    "member.nth_order": 1,
    "member.days_since_last_order": None,
    "member.orders.count": 0,
}
_MOST: Final[dict[str, int]] = {"activity.streak_day": CYCLE_DAYS}
FIRST: Final = "member.first_order"
NTH: Final = "member.nth_order"
_BIRTHDAYS: Final = tuple(
    frozenset(holds) for holds in ((), ("month",), ("week",), ("week", "month"), ("today", "week", "month"))
)
_ALONE: Final[Text] = _("Nothing can meet this condition.")
_TOGETHER: Final[Text] = _("Contradicts another condition on the same fact: nothing can meet both.")
_BRANCH: Final[Text] = _("This branch never counts: it contradicts the conditions around it.")


@dataclass(frozen=True, slots=True)
class _Demand:
    """A condition that must hold, or with `negated` must not."""

    leaf: Mapping[str, Any]
    path: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """What facts can come to: the brand's tiers from the lowest, the money of its orders (None = any), and
    whether the rule judges an order, which then counts in its windows."""

    tiers: Sequence[str]
    currency: str | None = None
    on_order: bool = False


@dataclass(slots=True)
class Contradictions:
    """What can never match: errors where the whole rule cannot, warnings where a branch cannot."""

    errors: list[FieldError]
    warnings: list[FieldError]


def contradictions(when: Any, reach: Reach) -> Contradictions:
    """Look through the `when` of a rule whose conditions are sound each by itself."""
    found = Contradictions([], [])
    if isinstance(when, Mapping) and when:
        found.errors += _of_node(when, "/when", [], reach, found.warnings)
    return found


def _of_node(
    node: Mapping[str, Any],
    path: str,
    around: Sequence[_Demand],
    reach: Reach,
    warnings: list[FieldError],
) -> list[FieldError]:
    own = list(_demands(node, path))
    together = [*around, *own]
    errors = _conflicts(together, reach)
    if errors:
        return errors
    for branches, at in _choices(node, path):
        dead: list[FieldError] = []
        inner: list[FieldError] = []
        for number, branch in enumerate(branches):
            wrong = _of_node(branch, f"{at}/{number}", together, reach, inner)
            dead += wrong[:1]
        if len(dead) == len(branches):
            errors += dead
        else:
            warnings += inner
            warnings += [FieldError(each.pointer, "never_matches", _BRANCH) for each in dead]
    return errors


def _demands(node: Mapping[str, Any], path: str, negated: bool = False) -> Iterator[_Demand]:
    """The conditions of a node that must (or must not) all hold; what is a choice is left out."""
    if "fact" in node:
        yield _Demand(node, path, negated)
        return
    kinds = [kind for kind in ("all", "any", "none") if node.get(kind)]
    if negated and len(kinds) != 1:
        return  # one of its parts must fail, and nobody knows which
    for kind in kinds:
        children = node[kind]
        if negated and kind == "none":
            continue  # one of them must hold: a choice
        one = len(children) == 1
        if kind == "none" or one or (kind == "all") is not negated:
            turned = negated is not (kind == "none")
            for number, child in enumerate(children):
                yield from _demands(child, f"{path}/{kind}/{number}", turned)


def _choices(node: Mapping[str, Any], path: str) -> Iterator[tuple[Sequence[Mapping[str, Any]], str]]:
    """The `any` groups of a node that stand outside of `none` and of other choices."""
    if "fact" in node:
        return
    if len(node.get("any") or ()) > 1:
        yield node["any"], f"{path}/any"
    elif node.get("any"):
        yield from _choices(node["any"][0], f"{path}/any/0")
    for number, child in enumerate(node.get("all") or ()):
        yield from _choices(child, f"{path}/all/{number}")


def _conflicts(demands: Sequence[_Demand], reach: Reach) -> list[FieldError]:
    by_fact: dict[tuple[str, str], list[_Demand]] = {}
    for demand in demands:
        leaf = demand.leaf
        counted = json.dumps([leaf.get("window"), leaf.get("where") or None], sort_keys=True)
        # Which order it is says both: they are looked at together.
        fact = NTH if leaf["fact"] == FIRST else leaf["fact"]
        by_fact.setdefault((fact, counted), []).append(demand)
    errors: list[FieldError] = []
    for same in by_fact.values():
        errors += _conflict(same, reach)
    return errors


def _conflict(same: Sequence[_Demand], reach: Reach) -> Iterator[FieldError]:
    fact = same[0].leaf["fact"]
    spec = spec_of(NTH if fact == FIRST else fact)
    if spec is None or sum(len(_values(each.leaf)) for each in same) > MOST_VALUES:
        return
    if spec.type == "ages":
        return  # each condition may be met by another child
    tests = [_test(spec, each, reach.tiers) for each in same]
    left = list(_tried(spec, same, tests, reach))
    everything = list(left)
    for demand, test in zip(same, tests, strict=True):
        left = [value for value in left if test(value)]
        if not left:
            alone = not any(test(value) for value in everything)
            yield FieldError(demand.path, "never_matches", _ALONE if alone else _TOGETHER)
            return


def _test(spec: FactSpec, demand: _Demand, tiers: Sequence[str]) -> Predicate:
    if demand.leaf["fact"] == FIRST:
        first = as_bool(demand.leaf["value"]) is (demand.leaf["op"] == "eq") is not demand.negated
        return lambda value: (value == 1) is first
    kind = "number" if spec.type == "decimal" else spec.type
    holds = predicate(kind, demand.leaf["op"], demand.leaf["value"], tiers)
    return (lambda value: not holds(value)) if demand.negated else holds


def _tried(
    spec: FactSpec, same: Sequence[_Demand], tests: Sequence[Predicate], reach: Reach
) -> Iterator[Any]:
    """The values at which anything can change."""
    named = [value for each in same for value in _values(each.leaf)]
    if spec.type == "bool":
        yield from (True, False)
    elif spec.type == "tier":
        yield from (*reach.tiers, None)
    elif spec.type == "birthday":
        yield from _BIRTHDAYS
    elif spec.type == "category":
        yield from (*(str(value).strip("/") + "/" for value in named), "\0/")
    elif spec.name == "order.currency" and reach.currency is not None:
        yield reach.currency  # an order in other money is refused
    elif spec.type == "text":
        yield from (*map(str, named), "\0")
    elif spec.type == "set":
        # As many of the names as the negated conditions allow, each alone, or nothing.
        forbidden = [test for each, test in zip(same, tests, strict=True) if each.negated]
        yield frozenset(str(v) for v in named if all(test(frozenset({str(v)})) for test in forbidden))
        yield from (frozenset({str(value)}) for value in named)
        yield frozenset()
    elif spec.type == "any":
        yield from (*named, *_numbers(named, None, whole=False), named, [], None, "\0")
    else:
        least = _least(spec, same[0].leaf, reach)
        numbers = _numbers(named, least, whole=spec.name in _WHOLE)
        yield from (number for number in numbers if number <= _MOST.get(spec.name, number))
        if not (spec.windowed or spec.name == NTH):
            yield None


def _least(spec: FactSpec, leaf: Mapping[str, Any], reach: Reach) -> int | None:
    where = leaf.get("where") or {}
    if spec.name == "member.orders.count" and reach.on_order:
        # The order at hand counts, unless the window may pass it over.
        return 0 if where.get("min_amount") is not None or where.get("category") else 1
    return _WHOLE.get(spec.name, 0)


def _numbers(named: Sequence[Any], least: int | None, *, whole: bool) -> Iterator[Fraction]:
    marks = sorted({mark for value in named if (mark := parse_number(value)) is not None})
    found: set[Fraction] = set(marks)
    for mark in marks:
        found |= {Fraction(floor(mark) + step) for step in (-1, 0, 1, 2)}
    found |= {Fraction(least + step) for step in (0, 1)} if least is not None else set()
    found |= {(low + high) / 2 for low, high in pairwise(marks)}
    for value in found:
        fits = (least is None or value >= least) and (not whole or value.denominator == 1)
        if fits:
            yield value


def _values(leaf: Mapping[str, Any]) -> list[Any]:
    value = leaf["value"]
    return value if isinstance(value, list) else [value]
