"""What each rule would give before caps: matching, base points, stacking, multipliers, flooring.

Values are exact and in units of 1/unit point, where ``unit`` is common to the rule set; they are integers
unless an amount or a ``whole`` rule makes a fraction of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

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
    """The rules of one trigger, sorted: base, fixed, multipliers, grants, each by rank.

    ``rates`` are the base rules' points per scaled amount or piece, in units of 1/unit.
    """

    rules: tuple[CompiledRule, ...]
    base: tuple[CompiledRule, ...]
    rates: tuple[int, ...]
    extra: tuple[CompiledRule, ...]
    unit: int


def match(rule: CompiledRule, scene: Scene) -> Outcome:
    """Whether the rule applies, and to which lines; else the reason and the path that failed."""
    outcome = Outcome(rule)
    lines, hidden = scene.lines[rule.act], scene.hidden[rule.act]
    refused = rule.schedule.refuses(scene.event.occurred_at, scene.local) if rule.schedule else None
    if refused is not None:
        outcome.lose("schedule", refused)
    elif rule.segment is not None and rule.segment not in scene.segments:
        outcome.lose("audience", "/audience/segment")
    elif rule.rollout is not None and bucket(rule.code, scene.member_id) >= rule.rollout:
        outcome.lose("audience", "/audience/rollout_percent")
    elif not lines:
        outcome.lose("compliance" if hidden else "condition", None)
    else:
        _match_lines(outcome, scene)
    return outcome


def _match_lines(outcome: Outcome, scene: Scene) -> None:
    """Judge the conditions: those on the event once, those on lines for each visible line."""
    act, conditions = outcome.rule.act, outcome.rule.conditions
    facts, lines = scene.facts[act], scene.lines[act]
    failed = conditions.event_test(facts, _NO_LINE) if conditions.event_test else 0
    if failed:
        outcome.lose("condition", conditions.paths[failed])
        return
    test = conditions.line_test
    if test is None:
        outcome.lines = lines
        return
    matched, furthest = [], 0
    for line in lines:
        failed = test(facts, line.facts)
        if not failed:
            matched.append(line)
        elif failed > furthest:
            furthest = failed
    outcome.lines = matched
    if matched:
        return
    if any(not test(facts, line.facts) for line in scene.hidden[act]):
        outcome.lose("compliance", None)
    else:
        outcome.lose("condition", conditions.paths[furthest])


def judge(program: Program, scene: Scene, rules: Iterable[CompiledRule]) -> list[Outcome]:
    """The outcomes of these rules of the program for one receiver, floored, before caps."""
    chosen = set(map(id, rules))
    base: list[Outcome] = []
    for rule, rate in zip(program.base, program.rates, strict=True):
        if id(rule) in chosen:
            outcome = match(rule, scene)
            base.append(outcome)
            if outcome.reason is None:
                _base_values(outcome, rate, program.unit)
    _stack_lines(base)
    totals: dict[str, dict[int, Exact]] = {}
    for outcome in base:
        if outcome.reason is None:
            _add_up(outcome, program.unit, totals.setdefault(outcome.rule.currency, {}))
    extra: list[Outcome] = []
    for rule in program.extra:
        if id(rule) in chosen:
            outcome = match(rule, scene)
            extra.append(outcome)
            if outcome.reason is None:
                _extra_value(outcome, program.unit, totals.get(rule.currency, {}))
    _stack_order(extra)
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
    winners: dict[tuple[str, str, int], tuple[Exact, Outcome]] = {}
    grouped = [outcome for outcome in outcomes if outcome.values is not None and outcome.rule.group]
    for outcome in grouped:
        for index, value in outcome.values.items():  # type: ignore[union-attr]
            key = (outcome.rule.currency, str(outcome.rule.group), index)
            best = winners.get(key)
            if best is None or value > best[0]:
                winners[key] = (value, outcome)
    for outcome in grouped:
        rule = outcome.rule
        outcome.values = {
            index: value
            for index, value in outcome.values.items()  # type: ignore[union-attr]
            if winners[(rule.currency, str(rule.group), index)][1] is outcome
        }
        if not outcome.values:
            outcome.lose("stacking", "/stacking/group")


def _add_up(outcome: Outcome, unit: int, totals: dict[int, Exact]) -> None:
    """Sum a base rule over the lines it won, floor it, and add it to the base of the multipliers."""
    values = outcome.values or {}
    rule = outcome.rule
    outcome.lines = [line for line in outcome.lines if line.index in values]
    outcome.exact = sum(values.values())
    if rule.effect == "per_unit":
        outcome.basis = sum(line.quantity for line in outcome.lines)
    else:
        outcome.basis = sum(line.earning for line in outcome.lines)
    if rule.qualifies and not all(line.counts_for_tier for line in outcome.lines):
        outcome.tier_exact = sum(values[line.index] for line in outcome.lines if line.counts_for_tier)
    for index, value in values.items():
        totals[index] = totals.get(index, 0) + value
    floor(outcome, unit)


def _extra_value(outcome: Outcome, unit: int, totals: dict[int, Exact]) -> None:
    rule = outcome.rule
    counting = [line for line in outcome.lines if line.counts_for_tier]
    whole = len(counting) == len(outcome.lines)
    if rule.effect == "fixed":
        outcome.exact = rule.points * unit
        if rule.qualifies and not counting:
            outcome.tier_exact = 0
    elif rule.effect == "multiplier":
        outcome.lines = [line for line in outcome.lines if line.index in totals]
        outcome.basis = sum(totals[line.index] for line in outcome.lines)
        outcome.exact = times(outcome.basis, rule.bonus)
        if rule.qualifies and not whole:
            base = sum(totals[line.index] for line in counting if line.index in totals)
            outcome.tier_exact = times(base, rule.bonus)
    else:
        return
    floor(outcome, unit)


def _stack_order(outcomes: Sequence[Outcome]) -> None:
    """Within a group only the rule that would add the most points counts; of equals the first by rank."""
    winners: dict[tuple[str, str], Outcome] = {}
    grouped = [
        outcome
        for outcome in outcomes
        if outcome.rule.group and outcome.rule.effect != "grant" and outcome.reason in (None, "rounding")
    ]
    for outcome in sorted(grouped, key=lambda each: each.rule.rank):
        key = (outcome.rule.currency, str(outcome.rule.group))
        if key not in winners or outcome.floored > winners[key].floored:
            winners[key] = outcome
    for outcome in grouped:
        winner = winners[(outcome.rule.currency, str(outcome.rule.group))]
        if outcome is not winner:
            outcome.lose("stacking", "/stacking/group")


def floor(outcome: Outcome, unit: int) -> None:
    """Round the exact points down, once per rule and order."""
    outcome.floored = max(0, int(outcome.exact // unit))
    outcome.reason, outcome.path = (None, None) if outcome.floored else ("rounding", "/effect")
