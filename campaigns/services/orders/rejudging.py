"""Judging a recorded order again by what is left of it and of the orders that its windows counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from django.db import connection

from campaigns import facts, framing, locks, selectors
from campaigns.engine import Evaluation, Kept, Order
from campaigns.engine.scene import adult
from campaigns.services.orders import judging, stored
from campaigns.services.orders.judging import Judged
from members.models import Purchase, PurchaseLine
from points.postings import ClawbackItem
from tenants.context import current_brand

_CHANGED: Final = """
SELECT bought.order_id, bool_and(line.returned >= line.quantity)
FROM members_purchase bought JOIN members_purchaseline line ON line.purchase_id = bought.id
WHERE bought.order_id = ANY(%s) GROUP BY bought.order_id HAVING bool_or(line.returned > 0)
"""

# What is taken back, by whether the rules gave it with the completion, and by the number of the entry.
ClawbackItems = Mapping[tuple[bool, int], Sequence[ClawbackItem]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an order no longer deserves: ledger entries to take back from, and tier numbers.

    `evaluation` is the order's record with what it keeps from now on; `lost` are the rules, by trigger, whose
    conditions no longer hold, with what they granted besides points.
    """

    evaluation: dict[str, Any]
    items: ClawbackItems = field(default_factory=dict)
    points: int = 0
    spend: Decimal = Decimal(0)
    visits: int = 0
    visible_earn: bool = True
    visible_bonus: bool = True
    lost: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def counts_for_tier(self) -> bool:
        """Whether a qualifying number falls."""
        return bool(self.points or self.spend or self.visits)


class EntryBook:
    """The ledger entries of an order, and what has been taken back of each.

    A rule has one entry for each trigger, and one more for each correction that raised it. What is taken
    back comes from the newest first.
    """

    def __init__(self, kept: Mapping[str, Any]) -> None:
        self._kept = kept
        self.clawed: dict[str, int] = dict(kept.get("clawed", {}))
        self.items: dict[tuple[bool, int], list[ClawbackItem]] = {}

    def take(self, trigger: str, rule: str, points: int) -> None:
        """Note that so many points of a rule are to be taken back."""
        later = self._later(trigger)
        for number, entry in enumerate(reversed(self._entries(trigger, rule)), 1):
            if points <= 0:
                return
            entry_id = entry["entry_id"]
            part = min(points, entry["points"] - self.clawed.get(entry_id, 0))
            if part > 0:
                self.clawed[entry_id] = self.clawed.get(entry_id, 0) + part
                self.items.setdefault((later, number), []).append(ClawbackItem(UUID(entry_id), part, rule))
            points -= part

    def _later(self, trigger: str) -> bool:
        """Whether the rules of this trigger gave their points with the completion, not with the order."""
        return trigger == judging.COMPLETED and "completion" in self._kept

    def _entries(self, trigger: str, rule: str) -> list[Mapping[str, Any]]:
        first = self._kept["completion"]["entries"] if self._later(trigger) else self._kept.get("entries", ())
        raised = self._kept.get("raised", {}).get(trigger, ())
        return [entry for entry in (*first, *raised) if entry["rule"] == rule]


def rejudge(purchase: Purchase, lines: Sequence[PurchaseLine]) -> Verdict:
    """The verdict on an order whose row is locked, by what is left of `lines`."""
    kept = dict(purchase.evaluation)
    left = stored.remaining(lines)
    book = EntryBook(kept)
    points, keeps = 0, dict(kept.get("kept", {}))
    lost: dict[str, list[str]] = {}
    evaluations = judging.recorded(kept)
    for trigger, evaluation in evaluations.items():
        results = _reevaluate(purchase, lines, left, evaluation, keeps.get(trigger, {}))
        for each in results:
            book.take(trigger, each.rule, each.take_back)
            if each.currency == "points":
                points += each.qualifying
        keeps[trigger] = {each.rule: each.points for each in results}
        lost[trigger] = [each.rule for each in results if not each.grant_kept]
    paid = evaluations.get(judging.PAID)
    seen = tier_lines(paid, lines) if paid else []
    spend = spend_left(paid, seen)
    visits = 1 if any(line.quantity > line.returned for line in seen) else 0
    before = counted(kept, evaluations, seen)
    kept |= {
        "kept": keeps,
        "clawed": book.clawed,
        "counted": {"points": points, "spend": str(spend), "visits": visits},
    }
    return Verdict(
        evaluation=kept,
        items=book.items,
        points=before[0] - points,
        spend=before[1] - spend,
        visits=before[2] - visits,
        visible_earn=bool(left) and (paid is None or judging.sees(paid, left, "earn")),
        visible_bonus=bool(left) and (paid is None or judging.sees(paid, left, "bonus")),
        lost=lost,
    )


def counted_on(purchase: Purchase) -> list[Purchase]:
    """Later orders of the same member with a bonus that counted this order, locked, oldest first."""
    return locks.orders_that_counted(purchase, (judging.PAID, judging.COMPLETED))


def _reevaluate(
    purchase: Purchase,
    lines: Sequence[PurchaseLine],
    left: Mapping[str, Decimal],
    evaluation: Evaluation,
    keeps: Mapping[str, int],
) -> Sequence[Kept]:
    if not any(result.reason is None for result in evaluation.results):
        return ()
    versions = {(result.rule, result.version) for result in evaluation.results}
    rules = selectors.recorded_rules(
        sorted(versions), tiers=evaluation.tiers, frames=framing.recorded(evaluation.results)
    )
    changed, gone = _changed(evaluation.window_orders)
    return rules.reevaluate(
        evaluation,
        stored.order_of(purchase, lines),
        left,
        kept={(rule, "member"): points for rule, points in keeps.items()},
        window_orders=facts.remaining_orders(changed),
        returned_orders=gone,
        adult=_adult(purchase, evaluation) if changed else None,
    )


def _adult(purchase: Purchase, evaluation: Evaluation) -> bool | None:
    """Whether the member was an adult when the order was placed; None where the birthday is not known."""
    birthday = purchase.member.birthday if purchase.member is not None else None
    return adult(birthday, evaluation.occurred_at.astimezone(current_brand().tz).date())


def _changed(order_ids: Iterable[str]) -> tuple[list[str], frozenset[str]]:
    """Of these orders, those that came back in part, and those that came back whole."""
    wanted = sorted(order_ids)
    if not wanted:
        return [], frozenset()
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [wanted])
        rows = cursor.fetchall()
    return [i for i, whole in rows if not whole], frozenset(i for i, whole in rows if whole)


def without_returned(judged: Judged, order: Order, left: Mapping[str, Decimal]) -> Judged:
    """The verdict on the order with the points that it keeps without what came back, and the grants that it
    would still give."""
    kept = {
        (each.rule, each.receiver): each for each in judged.rules.reevaluate(judged.evaluation, order, left)
    }
    results = tuple(
        replace(result, points=each.points, qualifying=each.qualifying)
        for result in judged.evaluation.results
        if (each := kept.get((result.rule, result.receiver))) is not None
        and (result.grant is None or each.grant_kept)
    )
    return replace(judged, evaluation=replace(judged.evaluation, results=results))


def tier_lines(paid: Evaluation, lines: Sequence[PurchaseLine]) -> list[PurchaseLine]:
    """The lines that compliance lets count for the tier."""
    return [line for line in lines if "tier" not in paid.blocked.get(line.line_id, ())]


def spend_left(paid: Evaluation | None, lines: Sequence[PurchaseLine]) -> Decimal:
    """The qualifying money that is left: what was paid otherwise was taken off all lines in proportion."""
    if paid is None:
        return Decimal(0)
    bought = sum((_amount(line, line.quantity) for line in lines), Fraction(0))
    if not bought:
        return Decimal(0)
    left = sum((_amount(line, line.quantity - line.returned) for line in lines), Fraction(0))
    return judging.money(paid.qualifying_amount * left / bought)


def bonus_left(purchase: Purchase) -> Decimal | None:
    """What the order still comes to without all that came back, in cents, by the lines that compliance lets
    count for bonuses; None where no such line is left."""
    paid = judging.recorded(purchase.evaluation).get(judging.PAID)
    left = [
        line
        for line in stored.lines_of(purchase)
        if line.quantity > line.returned and (paid is None or judging.sees(paid, [line.line_id], "bonus"))
    ]
    if not left:
        return None
    exact = sum((_amount(line, line.quantity - line.returned) for line in left), Fraction(0))
    return Decimal(round(exact * 100)).scaleb(-2)


def _amount(line: PurchaseLine, quantity: Decimal) -> Fraction:
    whole = Fraction(line.quantity) * Fraction(line.unit_price) - Fraction(line.discount)
    return whole * Fraction(quantity) / Fraction(line.quantity)


def counted(
    kept: Mapping[str, Any], evaluations: Mapping[str, Evaluation], seen: Sequence[PurchaseLine]
) -> tuple[int, Decimal, int]:
    """What the order counted for the tier until now: points, money, visits."""
    if "counted" in kept:
        known = kept["counted"]
        return known["points"], Decimal(known["spend"]), known["visits"]
    points = sum(
        result.qualifying
        for evaluation in evaluations.values()
        for result in evaluation.winners
        if result.currency == "points"
    )
    paid = evaluations.get(judging.PAID)
    return points, judging.money(paid.qualifying_amount) if paid else Decimal(0), 1 if seen else 0
