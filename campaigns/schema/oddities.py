"""What a valid rule may say without meaning it: it is over, reaches nobody, adds nothing, or cuts itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.engine.caps import PERIODS
from campaigns.engine.exact import number
from campaigns.engine.schedule import parse_instant
from campaigns.schema.context import CheckContext
from loyalty.lib.errors import FieldError


def oddities(body: Mapping[str, Any], context: CheckContext) -> tuple[FieldError, ...]:
    """Warnings about a valid rule."""
    return tuple(
        warning
        for warnings in (_over(body, context), _nobody(body), _nothing(body), _cut(body))
        for warning in warnings
    )


def _over(body: Mapping[str, Any], context: CheckContext) -> Iterator[FieldError]:
    ends_at = (body.get("schedule") or {}).get("ends_at")
    if ends_at and parse_instant(ends_at).astimezone(context.timezone).date() < context.today:
        detail = _("This is past: only purchases that come late can still earn by it.")
        yield FieldError("/schedule/ends_at", "already_over", detail)


def _nobody(body: Mapping[str, Any]) -> Iterator[FieldError]:
    if number((body.get("audience") or {}).get("rollout_percent", 100)) == 0:
        yield FieldError("/audience/rollout_percent", "never_matches", _("Zero per cent is nobody."))


def _nothing(body: Mapping[str, Any]) -> Iterator[FieldError]:
    effect = body["effect"]
    if effect["type"] == "multiplier" and number(effect["factor"]) == 1:
        yield FieldError("/effect/factor", "gives_nothing", _("A factor of 1 adds nothing."))


def _cut(body: Mapping[str, Any]) -> Iterator[FieldError]:
    caps, effect = body.get("caps") or {}, body["effect"]
    if effect["type"] != "fixed":
        return
    limits = {"/caps/per_order": caps.get("per_order"), "/caps/total": caps.get("total")}
    limits |= {f"/caps/per_member/{period}": (caps.get("per_member") or {}).get(period) for period in PERIODS}
    for pointer, limit in limits.items():
        if limit is not None and number(limit) < number(effect["points"]):
            detail = _("Below the points that the rule gives at once: it can never give them all.")
            yield FieldError(pointer, "cuts_the_effect", detail)
