"""Bonuses for a number of orders that no cap holds to once: right by the rules, seldom what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.engine.exact import parse_number
from campaigns.engine.facts import spec_of
from loyalty.lib.errors import FieldError, Text

_ONCE: Final = frozenset({"fixed", "grant"})
_HOLDING: Final = ("times", "per_member", "once_per")


def repeating(body: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """A warning for each window condition with which a valid rule may pay more often than once a window."""
    caps = body.get("caps") or {}
    if body["effect"]["type"] not in _ONCE or any(caps.get(name) for name in _HOLDING):
        return ()
    return tuple(_of_node(body.get("when") or {}, "/when"))


def _of_node(node: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if "fact" in node:
        yield from _of_leaf(node, path)
    for kind in ("all", "any"):
        for number, child in enumerate(node.get(kind, ())):
            yield from _of_node(child, f"{path}/{kind}/{number}")


def _of_leaf(leaf: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    spec, op = spec_of(leaf["fact"]), leaf["op"]
    if spec is None or not spec.windowed:
        return
    if op in ("eq", "in", "between"):
        detail: Text = _(
            "This rule has no `times` cap and pays again at a further order for which this holds too: one"
            " that itself does not count, a second one of the day, one that comes late."
        )
        yield FieldError(path, "may_pay_again", detail)
    elif op in ("gte", "gt"):
        first = parse_number(leaf["value"])
        assert first is not None
        if spec.name != "member.orders.count":
            sum_reached = _(
                "This rule has no `times` cap and will pay at every order once the sum is reached."
            )
            detail = str(sum_reached)
        else:
            number = int(first) + 1 if op == "gt" or first != int(first) else int(first)
            sentence = _(
                "This rule has no `times` cap and will pay at every order from number %(number)s on."
            )
            detail = sentence % {"number": number}
        yield FieldError(path, "pays_every_time", detail)
