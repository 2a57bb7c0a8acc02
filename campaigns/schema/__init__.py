"""Is this a rule? Shape by JSON Schema, then sense: facts, operators, schedules, effects, caps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.engine import BrandContext
from campaigns.engine.rule import compile_rule
from campaigns.engine.types import ORDER_TRIGGERS
from campaigns.schema.conditions import ConditionCheck
from campaigns.schema.context import CheckContext, Checked, Named
from campaigns.schema.contradictions import Reach, contradictions
from campaigns.schema.document import RULE_SCHEMA
from campaigns.schema.lifetimes import lifetime_errors, lifetime_warnings
from campaigns.schema.oddities import oddities
from campaigns.schema.repeats import repeating
from campaigns.schema.semantics import sense_errors
from campaigns.schema.structure import shape_errors, text_errors
from loyalty.lib.errors import FieldError
from loyalty.lib.fields import plain_json

__all__ = ["RULE_SCHEMA", "CheckContext", "Checked", "Named", "check"]


def check(body: Any, context: CheckContext) -> Checked:
    """Check a rule's body. The result's errors are empty if the engine can run it; it never raises."""
    if not isinstance(body, dict):
        return Checked({}, (FieldError("", "type", _("Must be an object.")),))
    plain = plain_json(body)
    errors = shape_errors(plain)
    conditions = ConditionCheck(context, str(plain.get("trigger", "")))
    if "trigger" not in _parts(errors):
        conditions.check(plain.get("when"))
    errors += sense_errors(plain, context, _parts(errors))
    if _parts(errors).isdisjoint({"points", "schedule", "trigger"}):
        errors += lifetime_errors(plain, context)
    errors += conditions.errors + list(text_errors(plain, ""))
    if not errors:
        errors = _uncompilable(plain, context)
    if not _parts(errors).isdisjoint({"", "when", "trigger"}):
        return Checked(plain, tuple(errors), tuple(conditions.named))
    reach = Reach(context.tiers, context.currency, plain["trigger"] in ORDER_TRIGGERS)
    never = contradictions(plain.get("when"), reach)
    if errors:
        return Checked(plain, (*errors, *never.errors), tuple(conditions.named))
    named = (*conditions.named, *_segment(plain))
    odd = (*oddities(plain, context), *lifetime_warnings(plain, context))
    warnings = (*never.warnings, *repeating(plain), *odd)
    return Checked(plain, tuple(never.errors), named, warnings)


def _parts(errors: Iterable[FieldError]) -> set[str]:
    """The fields of the rule in which something is wrong; "" is the rule itself."""
    return {error.pointer.split("/")[1] if error.pointer else "" for error in errors}


def _segment(body: dict[str, Any]) -> list[Named]:
    """The segment that the rule is for, where it is not for all."""
    code = (body.get("audience") or {}).get("segment")
    return [] if code in (None, "", "all") else [Named("segment", str(code), "/audience/segment")]


def _uncompilable(body: dict[str, Any], context: CheckContext) -> list[FieldError]:
    """The last gate: what the engine cannot compile must never be published, or no order could be judged."""
    try:
        compile_rule(body, 0, BrandContext(context.timezone, context.tiers))
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return [FieldError("", "invalid", _("Is not valid."))]
    return []
