"""Rules in the words of the page's language and of the current brand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from campaigns import selectors
from campaigns.engine import differences as compared
from campaigns.engine import explain
from campaigns.engine.differences import Difference
from loyalty.lib import words

RULE_PARTS: Final = (
    "code",
    "name",
    "description",
    "trigger",
    "when",
    "schedule",
    "effect",
    "to",
    "stacking",
    "priority",
    "caps",
    "points",
    "audience",
    "cost_centre",
)
"""The parts of a rule in the order in which they are read."""


def in_words(body: Mapping[str, Any] | None, known: explain.Words | None = None) -> str:
    """The rule as a sentence, made from the data that runs."""
    return explain.rule_text(body, words.language(), known or selectors.words()) if body else "–"


def differing(before: Mapping[str, Any], after: Mapping[str, Any], known: explain.Words) -> list[Difference]:
    """What differs between two bodies of a rule, part by part."""
    return compared.differences(before, after, words.language(), known)


def written_out(body: Mapping[str, Any]) -> str:
    """A rule's body as JSON, its parts in the order in which they are read."""
    order = {name: number for number, name in enumerate(RULE_PARTS)}
    parts = {name: body[name] for name in sorted(body, key=lambda name: order.get(name, len(order)))}
    if isinstance(parts.get("effect"), dict):
        effect = parts["effect"]
        parts["effect"] = {"type": effect["type"], **effect} if "type" in effect else effect
    return json.dumps(parts, ensure_ascii=False, indent=2)
