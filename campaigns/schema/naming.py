"""What a stored rule names that may go away: tiers, segments, its points currency, its type of activity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from campaigns.engine.types import ACTIVITY_PREFIX
from campaigns.schema.context import Named
from campaigns.schema.structure import pointer_of

_FACTS: Final[Mapping[str, str]] = {"member.tier": "tier", "member.segments": "segment"}
_NODES: Final = ("all", "any", "none")


def of(body: Mapping[str, Any]) -> list[Named]:
    """Everything of these kinds that a rule of the right shape names, with its place."""
    return [*_conditions(body.get("when") or {}, "/when"), *_frame(body)]


def _frame(body: Mapping[str, Any]) -> Iterator[Named]:
    segment = (body.get("audience") or {}).get("segment")
    if segment not in (None, "", "all"):
        yield Named("segment", str(segment), "/audience/segment")
    currency = (body.get("points") or {}).get("currency")
    if currency is not None:
        yield Named("currency", str(currency), "/points/currency")
    trigger = str(body.get("trigger", ""))
    if trigger.startswith(ACTIVITY_PREFIX):
        yield Named("activity", trigger.removeprefix(ACTIVITY_PREFIX), "/trigger")


def _conditions(node: Mapping[str, Any], path: str) -> Iterator[Named]:
    kind = _FACTS.get(str(node.get("fact")))
    if kind is not None:
        value = node.get("value")
        if isinstance(value, list):
            yield from (Named(kind, str(each), path + pointer_of("value", n)) for n, each in enumerate(value))
        else:
            yield Named(kind, str(value), f"{path}/value")
    for group in _NODES:
        for n, child in enumerate(node.get(group) or ()):
            yield from _conditions(child, path + pointer_of(group, n))
