"""A published set of rules, compiled once and evaluated many times."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from campaigns.engine.caps import MOST_POINTS, Cut
from campaigns.engine.evaluation import Evaluation
from campaigns.engine.exact import SCALE
from campaigns.engine.frame import Frame
from campaigns.engine.judge import Outcome, judge
from campaigns.engine.judge import blank as _blank
from campaigns.engine.judge import label as _label
from campaigns.engine.returns import Recount, kept_of, recorded_scene
from campaigns.engine.rule import BASE_EFFECTS, CompiledRule, availability, compile_rule
from campaigns.engine.scene import Needs, Scene, live_scene
from campaigns.engine.triggers import Trigger, compiled
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

_HISTORY_COUNTS = frozenset({"member.first_order", "member.nth_order"})


# An outcome with the receiver's name and id, and the unit of its numbers.
_Entry = tuple[Outcome, Receiver, str, int]


class RuleSet:
    """The rules of one brand, compiled for its policies. Immutable; safe to share between threads."""

    def __init__(self, rules: Sequence[CompiledRule], context: BrandContext) -> None:
        self.context = context
        self.rules = tuple(sorted(rules, key=lambda rule: rule.code))
        by_trigger: dict[str, list[CompiledRule]] = {}
        for rule in self.rules:
            by_trigger.setdefault(rule.trigger, []).append(rule)
        self._triggers = {name: compiled(found, context) for name, found in by_trigger.items()}
        self._nothing = compiled([], context)
        # What was said of rules that gave nothing, by language and words (`explain.explanation`).
        self.said: dict[Any, dict[Any, dict[str, Any]]] = {}

    def _of(self, trigger: str) -> Trigger:
        return self._triggers.get(trigger, self._nothing)

    def awaits(self, trigger: str) -> bool:
        """Whether any rule has this trigger."""
        return trigger in self._triggers

    def needs(self, trigger: str) -> Needs:
        """The facts that the rules with this trigger read."""
        return self._of(trigger).needs

    def history_needs(self, trigger: str, at: datetime) -> HistoryNeeds:
        """What of the member's earlier orders the rules with this trigger will ask for."""
        needs = self._of(trigger).needs
        starts = [window.start(at, self.context.timezone) for window in needs.windows]
        return HistoryNeeds(
            count=not _HISTORY_COUNTS.isdisjoint(needs.member),
            last="member.days_since_last_order" in needs.member,
            since=min(starts, default=None),
            benefits="member.benefits" in needs.member,
            segments="member.segments" in needs.member,
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
        idle: Collection[str] = (),
    ) -> Evaluation:
        """Judge every rule with the event's trigger; writes nothing but ``counters.take_total``.

        ``known`` is what was recorded of the event when it was first judged, for simulations. Of ``idle``
        members nothing is taken from totals: they are not given what they would have won.
        """
        trigger = self._of(event.trigger)
        scene = live_scene(event, member, self.context, trigger.needs, known)
        own, me = trigger.own, member.member_id
        outcomes = judge(own, scene)
        carry_in, carry_out = self._carry(outcomes, scene, own.unit, member.carry)
        added: dict[CounterKey, int] = {}
        if trigger.simple:
            at, unit = event.occurred_at, own.unit
            results = [
                self._result(each, "member", unit, None, scene, at)
                if each.reason is None
                else each.blank or _blank(each.rule, "member", each.reason, each.path)
                for each in outcomes
            ]
        else:
            results = self._with_caps(
                trigger, outcomes, event, member, referrer, scene, counters, added=added, idle=idle
            )
        lines = scene.lines["earn"]
        spent = sum([line.earning for line in lines if line.counts_for_tier])
        return Evaluation(
            event.trigger,
            event.occurred_at,
            me,
            tuple(results),
            scene.recorded,
            scene.windows,
            added,
            carry_in,
            carry_out,
            spent,
            scene.blocked,
            self.context.tiers,
            self.context.rounding,
        )

    def refused(self, event: Event, member_id: str, reason: Reason, path: str) -> Evaluation:
        """The evaluation of an event by which no rule gives anything, for a reason that is not a rule's."""
        rules = self._of(event.trigger).rules
        results = tuple(_blank(rule, _label(rule), reason, path) for rule in rules)
        return Evaluation(event.trigger, event.occurred_at, member_id, results, tiers=self.context.tiers)

    def _with_caps(
        self,
        trigger: Trigger,
        outcomes: Sequence[Outcome],
        event: Event,
        member: MemberFacts,
        referrer: MemberFacts | None,
        scene: Scene,
        counters: Counters,
        *,
        added: dict[CounterKey, int],
        idle: Collection[str],
    ) -> list[RuleResult]:
        """The results where rules have caps or another receiver; counts are added to ``added``."""
        me, unit, at = member.member_id, trigger.own.unit, event.occurred_at
        entries: list[_Entry] = [(each, _label(each.rule), me, unit) for each in outcomes]
        if trigger.theirs.extra or trigger.theirs.base:
            entries += self._of_referrer(event, referrer, trigger)
        cuts = cut(entries, scene, counters, idle)
        results = []
        for n, (outcome, receiver, _who, its_unit) in enumerate(entries):
            if outcome.reason is not None:
                told = outcome.blank
                if told is None or told.receiver != receiver:
                    told = _blank(outcome.rule, receiver, outcome.reason, outcome.path)
                results.append(told)
                continue
            given = cuts.get(n)
            if given is not None:
                for key, count in given.counts.items():
                    added[key] = added.get(key, 0) + count
                if given.refused:
                    results.append(_blank(outcome.rule, receiver, "cap", given.path))
                    continue
            results.append(self._result(outcome, receiver, its_unit, given, scene, at))
        return results

    def _of_referrer(self, event: Event, referrer: MemberFacts | None, trigger: Trigger) -> list[_Entry]:
        """The referrer's side of a referral; without a referrer it comes to nothing."""
        program = trigger.theirs
        if referrer is None:
            rules = program.base + program.extra
            lost = [Outcome(rule, reason="audience", path="/to") for rule in rules]
            return [(outcome, "referrer", "", program.unit) for outcome in lost]
        scene = live_scene(event, referrer, self.context, trigger.needs)
        outcomes = judge(program, scene)
        return [(outcome, "referrer", referrer.member_id, program.unit) for outcome in outcomes]

    def reevaluate(
        self,
        recorded: Evaluation,
        order: Order,
        remaining: Mapping[str, Decimal],
        *,
        kept: Mapping[tuple[str, str], int] | None = None,
        window_orders: Iterable[PastOrder] = (),
        returned_orders: frozenset[str] = frozenset(),
        adult: bool | None = None,
    ) -> tuple[Kept, ...]:
        """What each entry of a recorded evaluation keeps when only ``remaining`` is left of its order.

        ``self`` must hold the recorded rule versions. ``order`` is the order as bought, ``remaining``
        the quantity left of each line_id (absent = nothing left). ``kept`` maps (rule, receiver) to
        the points still kept after earlier returns (default: those first given). Where another order
        that counted in a window was returned, ``window_orders`` brings what is left of it, or
        ``returned_orders`` names it when nothing is; all else stays as recorded. ``adult`` says whether the
        member was one when the order was placed (None = not known): some lines count for adults alone.
        """
        if (recorded.tiers, recorded.rounding) != (self.context.tiers, self.context.rounding):
            context = replace(self.context, tiers=recorded.tiers, rounding=recorded.rounding)
            around = {rule.code: rule.frame for rule in self.rules if rule.frame is not None}
            as_recorded = compile_rules([(rule.body, rule.version) for rule in self.rules], context, around)
            return as_recorded.reevaluate(
                recorded,
                order,
                remaining,
                kept=kept,
                window_orders=window_orders,
                returned_orders=returned_orders,
                adult=adult,
            )
        trigger = self._of(recorded.trigger)
        recount = Recount({each.order_id: each for each in window_orders}, returned_orders, adult)
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

    def _result(
        self, outcome: Outcome, receiver: Receiver, unit: int, given: Cut | None, scene: Scene, at: datetime
    ) -> RuleResult:
        """The result of a rule that gave something; ``given`` None = what it came to, without caps."""
        rule = outcome.rule
        available_at, waits_for = None, None
        if rule.pending:
            available_at, waits_for = availability(rule.pending, at, self.context.timezone)
        points, path = (outcome.floored, None) if given is None else (given.points, given.path)
        if points > MOST_POINTS:
            points, path = MOST_POINTS, "/effect"
        qualifying = points if rule.qualifies else 0
        if qualifying and outcome.tier_exact is not None:
            qualifying = min(qualifying, max(0, int(outcome.tier_exact // unit)))
        # In the order of the fields: to name twenty of them costs half as much again.
        return RuleResult(
            rule.code,
            rule.version,
            receiver,
            rule.effect,
            points,
            None,
            path,
            scene.named(rule.act, outcome.lines),
            rule.currency,
            outcome.exact,
            unit,
            outcome.basis,
            SCALE if rule.effect in BASE_EFFECTS else unit,
            outcome.floored,
            qualifying,
            rule.pending,
            available_at,
            waits_for,
            rule.expiry,
            rule.cost_centre,
            rule.grant,
            _window_orders(rule, scene) if rule.conditions.windows else (),
        )


def compile_rules(
    rules: Iterable[tuple[Mapping[str, Any], int]],
    context: BrandContext,
    frames: Mapping[str, Frame] | None = None,
) -> RuleSet:
    """Compile (body, version) pairs that passed ``campaigns.schema.check``; ``frames`` are those of
    the rules that stand in one, by code. Raises ValueError otherwise."""
    around = frames or {}
    return RuleSet(
        [compile_rule(body, version, context, around.get(body["code"])) for body, version in rules], context
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


def cut(
    entries: Sequence[_Entry], scene: Scene, counters: Counters, idle: Collection[str] = ()
) -> dict[int, Cut]:
    """Apply caps to what was won, by the place of those that have any. Totals come last, in the order of rule
    codes, so that concurrent orders touch the shared counters in one order; idle members take nothing."""
    cuts: dict[int, Cut] = {}
    totals: list[tuple[str, int, int]] = []
    for n, (outcome, _receiver, member_id, _unit) in enumerate(entries):
        caps = outcome.rule.caps
        if caps is None or outcome.reason is not None:
            continue
        cuts[n] = given = caps.apply(
            min(outcome.floored, MOST_POINTS), member_id, scene.event, scene.day, counters
        )
        if caps.total is not None and given.points > 0 and member_id not in idle:
            totals.append((outcome.rule.code, n, caps.total))
    for code, n, limit in sorted(totals):
        given = cuts[n]
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
