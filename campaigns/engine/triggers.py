"""What a trigger runs: the rules with it, ordered, with their common unit, and the facts that they read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import lcm

from campaigns.engine.exact import SCALE
from campaigns.engine.facts import member_reader
from campaigns.engine.judge import Program, matcher
from campaigns.engine.rule import CompiledRule
from campaigns.engine.scene import Needs
from campaigns.engine.types import BrandContext

_ORDER = {"per_amount": 0, "per_unit": 0, "fixed": 1, "multiplier": 2, "grant": 3}


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a trigger runs: for the member it happens to, and for the referrer where there is one."""

    rules: tuple[CompiledRule, ...]
    own: Program
    theirs: Program
    needs: Needs
    simple: bool


def compiled(rules: Sequence[CompiledRule], context: BrandContext) -> Trigger:
    """The rules of one trigger, for a brand's policies."""
    return Trigger(
        rules=tuple(rules),
        own=_program(rule for rule in rules if rule.to != "referrer"),
        theirs=_program(rule for rule in rules if rule.to in ("referrer", "both")),
        needs=_needs(rules, context),
        simple=all(rule.caps is None and rule.to == "member" for rule in rules),
    )


def _program(rules: Iterable[CompiledRule]) -> Program:
    ranked = sorted(rules, key=lambda rule: rule.rank)
    base = tuple(rule for rule in ranked if rule.is_base)
    others = [rule for rule in ranked if not rule.is_base]
    extra = tuple(sorted(others, key=lambda rule: _ORDER[rule.effect]))
    factors = lcm(*(rule.bonus.denominator for rule in extra))
    points = lcm(*(rule.rate.denominator for rule in base)) * factors
    rates = tuple((rule.rate * points).numerator for rule in base)
    return Program(
        base,
        rates,
        extra,
        points * SCALE,
        tuple(matcher(rule) for rule in base),
        tuple(matcher(rule) for rule in extra),
    )


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
        member_readers=tuple((name, member_reader(name)) for name in member),
    )
