"""What the operators mean, per type of fact: (type, operator, value) becomes a function of the fact.

A fact that is missing (None) fails every comparison and passes ``ne`` and ``not_in``, so that ``ne`` is
always the opposite of ``eq``. ``between`` includes both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from campaigns.engine.exact import SCALE, number, parse_number, simplify
from campaigns.engine.facts import FactType
from campaigns.engine.types import Exact

Predicate = Callable[[Any], bool]


def predicate(kind: FactType, op: str, value: Any, tiers: Sequence[str] = ()) -> Predicate:
    """The test that a fact of this type must pass. Raises ValueError for what the schema refuses."""
    if kind in ("number", "decimal"):
        return _number(op, value, SCALE if kind == "decimal" else 1)
    if kind == "ages":
        one = _number(op, value, 1)
        return lambda ages: any(one(age) for age in ages)
    if kind == "text":
        return _text(op, value)
    if kind == "category":
        return _category(op, value)
    if kind == "tier":
        return _tier(op, value, tiers)
    if kind == "birthday":
        wanted = frozenset(_texts(value))
        if op in ("eq", "in"):
            return lambda holds: not wanted.isdisjoint(holds)
        return lambda holds: wanted.isdisjoint(holds)
    if kind == "set":
        wanted = frozenset(_texts(value))
        return lambda held: held is not None and not wanted.isdisjoint(held)
    if kind == "bool":
        expected = as_bool(value)
        return (lambda fact: fact is expected) if op == "eq" else (lambda fact: fact is not expected)
    return _any(op, value)


def as_bool(value: Any) -> bool:
    """A JSON boolean, or the words true and false. Raises ValueError otherwise."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError(f"not a boolean: {value!r}")


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | frozenset | set) else [value]


def _texts(value: Any) -> list[str]:
    return [str(item) for item in _list(value)]


def _text(op: str, value: Any) -> Predicate:
    wanted = frozenset(_texts(value))
    if len(wanted) == 1 and op in ("eq", "in"):
        (only,) = wanted
        return lambda fact: fact == only
    if op in ("eq", "in"):
        return lambda fact: fact in wanted
    return lambda fact: fact not in wanted


def category_prefixes(value: Any) -> tuple[str, ...]:
    """Category paths as prefixes that a path with a closing slash starts with (``fresh/``)."""
    return tuple(text.strip("/") + "/" for text in _texts(value))


def _category(op: str, value: Any) -> Predicate:
    prefixes = category_prefixes(value)
    if op in ("eq", "in"):
        return lambda path: path.startswith(prefixes)
    return lambda path: not path.startswith(prefixes)


def _number(op: str, value: Any, unit: int) -> Predicate:
    thresholds = [simplify(number(item) * unit) for item in _list(value)]
    if op in ("eq", "ne", "in", "not_in"):
        wanted: frozenset[Exact] = frozenset(thresholds)
        if op in ("eq", "in"):
            return lambda fact: fact in wanted
        return lambda fact: fact not in wanted
    if op == "between":
        low, high = thresholds
        return lambda fact: fact is not None and low <= fact <= high
    (edge,) = thresholds
    if op == "gt":
        return lambda fact: fact is not None and fact > edge
    if op == "gte":
        return lambda fact: fact is not None and fact >= edge
    if op == "lt":
        return lambda fact: fact is not None and fact < edge
    if op == "lte":
        return lambda fact: fact is not None and fact <= edge
    raise ValueError(f"unknown operator {op!r}")


def _tier(op: str, value: Any, tiers: Sequence[str]) -> Predicate:
    """Tiers compare by their place in the programme; a member without a tier stands below all."""
    if op in ("eq", "ne", "in", "not_in"):
        return _text(op, value)
    ranks: dict[str | None, int] = {None: -1, **{code: rank for rank, code in enumerate(tiers)}}
    edges = [ranks.get(text) for text in _texts(value)]
    if None in edges:
        return lambda tier: False
    low, high = edges[0], edges[-1]
    assert low is not None and high is not None
    compare: dict[str, Callable[[int], bool]] = {
        "gt": lambda rank: rank > low,
        "gte": lambda rank: rank >= low,
        "lt": lambda rank: rank < low,
        "lte": lambda rank: rank <= low,
        "between": lambda rank: low <= rank <= high,
    }
    allowed = frozenset(code for code, rank in ranks.items() if compare[op](rank))
    return lambda tier: tier in allowed


def _same(fact: Any, value: Any) -> bool:
    """Whether an attribute equals a rule's value: as numbers where both are, else as text."""
    if isinstance(fact, bool) or isinstance(value, bool):
        return str(fact).lower() == str(value).lower() if fact is not None else False
    if fact is None:
        return False
    left, right = parse_number(fact), parse_number(value)
    if left is not None and right is not None:
        return left == right
    return str(fact) == str(value)


def _any(op: str, value: Any) -> Predicate:
    values = _list(value)
    if op in ("eq", "in"):
        return lambda fact: any(_same(fact, item) for item in values)
    if op in ("ne", "not_in"):
        return lambda fact: not any(_same(fact, item) for item in values)
    if op == "has":
        return lambda fact: (
            isinstance(fact, list | tuple) and any(_same(one, item) for one in fact for item in values)
        )
    compare = _number(op, value, 1)
    return lambda fact: compare(parse_number(fact))
