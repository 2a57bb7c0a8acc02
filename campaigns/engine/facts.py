"""The facts that conditions may name: where each comes from, of what type it is, which triggers have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Literal

from campaigns.engine.types import ACTIVITY_PREFIX, ORDER_TRIGGERS, Event, MemberFacts

FactType = Literal["text", "category", "number", "decimal", "set", "bool", "tier", "birthday", "ages", "any"]
Scope = Literal["order", "line", "activity", "member"]

EQUALITY: Final = frozenset({"eq", "ne", "in", "not_in"})
ORDERING: Final = frozenset({"gt", "gte", "lt", "lte", "between"})
OPERATORS: Final[dict[str, frozenset[str]]] = {
    "text": EQUALITY,
    "category": EQUALITY,
    "birthday": EQUALITY,
    "number": EQUALITY | ORDERING,
    "decimal": EQUALITY | ORDERING,
    "ages": EQUALITY | ORDERING,
    "tier": EQUALITY | ORDERING,
    "set": frozenset({"has"}),
    "bool": frozenset({"eq", "ne"}),
    "any": EQUALITY | ORDERING | {"has"},
}
BIRTHDAYS: Final = ("today", "week", "month")


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact: its scope, its type, and whether it is counted over a window."""

    name: str
    scope: Scope
    type: FactType
    windowed: bool = False

    def on(self, trigger: str) -> bool:
        """Whether events of this trigger have the fact."""
        if self.scope == "line" or self.name in ("member.first_order", "member.nth_order"):
            return trigger in ORDER_TRIGGERS
        if self.scope == "order":
            return trigger in ORDER_TRIGGERS or trigger == "referral.first_order"
        if self.scope == "activity":
            return trigger.startswith(ACTIVITY_PREFIX)
        return True


_SPECS: Final[tuple[tuple[str, Scope, FactType], ...]] = (
    ("order.amount", "order", "decimal"),
    ("order.channel", "order", "text"),
    ("order.store_id", "order", "text"),
    ("order.region", "order", "text"),
    ("order.currency", "order", "text"),
    ("order.line_count", "order", "number"),
    ("line.sku", "line", "text"),
    ("line.category", "line", "category"),
    ("line.brand", "line", "text"),
    ("line.product_line", "line", "text"),
    ("line.tags", "line", "set"),
    ("line.unit_price", "line", "decimal"),
    ("line.quantity", "line", "decimal"),
    ("line.amount", "line", "decimal"),
    ("activity.streak", "activity", "number"),
    ("activity.streak_day", "activity", "number"),
    ("member.tier", "member", "tier"),
    ("member.tags", "member", "set"),
    ("member.segments", "member", "set"),
    ("member.benefits", "member", "set"),
    ("member.region", "member", "text"),
    ("member.enrolled_days", "member", "number"),
    ("member.child_age_months", "member", "ages"),
    ("member.birthday", "member", "birthday"),
    ("member.first_order", "member", "bool"),
    ("member.nth_order", "member", "number"),
    ("member.days_since_last_order", "member", "number"),
)
FACTS: Final[dict[str, FactSpec]] = {name: FactSpec(name, scope, kind) for name, scope, kind in _SPECS}
FACTS["member.orders.count"] = FactSpec("member.orders.count", "member", "number", windowed=True)
FACTS["member.orders.amount"] = FactSpec("member.orders.amount", "member", "decimal", windowed=True)

ORDER_ATTRIBUTES: Final = "order.attributes."
ACTIVITY_ATTRIBUTES: Final = "activity.attributes."


def spec_of(name: str) -> FactSpec | None:
    """The fact of this name, or None. ``order.attributes.x`` and ``activity.x`` exist for any x."""
    known = FACTS.get(name)
    if known is not None:
        return known
    if name.startswith(ORDER_ATTRIBUTES) and len(name) > len(ORDER_ATTRIBUTES):
        return FactSpec(name, "order", "any")
    if name.startswith(ACTIVITY_PREFIX) and name not in (
        "activity.",
        "activity.attributes",
        ACTIVITY_ATTRIBUTES,
    ):
        return FactSpec(name, "activity", "any")
    return None


def lookup(attributes: Any, path: str) -> Any:
    """A value inside nested attributes by dotted path; None where there is none."""
    if isinstance(attributes, dict) and path in attributes:
        return attributes[path]
    for part in path.split("."):
        if not hasattr(attributes, "get"):
            return None
        attributes = attributes.get(part)
    return attributes


def activity_fact(event: Event, name: str) -> Any:
    """The value of an ``activity.*`` fact of this event."""
    if name == "activity.streak":
        return event.streak
    if name == "activity.streak_day":
        return event.streak_day
    path = name.removeprefix(ACTIVITY_ATTRIBUTES) if name.startswith(ACTIVITY_ATTRIBUTES) else name[9:]
    return lookup(event.attributes, path)


def order_fact(event: Event, name: str, line_count: int) -> Any:
    """The value of an ``order.*`` fact but for its amount; None when the event carries no order.

    ``line_count`` is that of the lines which the act at hand sees.
    """
    order = event.order
    if order is None:
        return None
    if name == "order.line_count":
        return line_count
    if name.startswith(ORDER_ATTRIBUTES):
        return lookup(order.attributes, name[len(ORDER_ATTRIBUTES) :])
    return getattr(order, name[6:])


@dataclass(slots=True)
class MemberView:
    """A member at an instant, as one act sees the past. ``today`` is the brand-local date."""

    member: MemberFacts
    at: datetime
    timezone: tzinfo
    today: date
    act: str


MemberReader = Callable[[MemberView], Any]


def member_reader(name: str) -> MemberReader:
    """What reads a ``member.*`` fact that is not counted over a window, as at the instant."""
    return _MEMBER[name]


def birthday_in(birthday: date, year: int) -> date:
    """The birthday in a year; who was born on 29 February has it on the 28th in common years."""
    try:
        return birthday.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _enrolled_days(view: MemberView) -> int | None:
    enrolled_at = view.member.enrolled_at
    return None if enrolled_at is None else (view.today - enrolled_at.astimezone(view.timezone).date()).days


def _child_ages(view: MemberView) -> tuple[int, ...]:
    today = view.today
    return tuple((today.year - c.year) * 12 + today.month - c.month for c in view.member.children)


def _birthday(view: MemberView) -> frozenset[str]:
    birthday, today = view.member.birthday, view.today
    if birthday is None:
        return frozenset()
    holds = {"month"} if birthday.month == today.month else set()
    kept = birthday_in(birthday, today.year)
    if kept == today:
        holds.add("today")
    monday = today - timedelta(days=today.weekday())
    sunday = monday + timedelta(days=6)
    if monday <= kept <= sunday or (
        monday.year != sunday.year
        and any(monday <= birthday_in(birthday, d.year) <= sunday for d in (monday, sunday))
    ):
        holds.add("week")
    return frozenset(holds)


def _benefits(view: MemberView) -> frozenset[str]:
    return frozenset(
        benefit.code
        for benefit in view.member.benefits
        if (benefit.valid_from is None or benefit.valid_from <= view.at)
        and (benefit.valid_until is None or view.at < benefit.valid_until)
    )


def _orders_before(view: MemberView) -> int:
    history = view.member.history
    return history.count_before(view.at, view.act) if history else 0


def _days_since(view: MemberView) -> int | None:
    history = view.member.history
    last = history.last_before(view.at, view.act) if history else None
    return None if last is None else (view.today - last.astimezone(view.timezone).date()).days


_MEMBER: Final[dict[str, MemberReader]] = {
    "member.tier": lambda view: view.member.tier,
    "member.tags": lambda view: view.member.tags,
    "member.segments": lambda view: view.member.segments,
    "member.region": lambda view: view.member.region,
    "member.benefits": _benefits,
    "member.enrolled_days": _enrolled_days,
    "member.child_age_months": _child_ages,
    "member.birthday": _birthday,
    "member.first_order": lambda view: _orders_before(view) == 0,
    "member.nth_order": lambda view: _orders_before(view) + 1,
    "member.days_since_last_order": _days_since,
}
