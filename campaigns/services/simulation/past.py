"""What a simulation knows of members beside what was recorded with their orders; in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from campaigns import facts
from campaigns.engine import Benefit, HistoryNeeds, PastOrder
from campaigns.models import SegmentMember
from campaigns.services.simulation.reading import Bought, left_of
from loyalty.lib.database import connection
from mall import selectors as mall
from members.models import Member
from points.models import TierChange

_COUNTS: Final = """
SELECT member_id, count(*) FILTER (WHERE visible_earn), max(ordered_at) FILTER (WHERE visible_earn),
  count(*) FILTER (WHERE visible_bonus), max(ordered_at) FILTER (WHERE visible_bonus)
FROM members_purchase
WHERE member_id = ANY(%s) AND ordered_at < %s AND (visible_earn OR visible_bonus)
GROUP BY member_id
"""
_ORDERS: Final = """
SELECT bought.member_id, bought.order_id, bought.ordered_at, line.category, line.tags, line.quantity,
  line.returned, line.unit_price, line.discount
FROM members_purchase bought JOIN members_purchaseline line ON line.purchase_id = bought.id
WHERE bought.member_id = ANY(%s) AND bought.ordered_at >= %s AND bought.ordered_at < %s
  AND line.quantity > line.returned
ORDER BY bought.ordered_at, bought.order_id, line.position
"""
Instants = list[datetime]


@dataclass(frozen=True, slots=True)
class Held:
    """A benefit, what it was granted for, and from when to when the books had it."""

    benefit: Benefit
    reference: str
    granted_at: datetime
    revoked_at: datetime | None


@dataclass(slots=True)
class Past:
    """One member: who they are today, their tiers over time, and the orders that passed by so far."""

    tags: frozenset[str] = frozenset()
    region: str = ""
    enrolled_at: datetime | None = None
    birthday: date | None = None
    children: tuple[date, ...] = ()
    segments: frozenset[str] = frozenset()
    benefits: list[Held] = field(default_factory=list)
    tiers: Sequence[tuple[datetime, str, str]] = ()
    before: dict[str, tuple[int, datetime | None]] = field(default_factory=dict)
    instants: dict[str, Instants] = field(default_factory=lambda: {"earn": [], "bonus": []})
    orders: list[tuple[datetime, str, PastOrder]] = field(default_factory=list)

    def tier_at(self, at: datetime, lowest: str | None) -> str | None:
        """The tier held just before an instant, by the history of changes."""
        place = bisect_left([changed for changed, _, _ in self.tiers], at)
        if place:
            return self.tiers[place - 1][2]
        return (self.tiers[0][1] or lowest) if self.tiers else lowest

    def benefits_at(self, processed_at: datetime, order_id: str) -> tuple[Benefit, ...]:
        """The benefits in the books when an order was processed, but for what it earned itself. Whether one
        was valid when it was placed is for the rules to judge."""
        return tuple(
            held.benefit
            for held in self.benefits
            if held.granted_at <= processed_at
            and (held.revoked_at is None or held.revoked_at > processed_at)
            and held.reference != order_id
        )


@dataclass(frozen=True, slots=True)
class PastView:
    """A member's past as one order sees it; `own` is the order's visibility where it is part of the past."""

    past: Past
    own: tuple[bool, bool] = (False, False)

    def count_before(self, at: datetime, act: str) -> int:
        """How many other orders were placed at or before `at`."""
        inside = bisect_right(self.past.instants[act], at) - self._own(act)
        return self.past.before.get(act, (0, None))[0] + inside

    def last_before(self, at: datetime, act: str) -> datetime | None:
        """When the latest of them was placed."""
        instants = self.past.instants[act]
        place = bisect_right(instants, at) - self._own(act)
        return instants[place - 1] if place > 0 else self.past.before.get(act, (0, None))[1]

    def orders(self, start: datetime, end: datetime) -> Iterable[PastOrder]:
        """The orders between the two instants, both included, oldest first."""
        first = bisect_left(self.past.orders, start, key=lambda each: each[0])
        last = bisect_right(self.past.orders, end, key=lambda each: each[0])
        return [order for _, _, order in self.past.orders[first:last]]

    def _own(self, act: str) -> int:
        return int(self.own[0 if act == "earn" else 1])


class Pasts:
    """The members met so far. Only what the rules ask for is kept of their orders."""

    def __init__(self, start: datetime, needs: HistoryNeeds) -> None:
        self._start, self._needs = start, needs
        self._members: dict[UUID, Past] = {}

    def of(self, member_id: UUID) -> Past:
        """The member, who was met."""
        return self._members[member_id]

    def meet(self, orders: Iterable[Bought]) -> None:
        """Read what is needed of the members of these orders who are new. A few queries for all of them."""
        new = {each.member_id for each in orders if each.member_id} - self._members.keys()
        if not new:
            return
        wanted = sorted(new)
        rows = Member.objects.filter(pk__in=wanted).values_list(
            "pk", "tags", "region", "enrolled_at", "birthday", "children"
        )
        for member_id, tags, region, enrolled_at, birthday, children in rows:
            self._members[member_id] = Past(
                frozenset(tags or ()), region, enrolled_at, birthday, facts.child_months(children or ())
            )
        self._read_tiers(wanted)
        if self._needs.segments:
            self._read_segments(wanted)
        if self._needs.benefits:
            self._read_benefits(wanted)
        if self._needs.count or self._needs.last:
            self._read_counts(wanted)
        if self._needs.since is not None:
            self._read_orders(wanted, self._needs.since)

    def add(self, bought: Bought) -> None:
        """An order has passed by."""
        assert bought.member_id is not None
        past, at = self._members[bought.member_id], bought.order.ordered_at
        if self._needs.count or self._needs.last:
            for act, seen in zip(("earn", "bonus"), bought.visible, strict=True):
                if seen:
                    insort(past.instants[act], at)
        if self._needs.since is not None and any(bought.visible):
            insort(past.orders, (at, bought.order.order_id, left_of(bought)), key=lambda each: each[:2])

    def _read_tiers(self, members: list[UUID]) -> None:
        changes: dict[UUID, list[tuple[datetime, str, str]]] = {}
        rows = TierChange.objects.filter(member_id__in=members).order_by("recorded_at", "id")
        for member_id, at, before, after in rows.values_list(
            "member_id", "recorded_at", "from_code", "to_code"
        ):
            changes.setdefault(member_id, []).append((at, before, after))
        for member_id, found in changes.items():
            self._members[member_id].tiers = found

    def _read_segments(self, members: list[UUID]) -> None:
        found: dict[UUID, set[str]] = {}
        rows = SegmentMember.objects.filter(member_id__in=members).values_list("member_id", "code")
        for member_id, code in rows:
            found.setdefault(member_id, set()).add(code)
        for member_id, codes in found.items():
            self._members[member_id].segments = frozenset(codes)

    def _read_benefits(self, members: list[UUID]) -> None:
        for row in mall.benefits_ever(members):
            benefit = Benefit(row.code, row.valid_from, row.valid_until)
            held = Held(benefit, row.reference, row.granted_at, row.revoked_at)
            self._members[row.member_id].benefits.append(held)

    def _read_counts(self, members: list[UUID]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_COUNTS, [members, self._start])
            for member_id, earn, earn_last, bonus, bonus_last in cursor.fetchall():
                self._members[member_id].before = {"earn": (earn, earn_last), "bonus": (bonus, bonus_last)}

    def _read_orders(self, members: list[UUID], since: datetime) -> None:
        by_member: dict[UUID, list[tuple[Any, ...]]] = {}
        with connection.cursor() as cursor:
            cursor.execute(_ORDERS, [members, since, self._start])
            for member_id, *line in cursor.fetchall():
                by_member.setdefault(member_id, []).append(tuple(line))
        for member_id, lines in by_member.items():
            orders = facts.past_orders(lines)
            self._members[member_id].orders = [(each.ordered_at, each.order_id, each) for each in orders]
