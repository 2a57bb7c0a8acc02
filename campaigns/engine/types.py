"""What goes into the rules engine and what comes out of it.

Plain frozen values without Django, tables or clocks. Money is ``Decimal`` on the way in and an exact
rational inside; points are integers on the way out; instants are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from typing import Any, Literal, Protocol

from campaigns.engine.compliance import STRICT, ComplianceMatrix

ORDER_TRIGGERS = frozenset({"order.paid", "order.completed"})
EVENT_TRIGGERS = frozenset(
    {
        "member.enrolled",
        "member.birthday",
        "member.anniversary",
        "referral.registered",
        "referral.first_order",
    }
)
ACTIVITY_PREFIX = "activity."
# A streak begins anew, as a cycle, after so many days; `activity.streak_day` is the day within it.
CYCLE_DAYS = 7
ACTIVITY_TYPE = "[a-z][a-z0-9-]{0,39}"
"""How the type of an activity is written, here, in rules and by callers."""

Receiver = Literal["member", "referrer", "referee"]
Reason = Literal["condition", "schedule", "cap", "stacking", "audience", "compliance", "rounding"]
Exact = int | Fraction


@dataclass(frozen=True, slots=True)
class BrandContext:
    """The brand's policies that the engine needs; part of what a rule set is compiled for.

    ``tiers`` are tier codes from the lowest to the highest. ``rounding`` is ``floor`` or ``carry``.
    """

    timezone: tzinfo
    tiers: tuple[str, ...] = ()
    compliance: ComplianceMatrix = STRICT
    rounding: Literal["floor", "carry"] = "floor"


_EXACT = Context(prec=1000, traps=[Inexact, InvalidOperation])
"""Far more digits than an amount may have: nothing is rounded, and were it, that would be an error."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order as it was bought; its amount is quantity × unit_price − discount, exactly."""

    line_id: str
    sku: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = Decimal(0)
    name: str = ""
    category: str = ""
    brand: str = ""
    product_line: str = ""
    tags: frozenset[str] = frozenset()
    amount: Fraction = field(init=False, compare=False, repr=False)
    """The exact amount of money of the whole line; each rule asks for it."""

    def __post_init__(self) -> None:
        paid = _EXACT.subtract(_EXACT.multiply(self.quantity, self.unit_price), self.discount)
        object.__setattr__(self, "amount", Fraction(paid))


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the rules see it. ``unearned`` is what was paid with points, coupons or gift cards:
    it is taken off the lines in proportion to their amounts before points are computed."""

    order_id: str
    ordered_at: datetime
    currency: str
    lines: tuple[Line, ...]
    channel: str = ""
    store_id: str = ""
    region: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    unearned: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: an order (``Event.of_order``), an activity, an enrolment, a referral …

    ``occurred_at`` is the instant by which schedules, facts and caps are judged. ``tags`` are the
    compliance tags of an event without an order (a review of an article, say).
    """

    trigger: str
    occurred_at: datetime
    reference: str
    order: Order | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    streak: int | None = None
    streak_day: int | None = None
    tags: frozenset[str] = frozenset()

    @classmethod
    def of_order(cls, order: Order, trigger: str = "order.paid") -> Event:
        """The event of an order trigger; its instant is the order's ``ordered_at``."""
        return cls(trigger=trigger, occurred_at=order.ordered_at, reference=order.order_id, order=order)


@dataclass(frozen=True, slots=True)
class PastLine:
    """What is left of a line of an earlier order (returned quantities taken off)."""

    amount: Decimal | Fraction
    category: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An earlier order of the member that was not wholly returned."""

    order_id: str
    ordered_at: datetime
    lines: tuple[PastLine, ...]


class History(Protocol):
    """Earlier orders of one member, without wholly returned ones and without the order at hand.

    ``act`` is ``earn`` or ``bonus``: lines that compliance blocks for it do not exist, and an order
    of such lines only does not exist either.
    """

    def count_before(self, at: datetime, act: str) -> int:
        """How many orders were placed at or before ``at``."""
        ...

    def last_before(self, at: datetime, act: str) -> datetime | None:
        """When the latest order at or before ``at`` was placed."""
        ...

    def orders(self, start: datetime, end: datetime) -> Iterable[PastOrder]:
        """The orders with ``start <= ordered_at <= end``, all lines included, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Benefit:
    """A benefit that the member holds (a 7-day double card): valid from, until exclusive."""

    code: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What is known of a member: tier, tags and segments as now; the rest is judged at the event's instant.

    ``children`` are birth months (any day of the month). ``carry`` is the fraction of a point kept per
    currency under ``rounding: carry``.
    """

    member_id: str
    tier: str | None = None
    tags: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    region: str = ""
    enrolled_at: datetime | None = None
    birthday: date | None = None
    children: tuple[date, ...] = ()
    benefits: tuple[Benefit, ...] = ()
    history: History | None = None
    carry: Mapping[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What was recorded with an event when it was first judged: it takes the place of what would be read now.

    ``facts`` and ``windows`` are by view as an ``Evaluation`` keeps them; what it does not hold is read off
    the member as usual.
    """

    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    windows: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)
    blocked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, act: str) -> Mapping[str, Any]:
        """The facts that a view read; where compliance made no difference there was only one view."""
        found = self.facts.get(act)
        return found if found is not None else self.facts.get("earn", {})

    def window(self, act: str, key: str) -> tuple[tuple[str, str, str], ...] | None:
        """What other orders contributed to a window, or None if no rule asked for it."""
        found = self.windows.get(f"{act}|{key}")
        return found if found is not None else self.windows.get(f"earn|{key}")


@dataclass(frozen=True, slots=True)
class HistoryNeeds:
    """What a rule set will ask of the member's earlier orders, benefits, segments: load no more than this."""

    count: bool
    last: bool
    since: datetime | None
    benefits: bool = False
    segments: bool = False


@dataclass(frozen=True, slots=True, order=True)
class CounterKey:
    """Names one cap counter: of a rule (all versions), a member, a kind and a brand-local period.

    ``kind`` is ``points``, ``times`` or ``once``; ``period`` is ``day:2026-11-22``, ``week:2026-11-16``
    (its Monday), ``month:2026-11``, ``year:2026``, ``lifetime``, or for ``once`` a digest of the values.
    """

    rule: str
    member_id: str
    kind: str
    period: str


class Counters(Protocol):
    """What has been used of the caps so far."""

    def used(self, key: CounterKey) -> int:
        """Points or times counted under this key."""
        ...

    def take_total(self, rule: str, wanted: int, limit: int) -> int:
        """Take up to ``wanted`` points from the rule's total of ``limit``; returns what was granted.

        Called last, once per rule that has a ``total``. Recording orders does it by a conditional
        UPDATE; a preview answers ``min(wanted, limit - used)``.
        """
        ...


@dataclass(slots=True)
class RuleResult:
    """What one rule gave to one receiver, and why. Never changed once made (results are shared).

    ``exact`` is what the rule computed before flooring and caps, ``basis`` what it computed it from
    (money for per_amount, pieces for per_unit, base points for a multiplier); both are held as numbers of
    1/unit. ``floored`` is ``exact`` after flooring, ``points`` that after caps, ``qualifying`` the part that
    counts for the tier. ``pending`` and ``expiry`` are the rule's own JSON, None = the brand's default;
    ``available_at`` and ``waits_for`` are read off ``pending``.
    """

    rule: str
    version: int
    receiver: Receiver
    effect: str
    points: int
    reason: Reason | None = None
    path: str | None = None
    lines: tuple[str, ...] = ()
    currency: str = "points"
    exact_units: Exact = 0
    unit: int = 1
    basis_units: Exact = 0
    basis_unit: int = 1
    floored: int = 0
    qualifying: int = 0
    pending: Mapping[str, Any] | None = None
    available_at: datetime | None = None
    waits_for: str | None = None
    expiry: Mapping[str, Any] | None = None
    cost_centre: str = ""
    grant: Mapping[str, Any] | None = None
    window_orders: tuple[str, ...] = ()

    @property
    def exact(self) -> Fraction:
        """The points before flooring and caps."""
        return Fraction(self.exact_units, self.unit)

    @property
    def basis(self) -> Fraction:
        """What the points were computed from."""
        return Fraction(self.basis_units, self.basis_unit)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a rule's entry keeps after a return: ``take_back = before - points``."""

    rule: str
    version: int
    receiver: Receiver
    currency: str
    before: int
    points: int
    qualifying_before: int = 0
    qualifying: int = 0
    grant_kept: bool = True

    @property
    def take_back(self) -> int:
        """Points to claw back from this rule's entry."""
        return self.before - self.points
