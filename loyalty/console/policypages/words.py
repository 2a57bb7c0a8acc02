"""A policy's name and its value in words, for what differs between before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from campaigns.engine.differences import Difference
from loyalty.console.policypages.form import ASKED, EXPIRIES, PolicyForm
from tenants.policyrules import EXPIRY_NUMBERS, PERIODS
from tenants.policywords import WORDS


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Each policy that a change is about, with both sides in words."""
    return [Difference(key, name(key), said(key, before.get(key)), said(key, after[key])) for key in after]


def name(key: str) -> str:
    """What the page calls a policy."""
    return str(WORDS[key].name)


def said(key: str, value: Any) -> str:
    """A value in words; what is not set is a dash."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if key == "expiry":
        number = EXPIRY_NUMBERS.get(value["policy"])
        more = f" ({value[number]})" if number else ""
        return f"{dict(EXPIRIES)[value['policy']]}{more}"
    if key == "quiet_hours":
        return f"{value['from']} – {value['until']}"
    if key == "message_caps":
        return _caps(value)
    if key == "rounding":
        return str(dict(PolicyForm.base_fields[key].choices)[value])  # type: ignore[attr-defined]
    if key.endswith("_approval"):
        return str(dict(ASKED)[value])
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)


def _caps(caps: Mapping[str, Mapping[str, int]]) -> str:
    periods = {"day": _("a day"), "week": _("in 7 days"), "month": _("in 30 days")}
    parts = []
    for who, most in sorted(caps.items()):
        said_of = ", ".join(f"{most[period]} {periods[period]}" for period in PERIODS if period in most)
        parts.append(f"{_('all channels') if who == 'all' else who}: {said_of}")
    return "; ".join(parts)
