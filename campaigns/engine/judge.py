"""What each rule would give before caps: matching, base points, stacking, multipliers, flooring.

Values are exact and in units of 1/unit point, where ``unit`` is common to the rule set; they are integers
unless an amount or a ``whole`` rule makes a fraction of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from campaigns.engine.conditions import Facts, Test
from campaigns.engine.exact import SCALE, simplify, times
from campaigns.engine.rule import CompiledRule, bucket
from campaigns.engine.scene import LineView, Scene
from campaigns.engine.types import Exact, Reason

_NO_LINE: dict[str, Any] = {}


@dataclass(slots=True)
class Outcome:
    """What one rule came to for one receiver. ``lines`` matched; ``values`` holds, by line index, what
    a base rule earns there. ``exact`` is its sum in units of 1/unit, ``basis`` the scaled money or
    pieces, or the base points, that it was computed from."""

    rule: CompiledRule
    lines: Sequence[LineView] = ()
    values: dict[int, Exact] | None = None
    exact: Exact = 0
    basis: Exact = 0
    tier_exact: Exact | None = None
    floored: int = 0
    reason: Reason | None = None
    path: str | None = None

    def lose(self, reason: Reason, path: str | None) -> None:
        """Give nothing, for this reason."""
        self.exact, self.floored, self.reason, self.path = 0, 0, reason, path


@dataclass(frozen=True, slots=True)
class Program:
    """The rules of one trigger for one receiver: base rules, then fixed, multipliers, grants, each by rank.

    ``rates`` are the base rules' points per scaled amount or piece, in units of 1/unit.
    """

    base: tuple[CompiledRule, ...]
    rates: tuple[int, ...]
    extra: tuple[CompiledRule, ...]
    unit: int


def _lost(rule: CompiledRule, reason: Reason, path: str | None) -> Outcome:
    """The outcome of a rule that does not apply; it is always the same one, for most rules lose."""
    outcome: Outcome | None = rule.losses.get((reason, path))
    if outcome is None:
        outcome = rule.losses[(reason, path)] = Outcome(rule, reason=reason, path=path)
    return outcome


def match(rule: CompiledRule, scene: Scene) -> Outcome:
    """Whether the rule applies, and to which lines; else the reason and the path that failed."""
    lines = scene.lines[rule.act]
    if rule.limited:
        refused = rule.schedule.refuses(scene.event.occurred_at, scene.local) if rule.schedule else None
        if refused is not None:
            return _lost(rule, "schedule", refused)
        if rule.segment is not None and rule.segment not in scene.segments:
            return _lost(rule, "audience", "/audience/segment")
        if rule.rollout is not None and bucket(rule.code, scene.member_id) >= rule.rollout:
            return _lost(rule, "audience", "/audience/rollout_percent")
    if not lines:
        return _lost(rule, "compliance" if scene.hidden[rule.act] else "condition", None)
    conditions, facts = rule.conditions, scene.facts[rule.act]
    if conditions.event_test is not None:
        failed = conditions.event_test(facts, _NO_LINE)
        if failed:
            return _lost(rule, "condition", conditions.paths[failed])
    if conditions.line_test is None:
        return Outcome(rule, lines)
    return _match_lines(rule, scene, lines, conditions.line_test, facts)


def _match_lines(
    rule: CompiledRule, scene: Scene, lines: Sequence[LineView], test: Test, facts: Facts
) -> Outcome:
    """Judge each visible line; of those that fail the one that got furthest names the condition."""
    matched, furthest = [], 0
    for line in lines:
        failed = test(facts, line.facts)
        if not failed:
            matched.append(line)
        elif failed > furthest:
            furthest = failed
    if matched:
        return Outcome(rule, matched)
    if any(not test(facts, line.facts) for line in scene.hidden[rule.act]):
        return _lost(rule, "compliance", None)
    return _lost(rule, "condition", rule.conditions.paths[furthest])


def judge(program: Program, scene: Scene) -> list[Outcome]:
    """The outcomes of a program's rules for one receiver, floored, before caps."""
    base = [match(rule, scene) for rule in program.base]
    earning = []
    for outcome, rate in zip(base, program.rates, strict=True):
        if outcome.reason is None:
            _base_values(outcome, rate, program.unit)
            earning.append(outcome)
    if len(earning) > 1:
        _stack_lines(earning)
    totals: dict[str, dict[int, Exact]] = {}
    for outcome in earning:
        if outcome.reason is None:
            _add_up(outcome, program.unit, totals.setdefault(outcome.rule.currency, {}), scene)
    extra = [match(rule, scene) for rule in program.extra]
    adding = [outcome for outcome in extra if outcome.reason is None]
    for outcome in adding:
        _extra_value(outcome, program.unit, totals.get(outcome.rule.currency, {}), scene)
    if len(adding) > 1:
        _stack_order(adding)
    return base + extra


def _base_values(outcome: Outcome, rate: int, unit: int) -> None:
    rule = outcome.rule
    if rule.effect == "fixed":
        outcome.values = {line.index: rule.points * unit for line in outcome.lines}
    elif rule.effect == "per_unit":
        outcome.values = {line.index: line.quantity * rate for line in outcome.lines}
    elif rule.step is None:
        outcome.values = {line.index: line.earning * rate for line in outcome.lines}
    else:
        outcome.values = _whole_values(outcome, rule.step, unit)


def _whole_values(outcome: Outcome, step: Fraction, unit: int) -> dict[int, Exact]:
    """Points for each full step of the matching lines' sum, spread over them in proportion to amount."""
    total = sum(line.earning for line in outcome.lines)
    if total <= 0:
        return {line.index: 0 for line in outcome.lines}
    steps = total // (step * SCALE)
    points = outcome.rule.rate * step * steps * unit
    return {line.index: simplify(points * line.earning / total) for line in outcome.lines}


def _stack_lines(outcomes: Sequence[Outcome]) -> None:
    """Within a group only the rule with the most points for a line earns on it; ``outcomes`` are by rank,
    so that of equals the first wins."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.rule.group is not None:
            groups.setdefault((outcome.rule.currency, outcome.rule.group), []).append(outcome)
    for rivals in groups.values():
        if len(rivals) == 1:
            continue
        best: dict[int, tuple[Exact, Outcome]] = {}
        for outcome in rivals:
            for index, value in (outcome.values or {}).items():
                if index not in best or value > best[index][0]:
                    best[index] = (value, outcome)
            outcome.values = {}
        for index, (value, winner) in best.items():
            if winner.values is not None:
                winner.values[index] = value
        for outcome in rivals:
            if not outcome.values:
                outcome.lose("stacking", "/stacking/group")


def _add_up(outcome: Outcome, unit: int, totals: dict[int, Exact], scene: Scene) -> None:
    """Sum a base rule over the lines it won, floor it, and add it to the base of the multipliers."""
    values = outcome.values or {}
    rule = outcome.rule
    if len(values) < len(outcome.lines):
        outcome.lines = [line for line in outcome.lines if line.index in values]
    outcome.exact = sum(values.values())
    if rule.effect == "per_unit":
        outcome.basis = sum([line.quantity for line in outcome.lines])
    else:
        outcome.basis = sum([line.earning for line in outcome.lines])
    if rule.qualifies and not scene.all_count_for_tier:
        outcome.tier_exact = sum(values[line.index] for line in outcome.lines if line.counts_for_tier)
    for index, value in values.items():
        totals[index] = totals.get(index, 0) + value
    floor(outcome, unit)


def _extra_value(outcome: Outcome, unit: int, totals: dict[int, Exact], scene: Scene) -> None:
    """What a fixed rule gives, or a multiplier adds to the base of the lines it matches."""
    rule = outcome.rule
    partly = rule.qualifies and not scene.all_count_for_tier
    if rule.effect == "fixed":
        outcome.exact = rule.points * unit
        if partly and not any(line.counts_for_tier for line in outcome.lines):
            outcome.tier_exact = 0
    elif rule.effect == "multiplier":
        if len(totals) == len(scene.lines["earn"]) and outcome.lines is scene.lines["earn"]:
            outcome.basis = sum(totals.values())
        else:
            outcome.lines = [line for line in outcome.lines if line.index in totals]
            outcome.basis = sum([totals[line.index] for line in outcome.lines])
        outcome.exact = times(outcome.basis, rule.bonus)
        if partly:
            counting = sum(totals[line.index] for line in outcome.lines if line.counts_for_tier)
            outcome.tier_exact = times(counting, rule.bonus)
    else:
        return
    floor(outcome, unit)


def _stack_order(outcomes: Sequence[Outcome]) -> None:
    """Within a group only the rule that would add the most points counts; of equals the first by rank."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.rule.group is not None and outcome.rule.effect != "grant":
            groups.setdefault((outcome.rule.currency, outcome.rule.group), []).append(outcome)
    for rivals in groups.values():
        if len(rivals) > 1:
            winner = min(rivals, key=lambda each: (-each.floored, each.rule.rank))
            for outcome in rivals:
                if outcome is not winner:
                    outcome.lose("stacking", "/stacking/group")


def floor(outcome: Outcome, unit: int) -> None:
    """Round the exact points down, once per rule and order."""
    points = int(outcome.exact // unit)
    if points > 0:
        outcome.floored = points
    else:
        outcome.reason, outcome.path = "rounding", "/effect"
