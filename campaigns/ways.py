"""The ways to earn that are open to one member, in words that a member may read.

Tags and segments are the brand's own notes about its members: they decide whether a rule is for somebody and
are never told. What the rule asks of them is known, so it is taken out of the rule before it is put in words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from campaigns import facts, selectors
from campaigns.engine.explain import Words
from campaigns.engine.narrowing import narrowed
from campaigns.engine.rule import CompiledRule
from campaigns.services import activitytypes
from members.models import Member

REFERRAL: Final = "referral."


@dataclass(frozen=True, slots=True)
class Way:
    """A rule that runs for a member, or will; `told` is what may be told of it."""

    rule: CompiledRule
    told: Mapping[str, Any]


def open_ways(member: Member, at: datetime) -> list[Way]:
    """What this member can earn by, by code; a few queries."""
    segments = facts.segments_of(member.pk)
    found: list[Way] = []
    for rule in selectors.open_rules(member.pk, at):
        if rule.segment is not None and rule.segment not in segments:
            continue
        told = _told(rule, frozenset(member.tags or ()), segments)
        if told is not None:
            found.append(Way(rule, told))
    return found


def member_words() -> Words:
    """What the brand calls things when it speaks to members."""
    names = {each["code"]: each["name"] for each in activitytypes.known_types()}
    return replace(selectors.words(), activities=names, for_members=True)


def _told(rule: CompiledRule, tags: Collection[str], segments: Collection[str]) -> Mapping[str, Any] | None:
    """The rule without what it asks of tags and segments; None where it is not for this member, or gives
    nothing that a member is told of."""
    body = rule.told
    if rule.effect == "grant" and body["effect"]["kind"] == "tag":
        return None
    known = {"member.tags": frozenset(tags), "member.segments": frozenset(segments)}
    # What a friend must be is not known of the one who asks.
    own = not (rule.trigger.startswith(REFERRAL) and rule.to == "referee")
    when = narrowed(body.get("when") or {}, known if own else dict.fromkeys(known))
    return None if when is None else {**body, "when": when}
