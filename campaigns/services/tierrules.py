"""The multipliers of the tier page are earning rules like any other: ``tier-<code>``, one for each level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from django.db import transaction

from campaigns.engine.exact import number
from campaigns.models import Rule
from campaigns.services import rules


class TierLevel(Protocol):
    """A level of the tier programme, as `points` describes it."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> Mapping[str, str]: ...
    @property
    def multiplier(self) -> Decimal: ...


def code_of(tier: str) -> str:
    """The code of the rule that carries a tier's multiplier."""
    return f"tier-{tier}"


def body_of(level: TierLevel) -> dict[str, Any]:
    """The rule that a level's multiplier is."""
    names = {language: name for language, name in level.name.items() if name} or {"en": level.code}
    suffix = {"zh-hans": "会员倍数", "en": " multiplier"}
    return {
        "code": code_of(level.code),
        "name": {language: f"{name}{suffix.get(language, '')}" for language, name in names.items()},
        "trigger": "order.paid",
        "when": {"all": [{"fact": "member.tier", "op": "eq", "value": level.code}]},
        "effect": {"type": "multiplier", "factor": str(level.multiplier)},
    }


def sync(*, levels: Iterable[TierLevel], actor: str, now: datetime) -> list[Rule]:
    """Make the tiers' rules say what the programme says; returns the rules that changed.

    A multiplier above 1 has a published rule; a level that lost its multiplier, or is gone, has none that
    runs. Repeating it changes nothing. Raises Invalid for a factor that no rule may have.
    """
    changed: list[Rule] = []
    with transaction.atomic():
        wanted = {code_of(level.code): level for level in levels if level.multiplier > 1}
        existing = {rule.code: rule for rule in Rule.objects.filter(code__startswith="tier-")}
        for code, level in wanted.items():
            rule = existing.get(code)
            if rule is None:
                rules.create_draft(body=body_of(level), actor=actor, now=now)
                changed.append(rules.revive(code=code, body=body_of(level), actor=actor, now=now).rule)
            elif not _says(rule, level):
                changed.append(rules.revive(code=code, body=body_of(level), actor=actor, now=now).rule)
        for code, rule in existing.items():
            if code not in wanted and rule.status == Rule.Status.PUBLISHED and _is_ours(rule):
                changed.append(rules.discontinue(code=code, actor=actor, now=now).rule)
    return changed


def _says(rule: Rule, level: TierLevel) -> bool:
    """Whether the version that runs is the level's multiplier and nothing else, whatever it is called."""
    if rule.status != Rule.Status.PUBLISHED or rule.current_version is None:
        return False
    body = rule.versions.values_list("body", flat=True).get(version=rule.current_version)
    wanted = body_of(level)
    factor = body["effect"].get("factor")
    return (
        {**_content(body), "effect": None} == {**_content(wanted), "effect": None}
        and body["effect"] == {**wanted["effect"], "factor": factor}
        and number(factor) == number(level.multiplier)
    )


def _content(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in ("name", "description")}


def _is_ours(rule: Rule) -> bool:
    """Whether a rule began as a tier's multiplier: one that asks for nothing but the tier of its own code."""
    body = rule.versions.order_by("version").values_list("body", flat=True).first() or {}
    conditions = (body.get("when") or {}).get("all") or []
    tier = rule.code.removeprefix("tier-")
    return body.get("effect", {}).get("type") == "multiplier" and conditions == [
        {"fact": "member.tier", "op": "eq", "value": tier}
    ]
