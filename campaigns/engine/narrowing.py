"""Conditions as far as they are not decided yet: some facts are known, the rest stays. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from campaigns.engine.predicates import predicate

Node = Mapping[str, Any]
_OPEN: Final = object()
"""Of a condition on a fact that is kept out and not known."""


def narrowed(when: Node, known: Mapping[str, frozenset[str] | None]) -> Node | None:
    """The conditions without those on the known facts, which are sets of names.

    {} if nothing is left to be met, None if nothing can meet them. A fact known as None is left out without
    being judged: a choice that it is part of is told by its other branches.
    """
    if not when:
        return {}
    found = _narrow(when, known)
    if found is False:
        return None
    return {} if found is True or found is _OPEN else found


def _narrow(node: Node, known: Mapping[str, frozenset[str] | None]) -> Any:
    """True, False, `_OPEN`, or what is left of the node."""
    if "fact" in node:
        if node["fact"] not in known:
            return node
        value = known[node["fact"]]
        return _OPEN if value is None else predicate("set", node["op"], node["value"], ())(value)
    kept: dict[str, list[Any]] = {}
    for kind in ("all", "any", "none"):
        children = [_narrow(child, known) for child in node.get(kind) or ()]
        if not children:
            continue
        # One of these decides the whole group.
        if (kind == "all" and False in children) or (kind == "none" and True in children):
            return False
        if kind == "any" and True in children:
            continue
        left = [child for child in children if child not in (True, False) and child is not _OPEN]
        if left:
            kept[kind] = left
        elif kind == "any" and _OPEN not in children:
            return False
    return kept or True
