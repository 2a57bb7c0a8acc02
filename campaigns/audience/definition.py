"""What a definition of an audience may say, and what is wrong with one. Pure.

`{"all": […], "any": […], "none": […]}`: every filter of `all`, at least one of `any`, not one of `none`.
A filter is `{"fact": …, "op": …, "value": …}`, some with a window, a reward or a stretch of days.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal

from django.utils.translation import gettext_lazy as _

from loyalty.lib import money
from loyalty.lib.errors import FieldError, Invalid, escaped
from points.tiers import Program

Kind = Literal["number", "money", "codes"]
GROUPS: Final = ("all", "any", "none")
MOST_FILTERS: Final = 30
MOST_VALUES: Final = 200
MOST_DAYS: Final = 3660
MOST: Final = 10**12
EVER: Final = "ever"
NUMBER_OPS: Final = ("eq", "gte", "lte", "between")


@dataclass(frozen=True, slots=True)
class Spec:
    """One fact: what its values are, how they may be compared, and what else a filter of it needs."""

    kind: Kind
    ops: Sequence[str]
    needs: Sequence[str] = ()
    most: int = MOST


FACTS: Final[Mapping[str, Spec]] = MappingProxyType(
    {
        "member.tier": Spec("codes", ("in", "not_in")),
        "member.tags": Spec("codes", ("has",)),
        "member.region": Spec("codes", ("in", "not_in")),
        "member.consent": Spec("codes", ("has",)),
        "member.enrolled_days": Spec("number", NUMBER_OPS, most=100 * 366),
        "member.child_age_months": Spec("number", NUMBER_OPS, most=100 * 12),
        "member.days_since_last_order": Spec("number", NUMBER_OPS, most=100 * 366),
        "member.orders.count": Spec("number", NUMBER_OPS, ("window",)),
        "member.orders.amount": Spec("money", NUMBER_OPS, ("window",)),
        "points.available": Spec("number", NUMBER_OPS),
        "points.expiring": Spec("number", ("gte",), ("within_days",)),
        "points.short_of": Spec("number", ("lte",), ("reward",)),
        "tier.falls_within_days": Spec("number", ("lte",), most=MOST_DAYS),
    }
)


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. Numbers are ints or, of money, Decimals; `between` has two; codes are a tuple."""

    fact: str
    op: str
    value: Any
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that holds, its filters by group, and itself as plain data."""

    groups: Mapping[str, tuple[Filter, ...]]
    body: Mapping[str, Any]

    def filters(self) -> Iterator[Filter]:
        """All of them."""
        for group in GROUPS:
            yield from self.groups[group]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a query asks besides the members: the instant, the brand's zone, and its tiers if it has any."""

    now: datetime
    timezone: str
    today: date
    program: Program | None = None


def parse(
    body: Any, *, tiers: Collection[str] = (), rewards: Collection[str] = (), at: str = "/definition"
) -> Definition:
    """A definition, checked. `tiers` and `rewards` (by id) are those that the brand has.

    Raises Invalid, with a pointer to each fault.
    """
    if not isinstance(body, dict):
        raise Invalid.at(at, "type", _("Must be an object."))
    errors = [
        FieldError(f"{at}/{escaped(name)}", "unknown_field", _("Unknown field."))
        for name in body
        if name not in GROUPS
    ]
    groups: dict[str, tuple[Filter, ...]] = {}
    total = 0
    for name in GROUPS:
        rows = body.get(name, [])
        if not isinstance(rows, list):
            errors.append(FieldError(f"{at}/{name}", "type", _("Must be a list.")))
            continue
        total += len(rows)
        if total > MOST_FILTERS:
            detail = _("At most %(most)d conditions.") % {"most": MOST_FILTERS}
            errors.append(FieldError(f"{at}/{name}", "max_length", detail))
            break
        found = [_filter(row, f"{at}/{name}/{n}", tiers, rewards, errors) for n, row in enumerate(rows)]
        groups[name] = tuple(each for each in found if each is not None)
    if not errors and not total:
        errors.append(FieldError(at, "required", _("At least one condition is needed.")))
    if errors:
        raise Invalid(errors)
    return Definition(groups, _plain(body))


def _filter(
    row: Any, at: str, tiers: Collection[str], rewards: Collection[str], errors: list[FieldError]
) -> Filter | None:
    if not isinstance(row, dict):
        errors.append(FieldError(at, "type", _("Must be an object.")))
        return None
    spec = FACTS.get(str(row.get("fact")))
    if spec is None:
        errors.append(FieldError(f"{at}/fact", "unknown_fact", _("Unknown fact.")))
        return None
    before = len(errors)
    errors += [
        FieldError(f"{at}/{escaped(name)}", "unknown_field", _("Unknown field."))
        for name in row
        if name not in ("fact", "op", "value", *spec.needs)
    ]
    if row.get("op") not in spec.ops:
        detail = _("Must be one of %(known)s.") % {"known": ", ".join(spec.ops)}
        errors.append(FieldError(f"{at}/op", "invalid_choice", detail))
    more = {name: _more(name, row.get(name), f"{at}/{name}", rewards, errors) for name in spec.needs}
    if len(errors) > before:
        return None
    value = _value(spec, row["op"], row.get("value"), f"{at}/value", errors)
    if row["fact"] == "member.tier":
        for code in value or ():
            if code not in tiers:
                detail = _("There is no tier “%(tier)s”.") % {"tier": code}
                errors.append(FieldError(f"{at}/value", "unknown_tier", detail))
    return Filter(row["fact"], row["op"], value, more) if len(errors) == before else None


def _more(name: str, value: Any, at: str, rewards: Collection[str], errors: list[FieldError]) -> Any:
    if name == "reward":
        if not isinstance(value, str) or value not in rewards:
            errors.append(FieldError(at, "unknown_reward", _("There is no such reward.")))
        return value
    if name == "window":
        if value == EVER:
            return None
        days = value.removeprefix("days:") if isinstance(value, str) else ""
        if not (days.isascii() and days.isdigit() and len(days) < 5 and 1 <= int(days) <= MOST_DAYS):
            errors.append(FieldError(at, "invalid", _("Must be “ever” or “days:N”.")))
            return None
        return int(days)
    return _number(value, at, 1, MOST_DAYS, errors)


def _value(spec: Spec, op: str, value: Any, at: str, errors: list[FieldError]) -> Any:
    if spec.kind == "codes":
        return _codes(value, at, errors)
    if op != "between":
        return _one(spec, value, at, errors)
    if not isinstance(value, list) or len(value) != 2:
        errors.append(FieldError(at, "type", _("Must be a list of two numbers.")))
        return None
    least, most = (_one(spec, each, f"{at}/{n}", errors) for n, each in enumerate(value))
    if least is not None and most is not None and least > most:
        errors.append(FieldError(at, "never_matches", _("The second number is below the first.")))
    return (least, most)


def _one(spec: Spec, value: Any, at: str, errors: list[FieldError]) -> int | Decimal | None:
    if spec.kind == "number":
        return _number(value, at, 0, spec.most, errors)
    amount = money.parse(str(value)) if isinstance(value, str | int | Decimal) else None
    if amount is None or isinstance(value, bool):
        errors.append(FieldError(at, "invalid", _("Must be a decimal number such as “19.90”.")))
    elif not 0 <= amount <= MOST:
        errors.append(_out_of_range(at, 0, MOST))
    return amount


def _number(value: Any, at: str, least: int, most: int, errors: list[FieldError]) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        errors.append(FieldError(at, "type", _("Must be a whole number.")))
        return None
    if not least <= value <= most:
        errors.append(_out_of_range(at, least, most))
    return value


def _out_of_range(at: str, least: int, most: int) -> FieldError:
    detail = _("Must lie between %(least)s and %(most)s.") % {"least": least, "most": most}
    return FieldError(at, "range", detail)


def _codes(value: Any, at: str, errors: list[FieldError]) -> tuple[str, ...] | None:
    given = [value] if isinstance(value, str) else value
    sound = isinstance(given, list) and 1 <= len(given) <= MOST_VALUES
    if not sound or not all(isinstance(each, str) and 1 <= len(each) <= 64 for each in given):
        detail = _("Must be a text or a list of up to %(most)d texts.") % {"most": MOST_VALUES}
        errors.append(FieldError(at, "type", detail))
        return None
    if any("\x00" in each for each in given):
        errors.append(FieldError(at, "invalid", _("Must not contain the character U+0000.")))
        return None
    return tuple(given)


def _plain(value: Any) -> Any:
    """As it is stored: exact decimals as text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
