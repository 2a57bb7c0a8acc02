"""What a ledger entry says of how it came about: its rule, the reckoning, the reward that it paid for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from uuid import UUID

from campaigns.engine.exact import number as exact
from campaigns.engine.types import RuleResult
from campaigns.models import RuleVersion
from mall.models import Redemption
from points.models import Entry

Versions = Mapping[tuple[str, int], tuple[UUID, Mapping[str, object]]]


def result_of(entry: Entry, body: Mapping[str, object]) -> RuleResult | None:
    """The rule's result as far as the entry tells it; what was computed follows from basis and rule."""
    told = entry.explanation
    if not body or not isinstance(told, dict) or "effect" not in told:
        return None
    basis = exact(str(told.get("basis") or "0"))
    result = RuleResult(
        rule=entry.rule,
        version=entry.rule_version or 0,
        receiver="member",
        effect=str(told["effect"]),
        points=entry.points,
        currency=entry.account.currency,
        basis_units=basis.numerator,
        basis_unit=basis.denominator,
    )
    computed = _computed(result.effect, basis, body.get("effect"))
    return replace(
        result,
        exact_units=computed.numerator,
        unit=computed.denominator,
        floored=max(entry.points, int(computed)),
    )


def versions(entries: Iterable[Entry]) -> Versions:
    """Key and body of the rule versions that gave these entries; one query."""
    wanted = {(entry.rule, entry.rule_version) for entry in entries if entry.rule_version}
    if not wanted:
        return {}
    rows = RuleVersion.objects.filter(
        rule__code__in={code for code, _version in wanted},
        version__in={version for _code, version in wanted},
    ).values_list("rule__code", "version", "rule_id", "body")
    return {(code, version): (rule_id, body) for code, version, rule_id, body in rows}


def rewards(entries: Iterable[Entry]) -> dict[str, str]:
    """What was redeemed with these entries, by reference; one query."""
    references = {entry.reference for entry in entries if entry.source == "redemption"}
    if not references:
        return {}
    found = Redemption.objects.filter(reference__in=references).select_related("reward")
    return {
        each.reference: f"{each.reward} × {each.quantity}" if each.quantity > 1 else str(each.reward)
        for each in found
    }


def _computed(effect: str, basis: Fraction, body: object) -> Fraction:
    said = body if isinstance(body, Mapping) else {}
    if effect == "multiplier":
        return basis * (exact(said.get("factor", "1")) - 1)
    each = exact(said.get("points", "0"))
    if effect == "per_unit":
        return basis * each
    if effect == "per_amount":
        per = exact(said.get("per", "1"))
        return (basis // per) * each if said.get("whole") else basis / per * each
    return Fraction(0)
