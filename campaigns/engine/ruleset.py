"""A published set of rules, compiled once and evaluated many times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from campaigns.engine.rule import BASE_EFFECTS, CompiledRule, availability, compile_rule
from campaigns.engine.scene import Needs, Scene, live_scene
from campaigns.engine.types import (
    ORDER_TRIGGERS,
    BrandContext,
    CounterKey,
    Counters,
    Event,
    HistoryNeeds,
    Kept,
    Known,
    MemberFacts,
    Order,
    PastOrder,
    Reason,
    Receiver,
    RuleResult,
)

_ORDER = {"per_amount": 0, "per_unit": 0, "fixed": 1, "multiplier": 2, "grant": 3}
_HISTORY_COUNTS = frozenset({"member.first_order", "member.nth_order"})


@dataclass(frozen=True, slots=True)
class _Trigger:
    """What a trigger runs: for the member it happens to, and for the referrer where there is one."""

    rules: tuple[CompiledRule, ...]
    own: Program
    theirs: Program
    needs: Needs


@dataclass(slots=True)
class _Entry:
    """An outcome, and who would receive it."""

    receiver: Receiver
    member_id: str
    outcome: Outcome
    unit: int


class RuleSet:
    """The rules of one brand, compiled for its policies. Immutable; safe to share between threads."""

    def __init__(self, rules: Sequence[CompiledRule], context: BrandContext) -> None:
        self.context = context
        self.rules = tuple(sorted(rules, key=lambda rule: rule.code))
        by_trigger: dict[str, list[CompiledRule]] = {}
        for rule in self.rules:
            by_trigger.setdefault(rule.trigger, []).append(rule)
        self._triggers = {name: _trigger(found, context) for name, found in by_trigger.items()}
        self._nothing = _trigger([], context)
        # What was said of rules that gave nothing, by language and words (`explain.explanation`).
        self.said: dict[Any, dict[Any, dict[str, Any]]] = {}

    def _of(self, trigger: str) -> _Trigger:
        return self._triggers.get(trigger, self._nothing)

    def awaits(self, trigger: str) -> bool:
        """Whether any rule has this trigger."""
        return trigger in self._triggers

    def history_needs(self, trigger: str, at: datetime) -> HistoryNeeds:
        """What of the member's earlier orders the rules with this trigger will ask for."""
        needs = self._of(trigger).needs
        starts = [window.start(at, self.context.timezone) for window in needs.windows]
        return HistoryNeeds(
            count=not _HISTORY_COUNTS.isdisjoint(needs.member),
            last="member.days_since_last_order" in needs.member,
            since=min(starts, default=None),
            benefits="member.benefits" in needs.member,
        )

    def counter_keys(
        self, event: Event, member: MemberFacts, *, referrer: MemberFacts | None = None
    ) -> frozenset[CounterKey]:
        """Every cap counter that an evaluation of this event may read: load them in one query."""
        day = event.occurred_at.astimezone(self.context.timezone).date()
        return frozenset(
            key
            for rule in self._of(event.trigger).rules
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
        known: Known | None = None,
    ) -> Evaluation:
        """Judge every rule with the event's trigger; writes nothing but ``counters.take_total``.

        ``known`` is what was recorded of the event when it was first judged, for simulations.
        """
        trigger = self._of(event.trigger)
        scene = live_scene(event, member, self.context, trigger.needs, known)
        outcomes = judge(trigger.own, scene)
        carry_in, carry_out = self._carry(outcomes, scene, trigger.own.unit, member.carry)
        me, unit = member.member_id, trigger.own.unit
        entries = [_Entry(_label(outcome.rule), me, outcome, unit) for outcome in outcomes]
        if trigger.theirs.extra or trigger.theirs.base:
            entries += self._of_referrer(event, referrer, trigger)
        cuts = cut(entries, scene, counters)
        results = [self._result(*pair, scene) for pair in zip(entries, cuts, strict=True)]
        added: dict[CounterKey, int] = {}
        for each in cuts:
            if each is not None and each.counts:
                for key, count in each.counts.items():
                    added[key] = added.get(key, 0) + count
        spent = sum([line.earning for line in scene.lines["earn"] if line.counts_for_tier])
        return Evaluation(
            trigger=event.trigger,
            occurred_at=event.occurred_at,
            member_id=me,
            results=tuple(results),
            facts=scene.recorded,
            windows=scene.windows,
            counters=added,
            carry_in=carry_in,
            carry_out=carry_out,
            qualifying_amount=unscaled(spent),
            blocked=scene.blocked,
            tiers=self.context.tiers,
            rounding=self.context.rounding,
        )

    def _of_referrer(self, event: Event, referrer: MemberFacts | None, trigger: _Trigger) -> list[_Entry]:
        """The referrer's side of a referral; without a referrer it comes to nothing."""
        program = trigger.theirs
        if referrer is None:
            rules = program.base + program.extra
            lost = [Outcome(rule, reason="audience", path="/to") for rule in rules]
            return [_Entry("referrer", "", outcome, program.unit) for outcome in lost]
        scene = live_scene(event, referrer, self.context, trigger.needs)
        outcomes = judge(program, scene)
        return [_Entry("referrer", referrer.member_id, outcome, program.unit) for outcome in outcomes]

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
        trigger = self._of(recorded.trigger)
        recount = Recount({each.order_id: each for each in window_orders}, returned_orders)
        scene = recorded_scene(recorded, order, remaining, recount, self.context, trigger.needs)
        outcomes = judge(trigger.own, scene)
        self._carry(outcomes, scene, trigger.own.unit, recorded.carry_in)
        now = {outcome.rule.code: outcome for outcome in outcomes}
        return kept_of(recorded, now, kept or {}, trigger.own.unit)

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

    def _result(self, entry: _Entry, given: Cut | None, scene: Scene) -> RuleResult:
        outcome, rule = entry.outcome, entry.outcome.rule
        if given is None or given.refused:
            reason, path = (outcome.reason, outcome.path) if given is None else ("cap", given.path)
            return _blank(rule, entry.receiver, reason, path)
        available_at, waits_for = None, None
        if rule.pending:
            available_at, waits_for = availability(
                rule.pending, scene.event.occurred_at, self.context.timezone
            )
        qualifying = given.points if rule.qualifies else 0
        if qualifying and outcome.tier_exact is not None:
            qualifying = min(qualifying, max(0, int(outcome.tier_exact // entry.unit)))
        return RuleResult(
            rule=rule.code,
            version=rule.version,
            receiver=entry.receiver,
            effect=rule.effect,
            points=given.points,
            path=given.path,
            lines=tuple([line.line_id for line in outcome.lines if line.line_id]),
            currency=rule.currency,
            exact_units=outcome.exact,
            unit=entry.unit,
            basis_units=outcome.basis,
            basis_unit=SCALE if rule.effect in BASE_EFFECTS else entry.unit,
            floored=outcome.floored,
            qualifying=qualifying,
            pending=rule.pending,
            available_at=available_at,
            waits_for=waits_for,
            expiry=rule.expiry,
            cost_centre=rule.cost_centre,
            grant=rule.grant,
            window_orders=_window_orders(rule, scene) if rule.conditions.windows else (),
        )


def compile_rules(rules: Iterable[tuple[Mapping[str, Any], int]], context: BrandContext) -> RuleSet:
    """Compile (body, version) pairs that passed ``campaigns.schema.check``. Raises ValueError otherwise."""
    return RuleSet([compile_rule(body, version, context) for body, version in rules], context)


def _trigger(rules: Sequence[CompiledRule], context: BrandContext) -> _Trigger:
    return _Trigger(
        rules=tuple(rules),
        own=_program(rule for rule in rules if rule.to != "referrer"),
        theirs=_program(rule for rule in rules if rule.to in ("referrer", "both")),
        needs=_needs(rules, context),
    )


def _program(rules: Iterable[CompiledRule]) -> Program:
    ranked = sorted(rules, key=lambda rule: rule.rank)
    base = tuple(rule for rule in ranked if rule.is_base)
    others = [rule for rule in ranked if not rule.is_base]
    extra = tuple(sorted(others, key=lambda rule: _ORDER[rule.effect]))
    factors = lcm(*(rule.bonus.denominator for rule in extra))
    points = lcm(*(rule.rate.denominator for rule in base)) * factors
    rates = tuple((rule.rate * points).numerator for rule in base)
    return Program(base, rates, extra, points * SCALE)


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
        line=tuple(sorted({name for rule in rules for name in rule.conditions.line_facts})),
        activity=tuple(name for name in names if name.startswith("activity.")),
        member=tuple(member),
        windows=tuple(windows.values()),
    )


def _receivers(
    rule: CompiledRule, member: MemberFacts, referrer: MemberFacts | None
) -> list[tuple[Receiver, MemberFacts]]:
    found: list[tuple[Receiver, MemberFacts]] = []
    if rule.to != "referrer":
        found.append((_label(rule), member))
    if rule.to in ("referrer", "both") and referrer is not None:
        found.append(("referrer", referrer))
    return found


def _label(rule: CompiledRule) -> Receiver:
    """What the member whom the event happened to is called by the rule."""
    return "member" if rule.to == "member" else "referee"


def _blank(rule: CompiledRule, receiver: Receiver, reason: Reason | None, path: str | None) -> RuleResult:
    """The result of a rule that gave nothing; made once for each way of giving nothing."""
    key = (receiver, reason, path)
    result: RuleResult | None = rule.blanks.get(key)
    if result is None:
        result = rule.blanks[key] = RuleResult(
            rule.code, rule.version, receiver, rule.effect, 0, reason, path, currency=rule.currency
        )
    return result


def cut(entries: Sequence[_Entry], scene: Scene, counters: Counters) -> list[Cut | None]:
    """Apply caps to what was won; None where a rule had given nothing before. Totals come last, in the
    order of rule codes, so that concurrent orders touch the shared counters in one order."""
    cuts: list[Cut | None] = []
    totals: list[tuple[str, int, int]] = []
    for n, entry in enumerate(entries):
        outcome = entry.outcome
        if outcome.reason is not None:
            cuts.append(None)
            continue
        caps = outcome.rule.caps
        if caps is None:
            cuts.append(Cut(outcome.floored, None, {}))
            continue
        given = caps.apply(outcome.floored, entry.member_id, scene.event, scene.day, counters)
        cuts.append(given)
        if caps.total is not None and given.points > 0:
            totals.append((outcome.rule.code, n, caps.total))
    for code, n, limit in sorted(totals):
        given = cuts[n] or Cut(0, None, {})
        granted = counters.take_total(code, given.points, limit)
        if granted < given.points:
            counts = given.counts if granted else {}
            cuts[n] = Cut(granted, "/caps/total", counts).settled(granted)
    return cuts


def _window_orders(rule: CompiledRule, scene: Scene) -> tuple[str, ...]:
    """The earlier orders that a rule's windows counted."""
    named = {
        order_id
        for window in rule.conditions.windows
        for act in (rule.act, "earn")
        for order_id, _, _ in scene.windows.get(f"{act}|{window.key}", ())
    }
    return tuple(sorted(named))
