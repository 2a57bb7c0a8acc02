"""The body of `PUT /tiers`: checked, with its defaults filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError

from loyalty.lib import money
from loyalty.lib.errors import FieldError, Invalid, Text, escaped
from loyalty.lib.fields import LocalText
from points import tiers

CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
FIELDS: Final = ("qualify_by", "period", "downgrade", "grace_days", "on_return", "levels")
LEVEL_FIELDS: Final = ("code", "name", "threshold", "multiplier")
MAX_LEVELS: Final = 20
MAX_GRACE_DAYS: Final = 366
MAX_MONTHS: Final = 120
MAX_THRESHOLD: Final = Decimal(10) ** 12
MAX_MULTIPLIER: Final = Decimal(100)
_NAME: Final = LocalText(max_length=60)


class _Check:
    """Collects what is wrong with a body."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def fail(self, pointer: str, code: str, detail: Text) -> None:
        self.errors.append(FieldError(pointer, code, detail))

    def known(self, data: Mapping[str, Any], names: tuple[str, ...], pointer: str) -> None:
        for name in data:
            if name not in names:
                self.fail(f"{pointer}/{escaped(name)}", "unknown_field", _("Unknown field."))

    def choice(self, data: Mapping[str, Any], name: str, among: tuple[str, ...], default: str | None) -> str:
        value = data.get(name, default)
        if value is None:
            self.fail(f"/{name}", "required", _("This field is required."))
        elif value not in among:
            listed = ", ".join(among)
            self.fail(f"/{name}", "invalid_choice", _("Must be one of: %(among)s.") % {"among": listed})
        return str(value)

    def whole(self, value: Any, pointer: str, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fail(
                pointer,
                "range",
                _("Must be a whole number from %(least)d to %(most)d.") % {"least": least, "most": most},
            )
            return least
        return value


def checked(data: Any) -> dict[str, Any]:
    """The tier programme in `data` in its stored form: decimals as strings, every field present.

    Raises Invalid with a pointer for every field that is wrong.
    """
    if not isinstance(data, dict):
        raise Invalid.at("", "invalid", _("Must be a JSON object."))
    check = _Check()
    check.known(data, FIELDS, "")
    config = {
        "qualify_by": check.choice(data, "qualify_by", tiers.QUALIFY_BY, None),
        "period": _period(check, data.get("period")),
        "downgrade": check.choice(data, "downgrade", tiers.DOWNGRADES, "one_step"),
        "grace_days": check.whole(data.get("grace_days", 0), "/grace_days", 0, MAX_GRACE_DAYS),
        "on_return": check.choice(data, "on_return", tiers.ON_RETURN, "at_once"),
        "levels": _levels(check, data.get("levels"), data.get("qualify_by") == "spend"),
    }
    if check.errors:
        raise Invalid(check.errors)
    return config


def shown(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stored programme as the API tells it: thresholds of points and visits are integers."""
    spend = config["qualify_by"] == "spend"
    levels = [
        {
            **level,
            "threshold": money.plain(Decimal(level["threshold"]))
            if spend
            else int(Decimal(level["threshold"])),
        }
        for level in config["levels"]
    ]
    return {**config, "levels": levels}


def _period(check: _Check, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        code = "required" if value is None else "invalid"
        check.fail("/period", code, _("Must be an object such as {“type”: “rolling_months”, “months”: 12}."))
        return {}
    check.known(value, ("type", "months"), "/period")
    kind = value.get("type")
    if kind not in tiers.PERIODS:
        listed = ", ".join(tiers.PERIODS)
        check.fail("/period/type", "invalid_choice", _("Must be one of: %(among)s.") % {"among": listed})
        return {}
    if kind == "rolling_months":
        return {
            "type": kind,
            "months": check.whole(value.get("months"), "/period/months", 1, MAX_MONTHS),
        }
    if "months" in value:
        check.fail("/period/months", "not_here", _("Only a rolling period has a number of months."))
    return {"type": kind}


def _levels(check: _Check, value: Any, is_money: bool) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        check.fail(
            "/levels", "required" if not value else "not_a_list", _("A list of at least one level is needed.")
        )
        return []
    if len(value) > MAX_LEVELS:
        check.fail("/levels", "max_items", _("At most %(max)d items.") % {"max": MAX_LEVELS})
        return []
    levels: list[dict[str, Any]] = []
    codes: set[str] = set()
    before: Decimal | None = None
    for index, item in enumerate(value):
        pointer = f"/levels/{index}"
        if not isinstance(item, dict):
            check.fail(pointer, "invalid", _("Must be a JSON object."))
            continue
        check.known(item, LEVEL_FIELDS, pointer)
        code = _code(check, item.get("code"), pointer, codes)
        threshold = _decimal(
            check, item.get("threshold"), f"{pointer}/threshold", Decimal(0), MAX_THRESHOLD, 2
        )
        _threshold_in_order(check, f"{pointer}/threshold", threshold, before, is_money, first=index == 0)
        before = threshold if threshold is not None else before
        factor = _decimal(
            check, item.get("multiplier", "1"), f"{pointer}/multiplier", Decimal(1), MAX_MULTIPLIER, 4
        )
        levels.append(
            {
                "code": code,
                "name": _name(check, item.get("name"), code, f"{pointer}/name"),
                "threshold": _short(threshold),
                "multiplier": _short(factor),
            }
        )
    return levels


def _code(check: _Check, value: Any, pointer: str, codes: set[str]) -> str:
    if not isinstance(value, str) or not CODE.match(value):
        check.fail(f"{pointer}/code", "code", _("1 to 32 lower-case letters, digits and hyphens."))
        return ""
    if value in codes:
        check.fail(f"{pointer}/code", "duplicate", _("Another level has this code already."))
    codes.add(value)
    return value


def _name(check: _Check, value: Any, code: str, pointer: str) -> dict[str, str]:
    if value is None:
        return {"en": code.replace("-", " ").capitalize()}
    try:
        return dict(_NAME.to_internal_value(value))
    except ValidationError as error:
        for detail in error.detail:
            check.fail(pointer, getattr(detail, "code", "invalid"), str(detail))
        return {}


def _decimal(
    check: _Check, value: Any, pointer: str, least: Decimal, most: Decimal, places: int
) -> Decimal | None:
    number = money.parse(str(value) if isinstance(value, Decimal) else value)
    if value is None:
        check.fail(pointer, "required", _("This field is required."))
    elif number is None:
        check.fail(pointer, "invalid", _("Must be a decimal number such as “19.90”."))
    elif number < least:
        check.fail(pointer, "min_value", _("Must be at least %(least)s.") % {"least": least})
    elif number > most:
        check.fail(pointer, "max_value", _("Must be at most %(most)s.") % {"most": most})
    elif (number * 10**places) % 1:
        detail = _("At most %(places)d digits after the decimal point.") % {"places": places}
        check.fail(pointer, "places", detail)
    else:
        return number
    return None


def _threshold_in_order(
    check: _Check,
    pointer: str,
    threshold: Decimal | None,
    before: Decimal | None,
    is_money: bool,
    *,
    first: bool,
) -> None:
    if threshold is None:
        return
    if first and threshold != 0:
        check.fail(pointer, "first_not_zero", _("The lowest level begins at 0."))
    elif before is not None and threshold <= before:
        check.fail(pointer, "not_ascending", _("Must be higher than the level before."))
    elif not is_money and threshold % 1:
        check.fail(pointer, "whole", _("Must be a whole number."))


def _short(value: Decimal | None) -> str:
    return money.plain(value or Decimal(0), 0)
