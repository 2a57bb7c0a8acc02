"""What the operators mean, per type of fact: (type, operator, value) becomes a function of the fact.

A fact that is missing (None) fails every comparison and passes ``ne`` and ``not_in``, so that ``ne`` is
always the opposite of ``eq``. ``between`` includes both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from campaigns.engine.exact import SCALE, number, parse_number, simplify
from campaigns.engine.facts import FactType
from campaigns.engine.types import Exact

Predicate = Callable[[Any], bool]


def predicate(kind: FactType, op: str, value: Any, tiers: Sequence[str] = ()) -> Predicate:
    """The test that a fact of this type must pass. Raises ValueError for what the schema refuses."""
    return _tier(op, value, tiers) if kind == "tier" else _BY_TYPE[kind](op, value)


def allowed(kind: FactType, op: str, value: Any) -> frozenset[Any] | None:
    """The values that pass, where a condition is no more than a list of them; else None."""
    if op in ("eq", "in") and kind in ("text", "tier"):
        return frozenset(_texts(value))
    return None


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


def _number(op: str, value: Any, unit: int = 1) -> Predicate:
    thresholds = [simplify(number(item) * unit) for item in _list(value)]
    if op in ("eq", "ne", "in", "not_in"):
        wanted: frozenset[Exact] = frozenset(thresholds)
        if op in ("eq", "in"):
            return lambda fact: fact in wanted
        return lambda fact: fact not in wanted
    low, high = thresholds if op == "between" else thresholds * 2
    tests: dict[str, Predicate] = {
        "gt": lambda fact: fact is not None and fact > low,
        "gte": lambda fact: fact is not None and fact >= low,
        "lt": lambda fact: fact is not None and fact < low,
        "lte": lambda fact: fact is not None and fact <= low,
        "between": lambda fact: fact is not None and low <= fact <= high,
    }
    return tests[op]


def _ages(op: str, value: Any) -> Predicate:
    one = _number(op, value)
    return lambda ages: any(one(age) for age in ages)


def _birthday(op: str, value: Any) -> Predicate:
    wanted = frozenset(_texts(value))
    if op in ("eq", "in"):
        return lambda holds: not wanted.isdisjoint(holds)
    return wanted.isdisjoint


def _set(_op: str, value: Any) -> Predicate:
    wanted = frozenset(_texts(value))
    return lambda held: held is not None and not wanted.isdisjoint(held)


def _bool(op: str, value: Any) -> Predicate:
    expected = as_bool(value)
    if op == "eq":
        return lambda fact: fact is expected
    return lambda fact: fact is not expected


def _tier(op: str, value: Any, tiers: Sequence[str]) -> Predicate:
    """Tiers compare by their place in the programme; a member without a tier stands below all."""
    if op in ("eq", "ne", "in", "not_in"):
        return _text(op, value)
    ranks: dict[str | None, int] = {None: -1, **{code: rank for rank, code in enumerate(tiers)}}
    edges = [ranks[text] for text in _texts(value) if text in ranks]
    if len(edges) != (2 if op == "between" else 1):
        return lambda _tier: False  # a tier that was deleted: nobody is above or below it
    low, high = edges[0], edges[-1]
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
    compare = _number(op, value)
    return lambda fact: compare(parse_number(fact))


_BY_TYPE: Final[dict[str, Callable[[str, Any], Predicate]]] = {
    "number": _number,
    "decimal": lambda op, value: _number(op, value, SCALE),
    "ages": _ages,
    "text": _text,
    "category": _category,
    "birthday": _birthday,
    "set": _set,
    "bool": _bool,
    "any": _any,
}
