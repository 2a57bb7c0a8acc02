"""What the rules ask about a member, read from the tables: no more than the rules in force need."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import connection

from campaigns.engine import Benefit, HistoryNeeds, MemberFacts, PastLine, PastOrder, RuleSet
from campaigns.models import Carry, SegmentMember
from mall import selectors as mall

_COUNTS: Final = """
SELECT count(*) FILTER (WHERE visible_earn),
  max(ordered_at) FILTER (WHERE visible_earn AND ordered_at <= %(at)s),
  count(*) FILTER (WHERE visible_bonus),
  max(ordered_at) FILTER (WHERE visible_bonus AND ordered_at <= %(at)s)
FROM members_purchase
WHERE member_id = %(member)s AND (ordered_at <= %(at)s OR %(later)s) AND (visible_earn OR visible_bonus)
  AND order_id <> %(order)s
"""
_ORDERS: Final = """
SELECT bought.order_id, bought.ordered_at, line.category, line.tags, line.quantity, line.returned,
  line.unit_price, line.discount
FROM members_purchase bought JOIN members_purchaseline line ON line.purchase_id = bought.id
WHERE {which} AND line.quantity > line.returned
ORDER BY bought.ordered_at, bought.order_id, line.position
"""
_IN_WINDOW: Final = _ORDERS.format(
    which="bought.member_id = %s AND bought.ordered_at >= %s AND bought.ordered_at <= %s"
    " AND bought.order_id <> %s"
)
_NAMED: Final = _ORDERS.format(which="bought.order_id = ANY(%s)")


class Person(Protocol):
    """What the rules may ask of a member's row: a Member, or what an order read of one."""

    @property
    def id(self) -> UUID: ...
    @property
    def tags(self) -> Any: ...
    @property
    def region(self) -> str: ...
    @property
    def enrolled_at(self) -> datetime: ...
    @property
    def birthday(self) -> date | None: ...
    @property
    def children(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """A member's earlier orders: counted by the database for each act, and the orders of the windows."""

    counts: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, datetime | None] = field(default_factory=dict)
    recent: tuple[PastOrder, ...] = ()

    def count_before(self, at: datetime, act: str) -> int:
        """How many visible orders there were."""
        return self.counts.get(act, 0)

    def last_before(self, at: datetime, act: str) -> datetime | None:
        """When the latest of them was placed."""
        return self.last.get(act)

    def orders(self, start: datetime, end: datetime) -> Iterable[PastOrder]:
        """The orders between the two instants, both included, oldest first."""
        return [order for order in self.recent if start <= order.ordered_at <= end]


def member_facts(
    member: Person,
    *,
    rules: RuleSet,
    triggers: Iterable[str],
    at: datetime,
    tier: str | None,
    without_order: str = "",
    segments: Collection[str] | None = None,
    count_later: bool = False,
) -> MemberFacts:
    """The facts of a member for events at `at`; reads history only where a rule in force asks for it.

    `without_order` is the order at hand; `segments` are the member's where they were read already. With
    `count_later` the orders placed after `at` count, too, for which of the member's orders it is. The caller
    holds the member's lock, or only previews.
    """
    needs = together([rules.history_needs(trigger, at) for trigger in triggers])
    history = read_history(member.id, needs, at, without_order, count_later=count_later)
    carry = carried(member.id) if rules.context.rounding == "carry" else {}
    return MemberFacts(
        member_id=str(member.id),
        tier=tier,
        tags=frozenset(member.tags or ()),
        segments=_segments(member.id, needs, segments),
        region=member.region,
        enrolled_at=member.enrolled_at,
        birthday=member.birthday,
        children=child_months(member.children or ()),
        benefits=benefits_of(member.id) if needs.benefits else (),
        history=history,
        carry=carry,
    )


def benefits_of(member_id: UUID) -> tuple[Benefit, ...]:
    """The benefits that the member was granted and that were not taken back, with their validity."""
    return tuple(Benefit(*each) for each in mall.benefits_of(member_id))


def segments_of(member_id: UUID) -> frozenset[str]:
    """The segments that the member was in when they were last read."""
    return frozenset(SegmentMember.objects.filter(member_id=member_id).values_list("code", flat=True))


def _segments(member_id: UUID, needs: HistoryNeeds, known: Collection[str] | None) -> frozenset[str]:
    if known is not None:
        return frozenset(known)
    return segments_of(member_id) if needs.segments else frozenset()


def stranger(now: datetime, tier: str | None) -> MemberFacts:
    """Somebody who would join with this order: for previews of orders without a known member."""
    return MemberFacts(member_id=str(UUID(int=0)), tier=tier, enrolled_at=now, history=StoredHistory())


def read_history(
    member_id: UUID,
    needs: HistoryNeeds,
    at: datetime,
    without_order: str = "",
    *,
    count_later: bool = False,
) -> StoredHistory | None:
    """What the rules need of the member's earlier orders; None where they need nothing."""
    if not (needs.count or needs.last or needs.since):
        return None
    counts: dict[str, int] = {}
    last: dict[str, datetime | None] = {}
    recent: tuple[PastOrder, ...] = ()
    with connection.cursor() as cursor:
        if needs.count or needs.last:
            cursor.execute(
                _COUNTS, {"member": member_id, "at": at, "order": without_order, "later": count_later}
            )
            earn, earn_last, bonus, bonus_last = cursor.fetchone()
            counts, last = {"earn": earn, "bonus": bonus}, {"earn": earn_last, "bonus": bonus_last}
        if needs.since is not None:
            cursor.execute(_IN_WINDOW, [member_id, needs.since, at, without_order])
            recent = past_orders(cursor.fetchall())
    return StoredHistory(counts, last, recent)


def remaining_orders(order_ids: Iterable[str]) -> tuple[PastOrder, ...]:
    """What is left of these orders; one that came back whole is not among them."""
    wanted = sorted(set(order_ids))
    if not wanted:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, [wanted])
        return past_orders(cursor.fetchall())


def past_orders(rows: Iterable[tuple[Any, ...]]) -> tuple[PastOrder, ...]:
    """Orders from rows of lines, in the order of the rows."""
    found: dict[str, tuple[datetime, list[PastLine]]] = {}
    for order_id, ordered_at, category, tags, quantity, returned, unit_price, discount in rows:
        bought = Fraction(quantity) * Fraction(unit_price) - Fraction(discount)
        left = bought * Fraction(quantity - returned) / Fraction(quantity)
        labels = json.loads(tags) if isinstance(tags, str) else tags
        line = PastLine(amount=left, category=category, tags=frozenset(labels or ()))
        found.setdefault(order_id, (ordered_at, []))[1].append(line)
    return tuple(
        PastOrder(order_id, ordered_at, tuple(lines)) for order_id, (ordered_at, lines) in found.items()
    )


def together(needs: Sequence[HistoryNeeds]) -> HistoryNeeds:
    """What several triggers or rule sets need, in one."""
    return HistoryNeeds(
        count=any(each.count for each in needs),
        last=any(each.last for each in needs),
        since=min((each.since for each in needs if each.since is not None), default=None),
        benefits=any(each.benefits for each in needs),
        segments=any(each.segments for each in needs),
    )


def carried(member_id: UUID) -> dict[str, Fraction]:
    """What flooring cut of the member's earlier orders, by points currency."""
    rows = Carry.objects.filter(member_id=member_id).values_list("currency", "fraction")
    return {currency: Fraction(fraction) for currency, fraction in rows}


def store_carry(member_id: UUID, carry_out: Mapping[str, Fraction]) -> None:
    """Keep what flooring cut for the member's next order (policy `rounding: carry`)."""
    Carry.objects.bulk_create(
        [Carry(member_id=member_id, currency=c, fraction=str(f)) for c, f in sorted(carry_out.items())],
        update_conflicts=True,
        unique_fields=["member", "currency"],
        update_fields=["fraction"],
    )


def child_months(children: Iterable[Mapping[str, Any]]) -> tuple[date, ...]:
    """Birth months of children for whom a guardian consented."""
    months = (child.get("birth_month") for child in children if child.get("guardian_consent"))
    return tuple(date.fromisoformat(f"{month}-01") for month in months if month)
