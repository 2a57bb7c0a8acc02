"""What the builder offers: triggers, facts with their comparisons, and the brand's own names."""

from collections.abc import Mapping
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone, translation

from campaigns.choices import choices, latest_orders
from campaigns.engine.facts import ACTIVITY_ATTRIBUTES, FACTS, OPERATORS, ORDER_ATTRIBUTES, FactSpec, spec_of
from campaigns.engine.wording import FACTS as FACT_WORDS
from campaigns.engine.wording import LANGUAGES, TRIGGERS
from campaigns.schema import RULE_SCHEMA
from loyalty.console.rulepages.builderwords import words
from loyalty.lib import words as localised
from loyalty.lib.words import language
from points.services import tiers
from tenants.context import current_brand

COMPARISONS: Final = ("eq", "ne", "in", "not_in", "gte", "gt", "lte", "lt", "between", "has")
# One trigger of each family: what facts there are is the same for the whole family.
FAMILIES: Final = {
    "order": "order.paid",
    "first_order": "referral.first_order",
    "activity": "activity.x",
    "other": "member.enrolled",
}


def catalogue() -> dict[str, Any]:
    """Everything that the builder's script needs to know of the brand and of rules."""
    brand = current_brand()
    own = choices()
    program = tiers.program()
    levels = program.levels if program else ()
    own["member.tier"] = [level.code for level in levels]
    said = words()
    return {
        "language": translation.get_language(),
        "timezone": str(timezone.get_current_timezone_name()),
        "currency": brand.currency,
        "triggers": [{"value": name, "label": _said(pair)} for name, pair in TRIGGERS.items() if "." in name],
        "facts": [_fact(spec, said["choice"]) for spec in _facts()],
        "operators": {kind: [op for op in COMPARISONS if op in ops] for kind, ops in OPERATORS.items()},
        "choices": own,
        "orders": latest_orders(),
        "tiers": [
            {"value": level.code, "label": localised.pick(dict(level.name)) or level.code} for level in levels
        ],
        "currencies": sorted({"points", *(brand.setting("points_currencies") or ())}),
        "code_pattern": RULE_SCHEMA["properties"]["code"]["pattern"],
        "words": said,
        "look": reverse("admin:campaigns_rule_look"),
    }


def _facts() -> list[FactSpec]:
    attributes = (spec_of(f"{prefix}x") for prefix in (ORDER_ATTRIBUTES, ACTIVITY_ATTRIBUTES))
    return [*FACTS.values(), *(spec for spec in attributes if spec is not None)]


def _fact(spec: FactSpec, choice: Mapping[str, str]) -> dict[str, Any]:
    free = spec.name not in FACTS
    name = {"order": ORDER_ATTRIBUTES, "activity": "activity."}[spec.scope] if free else spec.name
    return {
        "name": name,
        "free": free,
        "label": choice[f"attribute.{spec.scope}"] if free else _said(FACT_WORDS[spec.name]),
        "group": "window" if spec.windowed else spec.scope,
        "type": spec.type,
        "windowed": spec.windowed,
        "on": [family for family, trigger in FAMILIES.items() if spec.on(trigger)],
    }


def _said(pair: tuple[str, str]) -> str:
    return pair[LANGUAGES.index(language())]
