"""Judging a recorded order again by what is left of it and of the orders that its windows counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from django.db import connection

from campaigns import facts, locks, selectors
from campaigns.engine import Evaluation, Kept
from campaigns.services.orders import judging, stored
from members.models import Purchase, PurchaseLine
from points.postings import ClawbackItem

_CHANGED: Final = """
SELECT bought.order_id, bool_and(line.returned >= line.quantity)
FROM members_purchase bought JOIN members_purchaseline line ON line.purchase_id = bought.id
WHERE bought.order_id = ANY(%s) GROUP BY bought.order_id HAVING bool_or(line.returned > 0)
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an order no longer deserves: ledger entries to take back from, by their source, and tier numbers.

    `evaluation` is the order's record with what it keeps from now on.
    """

    evaluation: dict[str, Any]
    items: Mapping[str, Sequence[ClawbackItem]] = field(default_factory=dict)
    points: int = 0
    spend: Decimal = Decimal(0)
    visits: int = 0
    visible_earn: bool = True
    visible_bonus: bool = True

    @property
    def counts_for_tier(self) -> bool:
        """Whether a qualifying number falls."""
        return bool(self.points or self.spend or self.visits)


def rejudge(purchase: Purchase, lines: Sequence[PurchaseLine]) -> Verdict:
    """The verdict on an order whose row is locked, by what is left of `lines`."""
    kept = dict(purchase.evaluation)
    left = stored.remaining(lines)
    items: dict[str, list[ClawbackItem]] = {}
    points, keeps = 0, dict(kept.get("kept", {}))
    evaluations = judging.recorded(kept)
    for trigger, evaluation in evaluations.items():
        results = _reevaluate(purchase, lines, left, evaluation, keeps.get(trigger, {}))
        entries = _entry_ids(kept, trigger)
        for each in results:
            if each.take_back > 0:
                item = ClawbackItem(entries[each.rule], each.take_back, each.rule)
                items.setdefault(_source(kept, trigger), []).append(item)
            if each.currency == "points":
                points += each.qualifying
        keeps[trigger] = {each.rule: each.points for each in results}
    paid = evaluations.get(judging.PAID)
    seen = _tier_lines(paid, lines) if paid else []
    spend = _spend(paid, seen)
    visits = 1 if any(line.quantity > line.returned for line in seen) else 0
    before = _counted(kept, evaluations, seen)
    kept |= {"kept": keeps, "counted": {"points": points, "spend": str(spend), "visits": visits}}
    return Verdict(
        evaluation=kept,
        items=items,
        points=before[0] - points,
        spend=before[1] - spend,
        visits=before[2] - visits,
        visible_earn=bool(left) and (paid is None or judging.sees(paid, left, "earn")),
        visible_bonus=bool(left) and (paid is None or judging.sees(paid, left, "bonus")),
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
    rules = selectors.recorded_rules(sorted(versions), tiers=evaluation.tiers)
    changed, gone = _changed(evaluation.window_orders)
    return rules.reevaluate(
        evaluation,
        stored.order_of(purchase, lines),
        left,
        kept={(rule, "member"): points for rule, points in keeps.items()},
        window_orders=facts.remaining_orders(changed),
        returned_orders=gone,
    )


def _changed(order_ids: Iterable[str]) -> tuple[list[str], frozenset[str]]:
    """Of these orders, those that came back in part, and those that came back whole."""
    wanted = sorted(order_ids)
    if not wanted:
        return [], frozenset()
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [wanted])
        rows = cursor.fetchall()
    return [i for i, whole in rows if not whole], frozenset(i for i, whole in rows if whole)


def _entry_ids(kept: Mapping[str, Any], trigger: str) -> dict[str, UUID]:
    later = trigger == judging.COMPLETED and "completion" in kept
    entries = kept["completion"]["entries"] if later else kept.get("entries", ())
    return {entry["rule"]: UUID(entry["entry_id"]) for entry in entries}


def _source(kept: Mapping[str, Any], trigger: str) -> str:
    """The source of the clawback: a rule may have given points at both triggers, so they are told apart."""
    later = trigger == judging.COMPLETED and "completion" in kept
    return "return.completed" if later else "return"


def _tier_lines(paid: Evaluation, lines: Sequence[PurchaseLine]) -> list[PurchaseLine]:
    return [line for line in lines if "tier" not in paid.blocked.get(line.line_id, ())]


def _spend(paid: Evaluation | None, lines: Sequence[PurchaseLine]) -> Decimal:
    """The qualifying money that is left: what was paid otherwise was taken off all lines in proportion."""
    if paid is None:
        return Decimal(0)
    bought = sum((_amount(line, line.quantity) for line in lines), Fraction(0))
    if not bought:
        return Decimal(0)
    left = sum((_amount(line, line.quantity - line.returned) for line in lines), Fraction(0))
    return judging.money(paid.qualifying_amount * left / bought)


def _amount(line: PurchaseLine, quantity: Decimal) -> Fraction:
    whole = Fraction(line.quantity) * Fraction(line.unit_price) - Fraction(line.discount)
    return whole * Fraction(quantity) / Fraction(line.quantity)


def _counted(
    kept: Mapping[str, Any], evaluations: Mapping[str, Evaluation], seen: Sequence[PurchaseLine]
) -> tuple[int, Decimal, int]:
    """What the order counted for the tier until now: points, money, visits."""
    if "counted" in kept:
        counted = kept["counted"]
        return counted["points"], Decimal(counted["spend"]), counted["visits"]
    points = sum(
        result.qualifying
        for evaluation in evaluations.values()
        for result in evaluation.winners
        if result.currency == "points"
    )
    paid = evaluations.get(judging.PAID)
    return points, judging.money(paid.qualifying_amount) if paid else Decimal(0), 1 if seen else 0
