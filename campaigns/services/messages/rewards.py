"""What a member's points buy: the dearest reward they can have, else the nearest one and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from loyalty.lib import words
from mall import selectors as mall
from mall.eligibility import judge
from members.models import Member
from points.errors import InsufficientPoints

LOOKED_AT: Final = 200
NOTHING: Final[dict[str, Any]] = {"reward": "", "buys": ""}


def in_reach(member: Member, *, currency: str, now: datetime) -> dict[str, Any]:
    """The facts `reward`, `buys` and `tags`; `missing` where points are missing. Empty texts for no reward.

    Rewards that compliance keeps out of messages to this member are left out.
    """
    situation = mall.situation_of(member, now)
    hidden = mall.closed_tags(member, "push", now)
    rewards = [each for each in mall.catalog(situation)[:LOOKED_AT] if hidden.isdisjoint(each.tags)]
    situation = replace(situation, taken=mall.taken(member.pk, [each.pk for each in rewards]))
    can: list[tuple[int, Any]] = []
    nearly: list[tuple[int, Any]] = []
    for reward in rewards:
        verdict = judge(reward, list(reward.offers.all()), 1, situation)
        if verdict.offer is None or verdict.offer.currency != currency:
            continue
        if verdict.refusal is None:
            can.append((verdict.offer.points, reward))
        elif isinstance(verdict.refusal, InsufficientPoints):
            nearly.append((verdict.refusal.data["points_missing"], reward))
    if can:
        _points, reward = max(can, key=lambda each: (each[0], str(each[1].pk)))
        return {"reward": reward.name, "tags": list(reward.tags), "buys": _enough(reward.name)}
    if nearly:
        missing, reward = min(nearly, key=lambda each: (each[0], str(each[1].pk)))
        return {
            "reward": reward.name,
            "tags": list(reward.tags),
            "missing": missing,
            "buys": _almost(reward.name, missing),
        }
    return dict(NOTHING)


def _enough(name: Any) -> dict[str, str]:
    zh, en = words.pick(name, "zh-hans"), words.pick(name, "en")
    return {"zh-hans": f"可兑换{zh}", "en": f"Enough for: {en}"}


def _almost(name: Any, missing: int) -> dict[str, str]:
    zh, en = words.pick(name, "zh-hans"), words.pick(name, "en")
    return {"zh-hans": f"再得{missing}可兑换{zh}", "en": f"{missing} more for: {en}"}
