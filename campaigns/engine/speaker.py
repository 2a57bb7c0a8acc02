"""Who speaks: phrases in one language, with one brand's words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cache
from string import Formatter
from typing import Any

from campaigns.engine.wording import ATTRIBUTES, FACTS, LANGUAGES, PHRASES
from loyalty.lib import money
from loyalty.lib.plurals import one_of


@dataclass(frozen=True, slots=True)
class Words:
    """The brand's own words: what points, money, tiers and types of activities are called; and whether it is
    members who read them, to whom the names of fields mean nothing."""

    currency: str = "CNY"
    points_name: Mapping[str, str] = field(default_factory=dict)
    timezone: tzinfo = UTC
    tiers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # Whether compliance lets the brand reward sharing and inviting on WeChat.
    wechat_rewards: bool = True
    activities: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    for_members: bool = False


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says phrases in one language with one brand's words."""

    language: str
    words: Words

    def pick(self, pair: tuple[str, str]) -> str:
        """The half of a pair that is in this language."""
        return pair[LANGUAGES.index(self.language)]

    def say(self, phrase: str, **values: Any) -> str:
        """A phrase of `wording` with its values filled in."""
        return self.fill(PHRASES[phrase], **values)

    def fill(self, pair: tuple[str, str], **values: Any) -> str:
        """The half of a pair in this language with its values filled in. In Chinese a value in Latin letters
        or digits stands apart from the characters around it."""
        template = self.pick(pair)
        if self.language == "en":
            return template.format(**values)
        said = ""
        for literal, name in _pieces(template):
            said = _beside(said, literal)
            if name is not None:
                said = _beside(said, str(values[name]))
        return said

    def of(self, texts: Any) -> str:
        """A text in this language, else in the other."""
        if isinstance(texts, str):
            return texts
        texts = texts or {}
        return str(texts.get(self.language) or next((text for text in texts.values() if text), ""))

    @property
    def unit(self) -> str:
        """What the brand's money is called."""
        code = self.words.currency
        return self.pick(money.CURRENCIES.get(code, (code, code)))

    def name(self, currency: str) -> str:
        """What points of a currency are called."""
        if currency != "points":
            return currency
        return self.of(self.words.points_name) or self.say("points")

    def fact(self, name: str) -> str:
        """What a fact is called; one that only the brand knows by the name of its field."""
        if name in FACTS:
            return self.pick(FACTS[name])
        if not self.words.for_members:
            return f"“{name}”"
        own = name.rpartition(".")[2]
        return self.pick(ATTRIBUTES[own]) if own in ATTRIBUTES else own.replace("_", " ")

    def counted(self, count: object, name: str) -> str:
        """What so many points are called: in English one of them is told in the singular."""
        return one_of(name) if self.language == "en" and str(count) == "1" else name

    def list(self, values: Iterable[str]) -> str:
        """The values as a list in words."""
        return self.say("list").join(values)


@cache
def _pieces(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _spec, _how in Formatter().parse(template))


def _beside(said: str, more: str) -> str:
    if said and more and {_script(said[-1]), _script(more[0])} == {"latin", "chinese"}:
        return f"{said} {more}"
    return said + more


def _script(sign: str) -> str:
    if sign.isascii() and sign.isalnum():
        return "latin"
    return "chinese" if "\u4e00" <= sign <= "\u9fff" else ""
