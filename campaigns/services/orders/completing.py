"""What becomes of an order after it was recorded: completion, cancellation, and what time brings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from campaigns import facts, selectors
from campaigns.errors import OrderCancelled, OrderNotFound
from campaigns.services.orders import judging, rejudging, returning, stored
from campaigns.services.orders.returncontent import CANCEL_PREFIX, ReturnContent
from loyalty.lib import ids, instants
from loyalty.lib.transactions import one_by_one
from loyalty.outbox import services as outbox
from members.models import Purchase, PurchaseReturn
from members.services import purchases
from points import selectors as ledger
from points import services as points
from points.services import tiers
from tenants.context import current_brand


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told of a completion or cancellation: the first answer, and the account as it is now."""

    result: Mapping[str, Any]
    account: Mapping[str, Any] | None

    def body(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {**self.result, "account": self.account}


def complete_order(*, order_id: str, now: datetime, completed_at: datetime | None = None) -> Answer:
    """Complete an order: what waited for it becomes available, and rules on `order.completed` give theirs.

    What came back before is not judged. Completing it again answers as the first time.

    Raises OrderNotFound, OrderCancelled.
    """
    with transaction.atomic(savepoint=False):
        purchase, held = returning.enter(find(order_id), now)
        if purchase.status == Purchase.Status.CANCELLED:
            raise OrderCancelled(order_id=order_id)
        if purchase.status != Purchase.Status.COMPLETED:
            _complete(purchase, held, completed_at or now, now)
        kept = purchase.evaluation.get("completion", {})
        result = {
            "order_id": order_id,
            "member_id": str(purchase.member_id) if purchase.member_id else None,
            "status": "completed",
            "completed_at": instants.text(purchase.completed_at or now),
            "points": kept.get("points", {"activated": 0, "accrued": 0, "pending": 0, "debt_repaid": 0}),
            "activated": kept.get("activated", []),
            "entries": kept.get("entries", []),
        }
        return Answer(result, returning.account_now(purchase, now))


def cancel_order(*, order_id: str, now: datetime) -> Answer:
    """Cancel an order: everything that is left of it comes back. Repeating it answers as the first time.

    Raises OrderNotFound.
    """
    with transaction.atomic(savepoint=False):
        purchase, held = returning.enter(find(order_id), now)
        return_id = CANCEL_PREFIX + order_id
        earlier = PurchaseReturn.objects.filter(return_id=return_id).first()
        if earlier is not None:
            told: Mapping[str, Any] = earlier.result
        elif stored.remaining(stored.lines_of(purchase)):
            told = returning.apply(purchase, ReturnContent(return_id, None, {}, everything=True), held, now)
        else:
            told = {"points": {"taken_back": 0, "debt": 0}, "entries": []}
        if purchase.status != Purchase.Status.CANCELLED:
            purchases.change(purchase, status=Purchase.Status.CANCELLED)
            _tell("order.cancelled", purchase, now, points=told["points"])
        result = {
            "order_id": order_id,
            "member_id": str(purchase.member_id) if purchase.member_id else None,
            "status": "cancelled",
            "points": told["points"],
            "entries": told["entries"],
        }
        return Answer(result, returning.account_now(purchase, now))


def complete_due(*, now: datetime, limit: int = 500) -> int:
    """Complete up to `limit` orders older than the brand's `auto_complete_days`; returns how many were.

    One that fails keeps no other from it.
    """

    def complete(order_id: str) -> None:
        with suppress(OrderCancelled):
            complete_order(order_id=order_id, now=now)

    order_ids = list(_old_enough(now).order_by("ordered_at").values_list("order_id", flat=True)[:limit])
    return one_by_one(order_ids, complete, failed="order_not_completed")


def is_any_due(now: datetime) -> bool:
    """Whether time brings anything to an order or to a return that waits for one."""
    return _old_enough(now).exists() or returning.is_any_waiting(now)


def _old_enough(now: datetime) -> QuerySet[Purchase]:
    days = current_brand().setting("auto_complete_days")
    if days is None:
        return Purchase.objects.none()
    return Purchase.objects.filter(
        status=Purchase.Status.RECORDED, ordered_at__lte=now - timedelta(days=int(days))
    )


def find(order_id: str) -> Purchase:
    """The order of this number. Raises OrderNotFound."""
    purchase = Purchase.objects.filter(order_id=order_id).first()
    if purchase is None:
        raise OrderNotFound
    return purchase


def _complete(purchase: Purchase, held: tiers.Held | None, completed_at: datetime, now: datetime) -> None:
    kept = dict(purchase.evaluation)
    if purchase.member_id is not None:
        account = points.lock_account(member_id=purchase.member_id, now=now)
        waited = ledger.waiting(purchase.member_id, waits_for=judging.COMPLETED, waits_ref=purchase.order_id)
        points.activate(waits_for=judging.COMPLETED, waits_ref=purchase.order_id, now=now)
        given = {"accrued": 0, "pending": 0, "debt_repaid": 0}
        entries: list[dict[str, Any]] = []
        if not account.earn_frozen:
            given, entries, judged = _give(purchase, held, completed_at, now)
            kept |= judged
        kept["completion"] = {
            "points": {"activated": waited.get("points", 0), **given},
            "activated": [
                {"points_currency": currency, "points": count} for currency, count in waited.items()
            ],
            "entries": entries,
        }
    purchases.change(purchase, status=Purchase.Status.COMPLETED, completed_at=completed_at, evaluation=kept)
    _tell("order.completed", purchase, now, completed_at=instants.text(completed_at))


def _give(
    purchase: Purchase, held: tiers.Held | None, completed_at: datetime, now: datetime
) -> tuple[dict[str, int], list[dict[str, Any]], dict[str, Any]]:
    """Judge the order by the rules on completion, and post what it deserves for what is left of it.

    It is judged whole and then without what came back, so that a return before the completion and one after
    it come to the same.
    """
    none = {"accrued": 0, "pending": 0, "debt_repaid": 0}
    lines = stored.lines_of(purchase)
    left = stored.remaining(lines)
    member = purchase.member
    if member is None or not left:
        return none, [], {}
    order = stored.order_of(purchase, lines)
    rules = selectors.published_rules(tiers=held.program.codes if held else ())
    known = facts.member_facts(
        member,
        rules=rules,
        triggers=(judging.COMPLETED,),
        at=purchase.ordered_at,
        tier=held.code if held else None,
        without_order=purchase.order_id,
    )
    judged = judging.judge(order, known, rules, (judging.COMPLETED,))
    record = judging.record(judged)
    judging.count(member.id, judged)
    if any(line.returned for line in lines):
        judged = [rejudging.without_returned(judged[0], order, left)]
        record["kept"] = {
            **purchase.evaluation.get("kept", {}),
            judging.COMPLETED: {each.rule: each.points for each in judged[0].evaluation.results},
        }
    judging.grant(member.id, judged, purchase.order_id, purchase.ordered_at, now)
    wanted = judging.postings(
        judged, order_id=purchase.order_id, ordered_at=purchase.ordered_at, completed_at=completed_at
    )
    if not wanted:
        return none, [], record
    posted = points.post(
        member_id=member.id,
        journal_id=ids.new(),
        entries=wanted,
        now=now,
        event_data={"source": judging.SOURCES[judging.COMPLETED], "reference": purchase.order_id},
    )
    _qualify(purchase, held, judging.qualifying_points(judged), record, now)
    return judging.summary(posted.entries), judging.entries_json(posted.entries, wanted, now), record


def _qualify(
    purchase: Purchase, held: tiers.Held | None, count: int, record: dict[str, Any], now: datetime
) -> None:
    if not count or purchase.member_id is None:
        return
    fact = tiers.Fact(
        at=purchase.ordered_at,
        points=count,
        spend=Decimal(0),
        visits=0,
        source=judging.SOURCES[judging.COMPLETED],
        reference=purchase.order_id,
    )
    tiers.qualify(member_id=purchase.member_id, held=held, fact=fact, now=now)
    if "counted" in purchase.evaluation:
        counted = purchase.evaluation["counted"]
        record["counted"] = counted | {"points": counted["points"] + count}


def _tell(event: str, purchase: Purchase, now: datetime, **more: Any) -> None:
    outbox.publish(
        type=event,
        payload={
            "order_id": purchase.order_id,
            "member_id": str(purchase.member_id) if purchase.member_id else None,
            **more,
        },
        member_id=purchase.member_id,
        occurred_at=now,
    )
