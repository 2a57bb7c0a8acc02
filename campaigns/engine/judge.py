"""What each rule would give before caps: matching, base points, stacking, multipliers, flooring.

Values are exact and in units of 1/unit point, where ``unit`` is common to the rule set; they are integers
unless an amount or a ``whole`` rule makes a fraction of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from campaigns.engine.exact import SCALE, simplify, times
from campaigns.engine.rule import CompiledRule, bucket
from campaigns.engine.scene import LineView, Scene
from campaigns.engine.types import Exact, Reason, Receiver, RuleResult


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
    blank: RuleResult | None = None

    def lose(self, reason: Reason, path: str | None) -> None:
        """Give nothing, for this reason."""
        self.exact, self.floored, self.reason, self.path = 0, 0, reason, path
        self.blank = blank(self.rule, label(self.rule), reason, path)


Matcher = Callable[[Scene], Outcome]


@dataclass(frozen=True, slots=True)
class Program:
    """The rules of one trigger for one receiver: base rules, then fixed, multipliers, grants, each by rank.

    ``rates`` are the base rules' points per scaled amount or piece, in units of 1/unit. The matchers say of
    each rule, in this order, whether it applies.
    """

    base: tuple[CompiledRule, ...]
    rates: tuple[int, ...]
    extra: tuple[CompiledRule, ...]
    unit: int
    base_matchers: tuple[Matcher, ...] = ()
    extra_matchers: tuple[Matcher, ...] = ()


def _lost(rule: CompiledRule, reason: Reason, path: str | None) -> Outcome:
    """The outcome of a rule that does not apply; it is always the same one, for most rules lose."""
    outcome: Outcome | None = rule.losses.get((reason, path))
    if outcome is None:
        told = blank(rule, label(rule), reason, path)
        outcome = rule.losses[(reason, path)] = Outcome(rule, reason=reason, path=path, blank=told)
    return outcome


def label(rule: CompiledRule) -> Receiver:
    """What the member whom the event happened to is called by the rule."""
    return "member" if rule.to == "member" else "referee"


def blank(rule: CompiledRule, receiver: Receiver, reason: Reason | None, path: str | None) -> RuleResult:
    """The result of a rule that gave nothing; made once for each way of giving nothing."""
    key = (receiver, reason, path)
    result: RuleResult | None = rule.blanks.get(key)
    if result is None:
        result = rule.blanks[key] = RuleResult(
            rule.code, rule.version, receiver, rule.effect, 0, reason, path, currency=rule.currency
        )
    return result


def matcher(rule: CompiledRule) -> Matcher:
    """A function that says whether the rule applies to an event, and to which lines; else the reason and the
    path that failed. What the rule does not have is not asked for."""
    act, conditions = rule.act, rule.conditions
    event_test, line_test = conditions.event_test, conditions.line_test
    failures = tuple(_lost(rule, "condition", path) for path in conditions.paths)

    def match(scene: Scene) -> Outcome:
        lines = scene.lines[act]
        if not lines:
            return _lost(rule, "compliance" if scene.hidden[act] else "condition", None)
        if event_test is not None:
            failed = event_test(scene.facts[act], None)
            if failed:
                return failures[failed]
        if line_test is None:
            return Outcome(rule, lines)
        facts = scene.facts[act]
        matched, furthest = [], 0
        for line in lines:
            failed = line_test(facts, line)
            if not failed:
                matched.append(line)
            elif failed > furthest:
                furthest = failed
        if matched:
            return Outcome(rule, matched)
        # Of the lines that fail the one that got furthest names the condition.
        for line in scene.hidden[act]:
            if not line_test(facts, line):
                return _lost(rule, "compliance", None)
        return failures[furthest]

    return _limited(rule, match) if rule.limited else match


def _limited(rule: CompiledRule, match: Matcher) -> Matcher:
    """The same for a rule with a schedule, an audience or a frame, which are asked first."""
    schedule, segment, rollout, code = rule.schedule, rule.segment, rule.rollout, rule.code
    frame = rule.frame

    def limited(scene: Scene) -> Outcome:
        if frame is not None:
            kept = frame.refuses(scene.event.occurred_at, scene.local, scene.member_id)
            if kept is not None:
                return _lost(rule, *kept)
        if schedule is not None:
            refused = schedule.refuses(scene.event.occurred_at, scene.local)
            if refused is not None:
                return _lost(rule, "schedule", refused)
        if segment is not None and segment not in scene.segments:
            return _lost(rule, "audience", "/audience/segment")
        if rollout is not None and bucket(code, scene.member_id) >= rollout:
            return _lost(rule, "audience", "/audience/rollout_percent")
        return match(scene)

    return limited


def judge(program: Program, scene: Scene) -> list[Outcome]:
    """The outcomes of a program's rules for one receiver, floored, before caps."""
    outcomes = [match(scene) for match in program.base_matchers]
    unit, earning = program.unit, []
    for outcome, rate in zip(outcomes, program.rates, strict=True):
        if outcome.reason is None:
            _base_values(outcome, rate, unit)
            earning.append(outcome)
    if len(earning) > 1:
        _stack_lines(earning)
    totals: dict[str, dict[int, Exact]] = {}
    for outcome in earning:
        if outcome.reason is None:
            _add_up(outcome, unit, totals.setdefault(outcome.rule.currency, {}), scene)
    sums = {currency: sum(values.values()) for currency, values in totals.items()}
    adding = []
    for match in program.extra_matchers:
        outcome = match(scene)
        outcomes.append(outcome)
        if outcome.reason is None:
            currency = outcome.rule.currency
            _extra_value(outcome, unit, totals.get(currency, {}), sums.get(currency, 0), scene)
            adding.append(outcome)
    if len(adding) > 1:
        _stack_order(adding)
    return outcomes


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


def _extra_value(outcome: Outcome, unit: int, totals: dict[int, Exact], whole: Exact, scene: Scene) -> None:
    """What a fixed rule gives, or a multiplier adds to the base of the lines it matches; ``whole`` is the
    base of all lines."""
    rule = outcome.rule
    partly = rule.qualifies and not scene.all_count_for_tier
    if rule.effect == "fixed":
        outcome.exact = rule.points * unit
        if partly and not any(line.counts_for_tier for line in outcome.lines):
            outcome.tier_exact = 0
    elif rule.effect == "multiplier":
        if len(totals) == len(scene.lines["earn"]) and outcome.lines is scene.lines["earn"]:
            outcome.basis = whole
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
