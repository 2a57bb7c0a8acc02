"""What differs between two bodies of a rule, part by part and in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from campaigns.engine.exact import number, plain
from campaigns.engine.sentences import (
    Body,
    caps_parts,
    effect_text,
    life_parts,
    node_text,
    schedule_parts,
    trigger_text,
)
from campaigns.engine.speaker import Speaker, Words
from campaigns.engine.wording import FIELDS


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a rule that is not the same: its name, and both sides in words ("" = nothing)."""

    part: str
    label: str
    before: str
    after: str


def differences(before: Body, after: Body, language: str, words: Words | None = None) -> list[Difference]:
    """The parts that differ, in the order in which a rule is read.

    Parts that say the same in words but not as data (a number written as text, say) do not differ; what no
    words are made of (a description, a grant's attributes) is compared and shown as it is written.
    """
    speaker = Speaker(language, words or Words())
    found = []
    for part, said in _SAID.items():
        sides = (said(speaker, before), said(speaker, after))
        if sides[0] != sides[1]:
            found.append(Difference(part, speaker.pick(FIELDS[part]), *sides))
    return found


def _names(_speaker: Speaker, body: Body) -> str:
    name = body.get("name") or ""
    return " / ".join(str(text) for text in name.values()) if isinstance(name, Mapping) else str(name)


def _effect(speaker: Speaker, body: Body) -> str:
    # Which lines it gives on follows from the conditions, which are told by themselves.
    text = effect_text(speaker, {**body, "when": None})
    more = (body.get("effect") or {}).get("attributes")
    return f"{text} {dict(sorted(more.items()))}" if more else text


def _stacking(speaker: Speaker, body: Body) -> str:
    stacking = body.get("stacking") or {}
    competes = stacking.get("group") and stacking.get("policy", "best") == "best"
    return speaker.say("group", group=stacking["group"]) if competes else ""


def _caps(speaker: Speaker, body: Body) -> str:
    name = speaker.name((body.get("points") or {}).get("currency", "points"))
    return speaker.list(caps_parts(speaker, body.get("caps") or {}, name))


def _qualifying(speaker: Speaker, body: Body) -> str:
    counts = (body.get("points") or {}).get("qualifying")
    return "" if counts is None else speaker.say("qualifying" if counts else "not_qualifying")


def _audience(speaker: Speaker, body: Body) -> str:
    audience, parts = body.get("audience") or {}, []
    if audience.get("segment", "all") != "all":
        parts.append(speaker.say("segment", segment=audience["segment"]))
    percent = number(audience.get("rollout_percent", 100))
    if percent < 100:
        parts.append(speaker.say("rollout", percent=plain(percent)))
    return speaker.list(parts)


_SAID: Final[dict[str, Callable[[Speaker, Body], str]]] = {
    "name": _names,
    "description": lambda _speaker, body: str(body.get("description") or ""),
    "trigger": lambda speaker, body: trigger_text(speaker, str(body.get("trigger", ""))),
    "when": lambda speaker, body: node_text(speaker, body["when"]) if body.get("when") else "",
    "schedule": lambda speaker, body: speaker.list(schedule_parts(speaker, body.get("schedule") or {})),
    "effect": _effect,
    "to": lambda speaker, body: speaker.say(f"to.{body.get('to') or 'member'}"),
    "stacking": _stacking,
    "priority": lambda _speaker, body: str(int(body.get("priority") or 0)),
    "caps": _caps,
    "currency": lambda speaker, body: speaker.name((body.get("points") or {}).get("currency", "points")),
    "life": lambda speaker, body: speaker.list(life_parts(speaker, body.get("points") or {})),
    "qualifying": _qualifying,
    "audience": _audience,
    "cost_centre": lambda _speaker, body: str(body.get("cost_centre") or ""),
}
