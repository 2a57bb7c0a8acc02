"""Writing a message out: a template's fields with the facts of one member. Pure.

A placeholder is `{name}`. A fact may be a text in several languages; an instant (`…_at`, ISO 8601) becomes a
day of the brand's clock. Nothing else is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from loyalty.lib import words

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
# What WeChat takes of a field, by the kind that its name begins with.
WECHAT_LENGTHS: Final = {
    "thing": 20,
    "character_string": 32,
    "number": 32,
    "phrase": 5,
    "amount": 20,
    "name": 10,
}
WECHAT_CHANNELS: Final = frozenset({"wechat_subscribe"})


class FactMissing(ValueError):
    """A text names a fact that this message does not have."""


def placeholders(text: str) -> set[str]:
    """The facts that a text names."""
    return set(PLACEHOLDER.findall(text))


def fill(text: str, facts: Mapping[str, Any], *, language: str, tz: tzinfo) -> str:
    """The text with its facts. Raises FactMissing."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if facts.get(name) is None:
            raise FactMissing(name)
        return written(name, facts[name], language=language, tz=tz)

    return PLACEHOLDER.sub(value, text)


def written(name: str, value: Any, *, language: str, tz: tzinfo) -> str:
    """One fact as it stands in a text."""
    if isinstance(value, Mapping):
        return words.pick(value, language)
    if name.endswith("_at") and isinstance(value, str):
        at = parse_datetime(value)
        return day(at, language, tz) if at else value
    return str(value)


def day(at: datetime, language: str, tz: tzinfo) -> str:
    """A day of the brand's clock: 2026年11月22日, or 22 Nov 2026."""
    local = at.astimezone(tz)
    if language == "en":
        months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
        return f"{local.day} {months[local.month - 1]} {local.year}"
    return f"{local.year}年{local.month}月{local.day}日"


def fields(
    part: Mapping[str, Any], facts: Mapping[str, Any], *, channel: str, language: str, tz: tzinfo
) -> dict[str, str]:
    """A channel's fields written out, cut to what the provider takes. Raises FactMissing."""
    out = {}
    for name, texts in part.get("fields", {}).items():
        text = fill(words.pick(texts, language), facts, language=language, tz=tz)
        out[name] = _cut(name, text) if channel in WECHAT_CHANNELS else text
    return out


def template_id(part: Mapping[str, Any], language: str) -> str:
    """The provider's template for this language; one for all where only one is named."""
    return words.pick(part.get("template_id"), language)


def _cut(name: str, text: str) -> str:
    most = WECHAT_LENGTHS.get(name.rstrip("0123456789"))
    return text if most is None or len(text) <= most else text[: most - 1] + "…"
