"""Judging a recorded evaluation again after a return: recorded facts, recorded rules, what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from campaigns.engine.evaluation import Evaluation
from campaigns.engine.judge import Outcome
from campaigns.engine.scene import Needs, Scene, add_event_facts, add_window, sees, set_scene
from campaigns.engine.types import BrandContext, Event, Kept, Order, PastOrder, RuleResult
from campaigns.engine.windows import Contribution, Window


@dataclass(frozen=True, slots=True)
class Recount:
    """Other orders of a window that changed since: what is left of them, or that nothing is; and whether the
    member was an adult when the order at hand was placed."""

    changed: Mapping[str, PastOrder]
    returned: frozenset[str]
    adult: bool | None = None

    def apply(
        self, past: tuple[Contribution, ...], window: Window, act: str, context: BrandContext
    ) -> tuple[Contribution, ...]:
        """The recorded contributions with the changed orders counted anew. Never adds an order."""
        if not (self.changed or self.returned):
            return past
        found: list[Contribution] = []
        for contribution in past:
            order_id = contribution[0]
            if order_id in self.returned:
                continue
            changed = self.changed.get(order_id)
            if changed is None:
                found.append(contribution)
                continue
            anew = window.contribution(changed, context.timezone, sees(context, act, self.adult))
            if anew is not None:
                found.append(anew)
        return tuple(found)


def recorded_scene(
    recorded: Evaluation,
    order: Order,
    remaining: Mapping[str, Decimal],
    recount: Recount,
    context: BrandContext,
    needs: Needs,
) -> Scene:
    """The scene of an order as recorded, with only ``remaining`` of it left."""
    event = Event(recorded.trigger, recorded.occurred_at, order.order_id, order)
    own: Mapping[str, Any] = recorded.facts.get("earn", {})
    segments = own.get("member.segments") or frozenset()
    scene = set_scene(event, recorded.member_id, frozenset(segments), recorded.blocked, context, remaining)
    for act in ("earn", "bonus") if "bonus" in recorded.facts else ("earn",):
        facts = dict.fromkeys(needs.member) | dict(recorded.facts.get(act, own))
        add_event_facts(scene, act, facts, needs)
        for window in needs.windows:
            past = recorded.windows.get(f"{act}|{window.key}", ())
            add_window(scene, act, facts, window, recount.apply(past, window, act, context), context.timezone)
        scene.facts[act] = facts
    scene.facts.setdefault("bonus", scene.facts["earn"])
    return scene


def kept_of(
    recorded: Evaluation, now: Mapping[str, Outcome], kept: Mapping[tuple[str, str], int], unit: int
) -> tuple[Kept, ...]:
    """Per entry the lesser of what it kept so far and what the rule comes to now, before caps."""
    entries: list[Kept] = []
    for result in recorded.results:
        if result.reason is not None:
            continue
        before = kept.get((result.rule, result.receiver), result.points)
        outcome = now.get(result.rule)
        holds = outcome is not None and outcome.reason is None
        points = min(before, outcome.floored) if outcome is not None and holds else 0
        entries.append(
            Kept(
                rule=result.rule,
                version=result.version,
                receiver=result.receiver,
                currency=result.currency,
                before=before,
                points=points,
                qualifying_before=min(result.qualifying, before),
                qualifying=_qualifying(result, outcome, points, unit),
                grant_kept=holds,
            )
        )
    return tuple(entries)


def _qualifying(result: RuleResult, outcome: Outcome | None, points: int, unit: int) -> int:
    if not result.qualifying or outcome is None:
        return 0
    if outcome.tier_exact is None:
        return points
    return min(points, max(0, int(Fraction(outcome.tier_exact) // unit)))
