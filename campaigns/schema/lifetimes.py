"""Points that end before they can be spent: pending and expiry of a rule, taken together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.engine.exact import parse_number
from campaigns.engine.schedule import parse_instant
from campaigns.schema.context import CheckContext
from loyalty.lib.errors import FieldError
from points import expiry

# Policies by the calendar leave more or less time: every day of a year is tried.
_TRIED: Final = 366


def lifetime_errors(body: Mapping[str, Any], context: CheckContext) -> Iterator[FieldError]:
    """What is wrong where no purchase from today on, or from the rule's start on, could be spent.

    The rule's pending and expiry are each sound by themselves.
    """
    points = body.get("points") or {}
    own = points.get("expiry") or {}
    first = _first_day(body, context)
    if own.get("policy") == "fixed" and date.fromisoformat(own["on"]) < first:
        yield FieldError("/points/expiry/on", "past", _("This day is past before anything is earned."))
        return
    dead = _dead_days(body, context, first)
    if dead == _TRIED:
        detail = _("The points would expire before they can be used.")
        yield FieldError("/points/pending/days", "expires_before_usable", detail)


def lifetime_warnings(body: Mapping[str, Any], context: CheckContext) -> Iterator[FieldError]:
    """Where the points of some days only, such as the last ones of a month, could never be spent."""
    if _dead_days(body, context, _first_day(body, context)):
        detail = _("Points earned on some days would expire before they can be used.")
        yield FieldError("/points/pending/days", "expires_before_usable", detail)


def _first_day(body: Mapping[str, Any], context: CheckContext) -> date:
    starts_at = (body.get("schedule") or {}).get("starts_at")
    if not starts_at:
        return context.today
    return max(context.today, parse_instant(starts_at).astimezone(context.timezone).date())


def _dead_days(body: Mapping[str, Any], context: CheckContext, first: date) -> int:
    """On how many of the days tried points would end before they begin."""
    points = body.get("points") or {}
    days = parse_number((points.get("pending") or {}).get("days"))
    policy = _plain(points.get("expiry") or context.expiry or {})
    if not days or policy.get("policy") in (None, "never", "inactivity"):
        return 0
    dead = 0
    for number in range(_TRIED):
        earned_on = first + timedelta(days=number)
        last = expiry.last_valid_day(policy, earned_on)
        dead += last is not None and earned_on + timedelta(days=int(days)) > last
    return dead


def _plain(policy: Mapping[str, Any]) -> dict[str, Any]:
    """An expiry policy with its numbers as such: rules may write them as strings."""
    return {
        key: value if key in ("policy", "on") else int(parse_number(value) or 0)
        for key, value in policy.items()
    }
