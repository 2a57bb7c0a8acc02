"""A published set of rules, compiled once and evaluated many times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from campaigns.engine.caps import Cut
from campaigns.engine.evaluation import Evaluation
from campaigns.engine.exact import SCALE, unscaled
from campaigns.engine.judge import Outcome, Program, judge
from campaigns.engine.returns import Recount, kept_of, recorded_scene
from campaigns.engine.rule import CompiledRule, availability, compile_rule
from campaigns.engine.scene import Needs, Scene, live_scene
from campaigns.engine.types import (
    ORDER_TRIGGERS,
    BrandContext,
    CounterKey,
    Counters,
    Event,
    HistoryNeeds,
    Kept,
    MemberFacts,
    Order,
    PastOrder,
    Receiver,
    RuleResult,
)

_ORDER = {"per_amount": 0, "per_unit": 0, "fixed": 1, "multiplier": 2, "grant": 3}
_HISTORY_COUNTS = frozenset({"member.first_order", "member.nth_order"})


class RuleSet:
    """The rules of one brand, compiled for its policies. Immutable; safe to share between threads."""

    def __init__(self, rules: Sequence[CompiledRule], context: BrandContext) -> None:
        self.context = context
        self.rules = tuple(sorted(rules, key=lambda rule: rule.code))
        by_trigger: dict[str, list[CompiledRule]] = {}
        for rule in self.rules:
            by_trigger.setdefault(rule.trigger, []).append(rule)
        self._programs = {trigger: _program(found) for trigger, found in by_trigger.items()}
        self._needs = {trigger: _needs(found, context) for trigger, found in by_trigger.items()}

    def history_needs(self, trigger: str, at: datetime) -> HistoryNeeds:
        """What of the member's earlier orders the rules with this trigger will ask for."""
        needs = self._needs.get(trigger)
        if needs is None:
            return HistoryNeeds(count=False, last=False, since=None)
        starts = [window.start(at, self.context.timezone) for window in needs.windows]
        return HistoryNeeds(
            count=not _HISTORY_COUNTS.isdisjoint(needs.member),
            last="member.days_since_last_order" in needs.member,
            since=min(starts, default=None),
        )

    def counter_keys(
        self, event: Event, member: MemberFacts, *, referrer: MemberFacts | None = None
    ) -> frozenset[CounterKey]:
        """Every cap counter that an evaluation of this event may read: load them in one query."""
        program = self._programs.get(event.trigger)
        day = event.occurred_at.astimezone(self.context.timezone).date()
        return frozenset(
            key
            for rule in (program.rules if program else ())
            if rule.caps is not None
            for _, who in _receivers(rule, member, referrer)
            for key in rule.caps.keys(who.member_id, event, day)
        )

    def evaluate(
        self,
        event: Event,
        member: MemberFacts,
        *,
        counters: Counters,
        referrer: MemberFacts | None = None,
    ) -> Evaluation:
        """Judge every rule with the event's trigger; writes nothing but ``counters.take_total``."""
        program = self._programs.get(event.trigger) or _program([])
        needs = self._needs.get(event.trigger) or _needs([], self.context)
        scene = live_scene(event, member, self.context, needs)
        own = [rule for rule in program.rules if rule.to != "referrer"]
        outcomes = judge(program, scene, own)
        carry_in, carry_out = self._carry(outcomes, scene, program.unit, member.carry)
        judged = [(_label(outcome.rule, own=True), member.member_id, outcome) for outcome in outcomes]
        theirs = [rule for rule in program.rules if rule.to in ("referrer", "both")]
        if theirs and referrer is not None:
            other = live_scene(event, referrer, self.context, needs)
            judged += [("referrer", referrer.member_id, outcome) for outcome in judge(program, other, theirs)]
        elif theirs:
            for rule in theirs:
                judged.append(("referrer", "", Outcome(rule, reason="audience", path="/to")))
        cuts = _cut(judged, scene, counters)
        results = [
            self._result(receiver, outcome, cut, program.unit, scene)
            for (receiver, _, outcome), cut in zip(judged, cuts, strict=True)
        ]
        added: dict[CounterKey, int] = {}
        for cut in cuts:
            for key, count in cut.counts.items() if cut else ():
                added[key] = added.get(key, 0) + count
        tier_lines = [line for line in scene.lines["earn"] if line.counts_for_tier]
        return Evaluation(
            trigger=event.trigger,
            occurred_at=event.occurred_at,
            member_id=member.member_id,
            results=tuple(sorted(results, key=_result_order)),
            facts=scene.recorded,
            windows=scene.windows,
            counters=added,
            carry_in=carry_in,
            carry_out=carry_out,
            qualifying_amount=sum((unscaled(line.earning) for line in tier_lines), Fraction(0)),
            blocked=scene.blocked,
            tiers=self.context.tiers,
            rounding=self.context.rounding,
        )

    def reevaluate(
        self,
        recorded: Evaluation,
        order: Order,
        remaining: Mapping[str, Decimal],
        *,
        kept: Mapping[tuple[str, str], int] | None = None,
        window_orders: Iterable[PastOrder] = (),
        returned_orders: frozenset[str] = frozenset(),
    ) -> tuple[Kept, ...]:
        """What each entry of a recorded evaluation keeps when only ``remaining`` is left of its order.

        ``self`` must hold the recorded rule versions. ``order`` is the order as bought, ``remaining``
        the quantity left of each line_id (absent = nothing left). ``kept`` maps (rule, receiver) to
        the points still kept after earlier returns (default: those first given). Where another order
        that counted in a window was returned, ``window_orders`` brings what is left of it, or
        ``returned_orders`` names it when nothing is; all else stays as recorded.
        """
        if (recorded.tiers, recorded.rounding) != (self.context.tiers, self.context.rounding):
            context = replace(self.context, tiers=recorded.tiers, rounding=recorded.rounding)
            as_recorded = compile_rules([(rule.body, rule.version) for rule in self.rules], context)
            return as_recorded.reevaluate(
                recorded,
                order,
                remaining,
                kept=kept,
                window_orders=window_orders,
                returned_orders=returned_orders,
            )
        program = self._programs.get(recorded.trigger) or _program([])
        needs = self._needs.get(recorded.trigger) or _needs([], self.context)
        recount = Recount({each.order_id: each for each in window_orders}, returned_orders)
        scene = recorded_scene(recorded, order, remaining, recount, self.context, needs)
        versions = {(result.rule, result.version) for result in recorded.results}
        rules = [rule for rule in program.rules if (rule.code, rule.version) in versions]
        outcomes = judge(program, scene, rules)
        self._carry(outcomes, scene, program.unit, recorded.carry_in)
        now = {outcome.rule.code: outcome for outcome in outcomes}
        return kept_of(recorded, now, kept or {}, program.unit)

    def _carry(
        self, outcomes: Sequence[Outcome], scene: Scene, unit: int, kept: Mapping[str, Fraction]
    ) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
        """Under ``rounding: carry``: add what earlier orders left to the first rule of each currency that
        earned, and collect what flooring cuts now."""
        if self.context.rounding != "carry" or scene.event.trigger not in ORDER_TRIGGERS:
            return {}, {}
        carried_in: dict[str, Fraction] = {}
        carried_out: dict[str, Fraction] = {}
        for outcome in outcomes:
            if outcome.exact <= 0 or outcome.rule.effect in ("fixed", "grant"):
                continue
            currency = outcome.rule.currency
            exact = Fraction(outcome.exact)
            if currency not in carried_in:
                carried_in[currency] = kept.get(currency, Fraction(0))
                exact += carried_in[currency] * unit
            outcome.floored = int(exact // unit)
            outcome.reason, outcome.path = (None, None) if outcome.floored else ("rounding", "/effect")
            left = exact / unit - outcome.floored
            carried_out[currency] = carried_out.get(currency, Fraction(0)) + left
        return carried_in, carried_out

    def _result(
        self, receiver: Receiver, outcome: Outcome, cut: Cut | None, unit: int, scene: Scene
    ) -> RuleResult:
        rule = outcome.rule
        points = cut.points if cut else 0
        reason, path = outcome.reason, outcome.path
        if cut is not None:
            path = cut.path
            reason = "cap" if cut.refused else None
        if reason is not None:
            return RuleResult(
                rule.code, rule.version, receiver, rule.effect, 0, reason, path, currency=rule.currency
            )
        available_at, waits_for = availability(rule.pending, scene.event.occurred_at, self.context.timezone)
        qualifying = points if rule.qualifies else 0
        if qualifying and outcome.tier_exact is not None:
            qualifying = min(qualifying, max(0, int(outcome.tier_exact // unit)))
        is_money = rule.effect in ("per_amount", "per_unit")
        return RuleResult(
            rule=rule.code,
            version=rule.version,
            receiver=receiver,
            effect=rule.effect,
            points=points,
            path=path,
            lines=tuple(line.line_id for line in outcome.lines if line.line_id),
            currency=rule.currency,
            exact=Fraction(outcome.exact, unit),
            basis=Fraction(outcome.basis, SCALE if is_money else unit),
            floored=outcome.floored,
            qualifying=qualifying,
            pending=rule.pending,
            available_at=available_at,
            waits_for=waits_for,
            expiry=rule.expiry,
            cost_centre=rule.cost_centre,
            grant=_grant(rule),
            window_orders=_window_orders(rule, scene),
        )


def compile_rules(rules: Iterable[tuple[Mapping[str, Any], int]], context: BrandContext) -> RuleSet:
    """Compile (body, version) pairs that passed ``campaigns.schema.check``. Raises ValueError otherwise."""
    return RuleSet([compile_rule(body, version, context) for body, version in rules], context)


def _program(rules: Iterable[CompiledRule]) -> Program:
    ranked = sorted(rules, key=lambda rule: rule.rank)
    base = tuple(rule for rule in ranked if rule.is_base)
    extra = tuple(sorted((rule for rule in ranked if not rule.is_base), key=lambda rule: _ORDER[rule.effect]))
    points = lcm(*(rule.rate.denominator for rule in base), *(rule.bonus.denominator for rule in extra), 1)
    points *= lcm(*(rule.bonus.denominator for rule in extra), 1)
    rates = tuple((rule.rate * points).numerator for rule in base)
    return Program(tuple(ranked), base, rates, extra, points * SCALE)


def _needs(rules: Iterable[CompiledRule], context: BrandContext) -> Needs:
    rules = list(rules)
    names = sorted({name for rule in rules for name in rule.conditions.facts})
    windows = {window.key: window for rule in rules for window in rule.conditions.windows}
    member = [name for name in names if name.startswith("member.")]
    if any(rule.segment for rule in rules) and "member.segments" not in member:
        member.append("member.segments")
    return Needs(
        views=("earn", "bonus") if context.compliance.splits_views else ("earn",),
        order=tuple(name for name in names if name.startswith("order.")),
        activity=tuple(name for name in names if name.startswith("activity.")),
        member=tuple(member),
        windows=tuple(windows.values()),
    )


def _receivers(
    rule: CompiledRule, member: MemberFacts, referrer: MemberFacts | None
) -> list[tuple[Receiver, MemberFacts]]:
    found: list[tuple[Receiver, MemberFacts]] = []
    if rule.to != "referrer":
        found.append((_label(rule, own=True), member))
    if rule.to in ("referrer", "both") and referrer is not None:
        found.append(("referrer", referrer))
    return found


def _label(rule: CompiledRule, *, own: bool) -> Receiver:
    if not own:
        return "referrer"
    return "member" if rule.to == "member" else "referee"


def _cut(
    judged: Sequence[tuple[Receiver, str, Outcome]], scene: Scene, counters: Counters
) -> list[Cut | None]:
    """Apply caps to what was won; None where a rule had given nothing before. Totals come last, in the
    order of rule codes, so that concurrent orders touch the shared counters in one order."""
    cuts: list[Cut | None] = []
    for _, member_id, outcome in judged:
        if outcome.reason is not None:
            cuts.append(None)
        elif outcome.rule.caps is None:
            cuts.append(Cut(outcome.floored, None, {}))
        else:
            caps = outcome.rule.caps
            cuts.append(caps.apply(outcome.floored, member_id, scene.event, scene.day, counters))
    totalled = [
        n
        for n, (cut, (_, _, outcome)) in enumerate(zip(cuts, judged, strict=True))
        if cut is not None and cut.points > 0 and outcome.rule.caps and outcome.rule.caps.total is not None
    ]
    for n in sorted(totalled, key=lambda n: judged[n][2].rule.code):
        rule, cut = judged[n][2].rule, cuts[n]
        if cut is None or rule.caps is None or rule.caps.total is None:
            continue
        granted = counters.take_total(rule.code, cut.points, rule.caps.total)
        if granted < cut.points:
            counted = Cut(granted, "/caps/total", cut.counts)
            cuts[n] = counted.settled(granted) if granted else Cut(0, "/caps/total", {})
    return cuts


def _result_order(result: RuleResult) -> tuple[int, str, str]:
    return (_ORDER[result.effect], result.rule, result.receiver)


def _grant(rule: CompiledRule) -> Mapping[str, Any] | None:
    if rule.effect != "grant":
        return None
    return {key: value for key, value in rule.body["effect"].items() if key != "type"}


def _window_orders(rule: CompiledRule, scene: Scene) -> tuple[str, ...]:
    """The earlier orders that a rule's windows counted."""
    named = {
        order_id
        for window in rule.conditions.windows
        for act in (rule.act, "earn")
        for order_id, _, _ in scene.windows.get(f"{act}|{window.key}", ())
    }
    return tuple(sorted(named))
