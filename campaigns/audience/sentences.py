"""A definition in words, made from the same data as its query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.audience.definition import Definition, Filter
from loyalty.lib import money, words
from loyalty.lib.display import plain

Names = Callable[[str, str], str]
"""What the brand calls something: of a kind (`tier`, `reward`) and its code."""

_NUMBERS: Final[Mapping[str, Promise]] = {
    "member.enrolled_days": gettext_lazy("days since enrolment %(compared)s"),
    "member.child_age_months": gettext_lazy("a child's age in months %(compared)s"),
    "member.days_since_last_order": gettext_lazy("days since the last order %(compared)s"),
    "points.available": gettext_lazy("available points %(compared)s"),
}
_WINDOWED: Final[Mapping[str, tuple[Promise, Promise]]] = {
    "member.orders.count": (
        gettext_lazy("orders in all %(compared)s"),
        gettext_lazy("orders within %(days)s days %(compared)s"),
    ),
    "member.orders.amount": (
        gettext_lazy("spent in all %(compared)s"),
        gettext_lazy("spent within %(days)s days %(compared)s"),
    ),
}
_CODES: Final[Mapping[tuple[str, str], Promise]] = {
    ("member.tier", "in"): gettext_lazy("tier %(values)s"),
    ("member.tier", "not_in"): gettext_lazy("tier other than %(values)s"),
    ("member.tags", "has"): gettext_lazy("tagged %(values)s"),
    ("member.region", "in"): gettext_lazy("region %(values)s"),
    ("member.region", "not_in"): gettext_lazy("region other than %(values)s"),
    ("member.consent", "has"): gettext_lazy("agreed to %(values)s"),
}


def in_words(definition: Definition, names: Names = lambda _kind, code: code) -> str:
    """The whole definition in the active language."""
    groups = {
        name: [_sentence(each, names) for each in filters] for name, filters in definition.groups.items()
    }
    parts = list(groups.get("all", ()))
    if groups.get("any"):
        parts.append(_("at least one of: %(list)s") % {"list": _(" or ").join(groups["any"])})
    if groups.get("none"):
        parts.append(_("none of: %(list)s") % {"list": _(" or ").join(groups["none"])})
    return ("; " if words.language() == "en" else "；").join(parts)


def _sentence(wanted: Filter, names: Names) -> str:
    if (wanted.fact, wanted.op) in _CODES:
        kind = "tier" if wanted.fact == "member.tier" else "consent" if "consent" in wanted.fact else ""
        values = _(" or ").join(names(kind, code) if kind else code for code in wanted.value)
        return str(_CODES[wanted.fact, wanted.op]) % {"values": values}
    if wanted.fact in _NUMBERS:
        return str(_NUMBERS[wanted.fact]) % {"compared": _compared(wanted)}
    if wanted.fact in _WINDOWED:
        days = wanted.more["window"]
        return str(_WINDOWED[wanted.fact][0 if days is None else 1]) % {
            "days": days,
            "compared": _compared(wanted),
        }
    return _particular(wanted, names)


def _particular(wanted: Filter, names: Names) -> str:
    if wanted.fact == "points.expiring":
        days = wanted.more["within_days"]
        text = ngettext(
            "at least %(points)s points end within %(days)s day",
            "at least %(points)s points end within %(days)s days",
            days,
        )
        return text % {"points": plain(wanted.value), "days": days}
    if wanted.fact == "points.short_of":
        values = {"points": plain(wanted.value), "reward": names("reward", wanted.more["reward"])}
        return _("at most %(points)s points short of “%(reward)s”") % values
    return ngettext("tier is lost within %(days)s day", "tier is lost within %(days)s days", wanted.value) % {
        "days": wanted.value
    }


def _compared(wanted: Filter) -> str:
    if wanted.op == "between":
        return _("%(least)s to %(most)s") % {
            "least": _number(wanted.value[0]),
            "most": _number(wanted.value[1]),
        }
    sign = {"eq": "=", "gte": "≥", "lte": "≤"}[wanted.op]
    return f"{sign} {_number(wanted.value)}"


def _number(value: Any) -> str:
    return plain(value) if isinstance(value, int) else money.plain(value)
