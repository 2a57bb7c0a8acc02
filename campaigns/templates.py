"""The earning rules that a new brand begins with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from campaigns.services import rules, tierrules
from points.services import tiers

ACTOR: Final = "template"
RATES: Final = {"group": "rate", "policy": "best"}


def _name(zh: str, en: str) -> dict[str, str]:
    return {"zh-hans": zh, "en": en}


def _rate(code: str, name: dict[str, str], points: str, *categories: str) -> dict[str, Any]:
    """Points for each unit of money; rates share one group, so that each line earns by its best one."""
    rule: dict[str, Any] = {
        "code": code,
        "name": name,
        "trigger": "order.paid",
        "effect": {"type": "per_amount", "points": points, "per": "1"},
        "stacking": RATES,
    }
    if categories:
        rule["when"] = {"all": [{"fact": "line.category", "op": "in", "value": list(categories)}]}
    return rule


def _times(code: str, name: dict[str, str], factor: str, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "trigger": "order.paid",
        "effect": {"type": "multiplier", "factor": factor},
        **more,
    }


BASE: Final = _rate("base", _name("基础积分", "Base rate"), "1")
WEEKEND: Final = _times(
    "weekend", _name("周末 1.5 倍", "Weekend 1.5×"), "1.5", schedule={"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}
)
BIRTHDAY_MONTH: Final = _times(
    "birthday-month",
    _name("生日月双倍", "Birthday month double"),
    "2",
    when={"all": [{"fact": "member.birthday", "op": "eq", "value": "month"}]},
)
TEMPLATES: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "retail": (
        BASE,
        _rate("fresh", _name("生鲜", "Fresh food"), "2", "fresh"),
        _rate("luxury", _name("精品", "Luxury"), "5", "luxury"),
        WEEKEND,
    ),
    "dairy": (
        BASE,
        _rate("fresh-milk", _name("低温鲜奶", "Fresh milk"), "2", "dairy/fresh", "fresh"),
        _rate("adult-powder", _name("成人奶粉", "Milk powder for adults"), "3", "dairy/adult-powder"),
        WEEKEND,
        BIRTHDAY_MONTH,
    ),
    "fmcg": (
        BASE,
        _rate("personal-care", _name("个人护理", "Personal care"), "2", "personal-care"),
        _rate("household", _name("家居清洁", "Household"), "1.5", "household"),
        WEEKEND,
    ),
    "blank": (),
}


def install(template: str, *, now: datetime) -> None:
    """Publish the template's rules, and those of the brand's tiers. Safe to repeat: a rule whose code exists
    is left as it is. Raises KeyError for an unknown template."""
    rules.install(bodies=list(TEMPLATES[template]), actor=ACTOR, now=now)
    program = tiers.program()
    if program is not None:
        tierrules.sync(levels=program.levels, actor=ACTOR, now=now)
