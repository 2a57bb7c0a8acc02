"""Errors of sense, for a rule whose shape is right: effects, receivers, schedules, caps, currencies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from fractions import Fraction
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.engine.caps import PERIODS
from campaigns.engine.exact import number, parse_number
from campaigns.engine.facts import spec_of
from campaigns.engine.rule import BASE_EFFECTS
from campaigns.engine.types import ACTIVITY_PREFIX, ORDER_TRIGGERS
from campaigns.schema.context import CheckContext
from campaigns.schema.schedules import FIRST_YEAR, LAST_YEAR, schedule_errors, years
from loyalty.lib.errors import FieldError

RESERVED: Final = frozenset({"schema", "simulate"})  # they are paths of the API
MAX_FACTOR: Final = 100
MAX_POINTS: Final = 1_000_000_000
# Points for each `per` of money or for each piece, and for each whole unit of money.
MAX_RATE: Final = 1_000_000
# The smallest unit of any currency: no rule gives for less.
LEAST_PER: Final = Fraction(1, 1000)
MAX_DAYS: Final = 3660
MAX_PRIORITY: Final = 1_000_000


def sense_errors(
    body: Mapping[str, Any], context: CheckContext, broken: AbstractSet[str] = frozenset()
) -> list[FieldError]:
    """Everything that makes no sense in a rule, but for its conditions. `broken` are the fields of a wrong
    shape: what reads them is not judged, the rest is, so that all faults are told together."""
    judged: Sequence[tuple[set[str], Callable[[], Iterable[FieldError]]]] = (
        ({"code"}, lambda: _code(body)),
        ({"effect", "trigger"}, lambda: _effect(body)),
        ({"priority", "to", "trigger"}, lambda: _receiver(body)),
        ({"schedule"}, lambda: schedule_errors(body.get("schedule") or {}, context)),
        ({"caps", "effect", "trigger"}, lambda: _caps(body)),
        ({"points", "trigger"}, lambda: _points(body, context)),
        ({"audience"}, lambda: _audience(body.get("audience") or {})),
    )
    return [error for reads, faults in judged if broken.isdisjoint(reads) for error in faults()]


def _code(body: Mapping[str, Any]) -> Iterator[FieldError]:
    if body["code"] in RESERVED:
        yield FieldError("/code", "reserved", _("This code is reserved."))


def _at_least(value: Any, least: int | Fraction, pointer: str) -> Iterator[FieldError]:
    given = parse_number(value)
    if given is None:
        yield FieldError(pointer, "type", _("Must be a number."))
    elif given < least:
        yield FieldError(pointer, "min_value", _("Must be at least %(least)s.") % {"least": least})
    elif given > MAX_POINTS:
        yield FieldError(pointer, "max_value", _("Must be at most %(most)s.") % {"most": MAX_POINTS})


def _above_zero(value: Any, pointer: str, most: int) -> Iterator[FieldError]:
    given = parse_number(value)
    if given is None or given <= 0:
        yield FieldError(pointer, "min_value", _("Must be above zero."))
    elif given > most:
        yield FieldError(pointer, "max_value", _("Must be at most %(most)s.") % {"most": most})


def _effect(body: Mapping[str, Any]) -> Iterator[FieldError]:
    effect, trigger = body["effect"], body["trigger"]
    kind = effect["type"]
    if kind in BASE_EFFECTS and trigger not in ORDER_TRIGGERS:
        sentence = _("Only orders have amounts and units: use “fixed” on the trigger %(trigger)s.")
        yield FieldError("/effect/type", "effect_not_on_trigger", sentence % {"trigger": trigger})
    if kind in ("per_amount", "per_unit"):
        yield from _rate(effect)
    elif kind == "fixed":
        yield from _at_least(effect["points"], 1, "/effect/points")
    elif kind == "multiplier":
        factor = number(effect["factor"])
        if not 1 <= factor <= MAX_FACTOR:
            detail = _("Must lie between 1 and %(most)s.") % {"most": MAX_FACTOR}
            yield FieldError("/effect/factor", "range", detail)
    elif kind == "grant":
        for key in ("quantity", "valid_days"):
            if key in effect:
                yield from _at_least(effect[key], 1, f"/effect/{key}")


def _rate(effect: Mapping[str, Any]) -> Iterator[FieldError]:
    """A rate by which an order can earn what a member can hold."""
    faults = [*_above_zero(effect["points"], "/effect/points", MAX_RATE)]
    if "per" in effect:
        faults += _above_zero(effect["per"], "/effect/per", MAX_POINTS)
        per = parse_number(effect["per"])
        if not faults and per is not None:
            if per < LEAST_PER:
                detail = _("Must be at least %(least)s.") % {"least": "0.001"}
                faults.append(FieldError("/effect/per", "min_value", detail))
            elif number(effect["points"]) / per > MAX_RATE:
                detail = _("More than %(most)s points for each unit of money.") % {"most": MAX_RATE}
                faults.append(FieldError("/effect/points", "max_value", detail))
    yield from faults


def _receiver(body: Mapping[str, Any]) -> Iterator[FieldError]:
    if abs(int(body.get("priority") or 0)) > MAX_PRIORITY:
        yield FieldError("/priority", "max_value", _("Must be at most %(most)s.") % {"most": MAX_PRIORITY})
    if body.get("to", "member") != "member" and not body["trigger"].startswith("referral."):
        yield FieldError("/to", "not_a_referral", _("Only a referral has a referrer and a referee."))


def _caps(body: Mapping[str, Any]) -> Iterator[FieldError]:
    caps = body.get("caps") or {}
    if body["effect"]["type"] == "grant":
        yield from _caps_of_points(caps)
    for key in ("per_order", "total"):
        if caps.get(key) is not None:
            yield from _at_least(caps[key], 1, f"/caps/{key}")
    for key in ("per_member", "times"):
        for period in PERIODS:
            limit = (caps.get(key) or {}).get(period)
            if limit is not None:
                yield from _at_least(limit, 1, f"/caps/{key}/{period}")
    for n, name in enumerate(caps.get("once_per") or ()):
        spec = spec_of(name)
        known = name == "order.order_id" or (spec is not None and spec.scope in ("activity", "order"))
        if not known:
            detail = _("Unknown fact “%(fact)s”.") % {"fact": name}
            yield FieldError(f"/caps/once_per/{n}", "unknown_fact", detail)
        elif spec is not None and not spec.on(body["trigger"]):
            sentence = _("The trigger %(trigger)s does not have the fact %(fact)s.")
            words = {"trigger": body["trigger"], "fact": name}
            yield FieldError(f"/caps/once_per/{n}", "fact_not_on_trigger", sentence % words)


def _caps_of_points(caps: Mapping[str, Any]) -> Iterator[FieldError]:
    """The caps that count points, which a grant does not give."""
    by_period = {f"per_member/{period}": limit for period, limit in (caps.get("per_member") or {}).items()}
    for name, limit in {**caps, **by_period}.items():
        if limit is not None and name.startswith(("per_order", "per_member/", "total")):
            detail = _("Counts points, and a grant gives none: limit it with caps.times.")
            yield FieldError(f"/caps/{name}", "not_for_grants", detail)


def _points(body: Mapping[str, Any], context: CheckContext) -> Iterator[FieldError]:
    points = body.get("points") or {}
    currency = points.get("currency", "points")
    if context.currencies is not None and currency not in context.currencies:
        detail = _("Unknown points currency “%(currency)s”.") % {"currency": currency}
        yield FieldError("/points/currency", "unknown_currency", detail)
    pending = points.get("pending") or {}
    trigger = body["trigger"]
    if "days" in pending:
        yield from _at_least(pending["days"], 0, "/points/pending/days")
        if (parse_number(pending["days"]) or 0) > MAX_DAYS:
            yield FieldError(
                "/points/pending/days", "max_value", _("Must be at most %(most)s.") % {"most": MAX_DAYS}
            )
    until = pending.get("until")
    awaits_order = trigger in ORDER_TRIGGERS or trigger == "referral.first_order"
    if (until == "order.completed" and not awaits_order) or (
        until == "activity.approved" and not trigger.startswith(ACTIVITY_PREFIX)
    ):
        sentence = _("The trigger %(trigger)s is never followed by %(event)s.")
        words = {"trigger": trigger, "event": until}
        yield FieldError("/points/pending/until", "never_matches", sentence % words)
    expiry = points.get("expiry") or {}
    for unit in ("days", "months", "years"):
        if unit in expiry:
            least = 0 if expiry["policy"] in ("end_of_month", "end_of_year") else 1
            yield from _at_least(expiry[unit], least, f"/points/expiry/{unit}")
            if (parse_number(expiry[unit]) or 0) > MAX_DAYS:
                detail = _("Must be at most %(most)s.") % {"most": MAX_DAYS}
                yield FieldError(f"/points/expiry/{unit}", "max_value", detail)
    if expiry.get("policy") == "fixed":
        try:
            on = date.fromisoformat(expiry["on"])
        except ValueError:
            yield FieldError("/points/expiry/on", "type", _("Must be a date such as 2026-12-31."))
        else:
            if not FIRST_YEAR <= on.year <= LAST_YEAR:
                yield FieldError("/points/expiry/on", "range", years())


def _audience(audience: Mapping[str, Any]) -> Iterator[FieldError]:
    percent = parse_number(audience.get("rollout_percent", 100))
    if percent is None or not 0 <= percent <= 100:
        detail = _("Must lie between 0 and %(most)s.") % {"most": 100}
        yield FieldError("/audience/rollout_percent", "range", detail)
