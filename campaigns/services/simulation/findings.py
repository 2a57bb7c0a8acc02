"""What to know of drafts before they go live: rules that never match, names never seen, caps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns import schema, selectors
from campaigns.engine.caps import PERIODS, period_key
from campaigns.engine.types import ORDER_TRIGGERS
from campaigns.services.simulation.scenario import Scenario
from campaigns.services.simulation.tally import Work
from loyalty.lib.errors import Text
from tenants.context import current_brand

OFTEN: Final = 20
"""From so many percent on it is worth saying that a cap is hit."""
_MOMENT: Final = timedelta(microseconds=1)
DETAILS: Final[Mapping[str, Text]] = {
    "no_orders": _("No order of the period was counted."),
    "not_an_order": _("Only rules on orders can be simulated; “%(trigger)s” gave nothing here."),
    "never_matches": _("The rule gave nothing at any order of the period."),
    "category_never_seen": _("No order so far has “%(value)s”."),
    "sku_never_seen": _("No order so far has “%(value)s”."),
    "store_never_seen": _("No order so far has “%(value)s”."),
    "repeats": _("It would give again at every further order; a cap on times is missing."),
    "cap_hit": _("A cap cut what it gives at %(percent)s %% of the orders that it matched."),
    "caps_from_zero": _("Its caps by %(period)s began before the period; here they begin with it."),
}

PERIOD_NAMES: Final[Mapping[str, Text]] = {
    "day": _("day"),
    "week": _("week"),
    "month": _("month"),
    "year": _("year"),
    "lifetime": _("lifetime"),
}


def detail(warning: Mapping[str, Any]) -> str:
    """A warning in the active language."""
    text = DETAILS.get(warning["code"])
    if text is None:
        return str(warning["code"])
    values = dict(warning.get("values", {}))
    if "period" in values:
        values["period"] = str(PERIOD_NAMES[values["period"]])
    return str(text) % values


def in_words(result: Mapping[str, Any]) -> dict[str, Any]:
    """A simulation's result with its warnings in the active language."""
    told = [{**each, "detail": detail(each)} for each in result["warnings"]]
    return {**result, "warnings": told}


def of(scenario: Scenario, worked: Mapping[str, Work], counted: int) -> list[dict[str, Any]]:
    """The warnings of a scenario after its run: a code, the rule, the place, and values for the words."""
    found: list[dict[str, Any]] = []
    if not counted:
        found.append({"rule": None, "code": "no_orders"})
    for draft in scenario.drafts:
        found += [{"rule": draft["code"], **each} for each in _of_rule(draft, scenario, worked, counted)]
    return found


def _of_rule(
    draft: Mapping[str, Any], scenario: Scenario, worked: Mapping[str, Work], counted: int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    work = worked.get(draft["code"], Work())
    if draft["trigger"] not in ORDER_TRIGGERS:
        found.append({"code": "not_an_order", "values": {"trigger": draft["trigger"]}})
    elif counted and not work.matched:
        found.append({"code": "never_matches", "values": {"refused": dict(sorted(work.refused.items()))}})
    checked = schema.check(draft, selectors.check_context(scenario.end))
    found += [
        {"code": each.code, "pointer": each.pointer, "values": {"value": named.value}}
        for each in selectors.warnings(checked.named)
        for named in checked.named
        if named.pointer == each.pointer
    ]
    found += [{"code": "repeats", "pointer": each.pointer} for each in checked.warnings]
    if work.cut and work.cut * 100 >= work.matched * OFTEN:
        percent = work.cut * 100 // work.matched
        found.append({"code": "cap_hit", "values": {"percent": percent, "orders": work.cut}})
    period = _cut_short(draft, scenario.start)
    if period:
        found.append({"code": "caps_from_zero", "values": {"period": period}})
    return found


def _cut_short(draft: Mapping[str, Any], start: datetime) -> str | None:
    """The longest period of the rule's caps that began before the simulation did."""
    caps = draft.get("caps") or {}
    used = {*(caps.get("per_member") or {}), *(caps.get("times") or {})}
    if caps.get("total") is not None:
        used.add("lifetime")
    local = start.astimezone(current_brand().tz)
    before = (local - _MOMENT).date()
    for period in reversed(PERIODS):
        if period in used and (
            period == "lifetime" or period_key(period, before) == period_key(period, local.date())
        ):
            return period
    return None
