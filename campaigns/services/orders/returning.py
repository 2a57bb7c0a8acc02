"""Returns: the order judged anew without what came back, and the difference taken back.

What came back is weighed with the rules and facts recorded with the order (ledger.md rules 9 and 10). Later
orders whose bonus counted this one are judged anew too (rules.md rule 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns import locks
from campaigns.errors import ReturnConflict
from campaigns.services import referrals
from campaigns.services.orders import judging, rejudging, stored
from campaigns.services.orders.rejudging import ClawbackItems, Verdict
from campaigns.services.orders.returncontent import ReturnContent
from campaigns.services.orders.told import account_json
from loyalty.lib import ids, instants, money
from loyalty.lib.errors import FieldError, Invalid, Refusal
from loyalty.lib.transactions import one_by_one
from loyalty.outbox import services as outbox
from mall import services as mall
from members.models import ParkedReturn, Purchase, PurchaseLine, PurchaseReturn
from members.services import purchases
from points import selectors as ledger
from points import services as points
from points.postings import ClawbackItem
from points.services import tiers

PARKED_FOR: Final = timedelta(days=30)
# The sources of what is taken back, with the order and with its completion. Each business fact has its own,
# because callers choose their numbers freely: a return may be numbered like a correction (`O-1#2`).
RETURN: Final = ("return", "return.completed")
RECOUNT: Final = ("return.recount", "return.completed.recount")
REVISION: Final = ("order.revision", "order.completed.revision")


@dataclass(frozen=True, slots=True)
class Returned:
    """The answer to a return: `result` is that of its first recording."""

    result: Mapping[str, Any]
    created: bool
    parked: bool = False
    account: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {**self.result, **({} if self.parked else {"account": self.account})}


def record_return(*, order_id: str, content: ReturnContent, now: datetime) -> Returned:
    """Take back what an order no longer deserves without what came back; a repeat answers as the first time.

    A return of an order that is not known yet is parked. One transaction, under the lock on the member's
    points account.

    Raises ReturnConflict (the number was used with other content), Invalid (more than remains, a line that
    the order does not have).
    """
    with transaction.atomic(savepoint=False):
        known = Purchase.objects.filter(order_id=order_id).only("pk", "member_id").first()
        if known is None:
            return _park(order_id, content, now)
        purchase, held = enter(known, now)
        earlier = PurchaseReturn.objects.filter(return_id=content.return_id).first()
        if earlier is not None:
            if earlier.purchase_id != purchase.pk or earlier.content_hash != content.digest(order_id):
                raise ReturnConflict(return_id=content.return_id)
            return Returned(earlier.result, created=False, account=account_now(purchase, now))
        result = apply(purchase, content, held, now)
        return Returned(result, created=True, account=account_now(purchase, now))


def apply(
    purchase: Purchase, content: ReturnContent, held: tiers.Held | None, now: datetime
) -> dict[str, Any]:
    """Apply a return to an order that was entered with `enter`; returns what is told of it.

    Raises Invalid, ReturnConflict.
    """
    lines = stored.lines_of(purchase)
    back = _quantities(content, lines)
    purchases.take_back(returned={line.pk: quantity for line, quantity in back})
    for line, quantity in back:
        line.returned += quantity
    verdicts = [(purchase, rejudging.rejudge(purchase, lines))]
    verdicts += [
        (later, rejudging.rejudge(later, stored.lines_of(later))) for later in rejudging.counted_on(purchase)
    ]
    entries: list[dict[str, Any]] = []
    debt = 0
    for number, (judged, verdict) in enumerate(verdicts):
        sources = RECOUNT if number else RETURN
        reference = f"{content.return_id}:{number}" if number else content.return_id
        taken, owed = claw(judged, verdict.items, sources, reference, now)
        entries += taken
        debt += owed
        _keep(judged, verdict)
        for trigger, rules in verdict.lost.items():
            mall.take_back(source=judging.SOURCES[trigger], reference=judged.order_id, rules=rules, now=now)
        held = _disqualify(judged, verdict, sources[0], reference, held, now)
    whole = all(line.returned >= line.quantity for line in lines)
    result = {
        "return_id": content.return_id,
        "order_id": purchase.order_id,
        "member_id": str(purchase.member_id) if purchase.member_id else None,
        "status": "applied",
        "returned_at": instants.text(content.returned_at or now),
        "lines": [{"line_id": line.line_id, "quantity": money.plain(q, 0)} for line, q in back],
        "points": {
            "taken_back": -sum(e["points"] for e in entries if e["points_currency"] == "points"),
            "debt": debt,
        },
        "entries": entries,
        "whole": whole,
    }
    _store(purchase, content, result, now)
    _publish(purchase, result, now)
    if purchase.member_id is not None:
        if whole:
            referrals.order_came_back(order_id=purchase.order_id, member_id=purchase.member_id, now=now)
        else:
            referrals.order_changed(purchase=purchase, lines=lines, now=now, corrected=False)
    return result


def apply_parked(*, order_id: str, now: datetime) -> list[dict[str, Any]]:
    """Apply the returns that waited for this order, which was just recorded under its member's lock.

    One that does not fit the order is dropped, with the reason kept for the list of parked returns.
    """
    applied: list[dict[str, Any]] = []
    for parked in locks.waiting_returns(order_id):
        try:
            with transaction.atomic():
                purchase, held = enter(Purchase.objects.get(order_id=order_id), now)
                applied.append(apply(purchase, ReturnContent.from_json(parked.body), held, now))
            parked.applied_at = now
        except Refusal as refusal:
            parked.dropped_at = now
            errors = refusal.errors if isinstance(refusal, Invalid) else ()
            parked.problem = {
                "code": refusal.code,
                "errors": [{"pointer": e.pointer, "code": e.code} for e in errors],
            }
        parked.save(update_fields=["applied_at", "dropped_at", "problem"])
    return applied


def apply_waiting(*, now: datetime, limit: int = 200) -> int:
    """Apply parked returns whose order came while they were being parked; returns to how many orders.

    One that fails keeps no other from it.
    """

    def apply_to(order_id: str) -> None:
        with transaction.atomic():
            enter(Purchase.objects.get(order_id=order_id), now)
            apply_parked(order_id=order_id, now=now)

    order_ids = sorted(set(_came().values_list("order_id", flat=True)[:limit]))
    return one_by_one(order_ids, apply_to, failed="waiting_return_not_applied")


def is_any_waiting(now: datetime) -> bool:
    """Whether a parked return can be applied or has to be dropped."""
    return _came().exists() or _given_up(now).exists()


def _came() -> QuerySet[ParkedReturn]:
    waiting = ParkedReturn.objects.filter(applied_at__isnull=True, dropped_at__isnull=True)
    return waiting.filter(order_id__in=Purchase.objects.values("order_id"))


def _given_up(now: datetime) -> QuerySet[ParkedReturn]:
    return ParkedReturn.objects.filter(
        applied_at__isnull=True, dropped_at__isnull=True, parked_at__lte=now - PARKED_FOR
    )


def drop_parked(*, now: datetime) -> int:
    """Give up returns whose order did not come within 30 days; returns how many."""
    return _given_up(now).update(dropped_at=now, problem={"code": "order_never_came", "errors": []})


def enter(known: Purchase, now: datetime) -> tuple[Purchase, tiers.Held | None]:
    """Lock the member's account, then the order; returns the order as it is now and the member's tier."""
    while True:
        held = None
        if known.member_id is not None:
            points.lock_account(member_id=known.member_id, now=now)
            held = tiers.held(member_id=known.member_id, now=now)
        purchase = locks.purchase(known.pk)
        if purchase.member_id == known.member_id:
            return purchase, held
        # The member was merged while we waited for the lock: the order went along.
        known = purchase


def account_now(purchase: Purchase, now: datetime) -> dict[str, Any] | None:
    """The account of the order's member as it is now; None for a guest order."""
    if purchase.member_id is None:
        return None
    return account_json(points.lock_account(member_id=purchase.member_id, now=now))


def _quantities(content: ReturnContent, lines: Sequence[PurchaseLine]) -> list[tuple[PurchaseLine, Decimal]]:
    if content.everything:
        left = [(line, line.quantity - line.returned) for line in lines if line.quantity > line.returned]
        if not left:
            raise Invalid.at("/all", "nothing_remains", _("Nothing of this order remains to be returned."))
        return left
    by_id = {line.line_id: line for line in lines}
    errors: list[FieldError] = []
    back: list[tuple[PurchaseLine, Decimal]] = []
    for index, (line_id, quantity) in enumerate(content.lines.items()):
        line = by_id.get(line_id)
        if line is None:
            errors.append(FieldError(f"/lines/{index}/line_id", "unknown", _("The order has no such line.")))
        elif quantity > line.quantity - line.returned:
            remains = money.plain(line.quantity - line.returned, 0)
            errors.append(
                FieldError(
                    f"/lines/{index}/quantity",
                    "more_than_remains",
                    _("Only %(remains)s of this line remains.") % {"remains": remains},
                )
            )
        else:
            back.append((line, quantity))
    if errors:
        raise Invalid(errors)
    return back


def claw(
    purchase: Purchase, items: ClawbackItems, sources: tuple[str, str], reference: str, now: datetime
) -> tuple[list[dict[str, Any]], int]:
    """Take back points of an order's entries; returns the entries told, and the debt that came of it.

    `sources` is RETURN, RECOUNT or REVISION. Entries before a rule's newest have a source and a number more.
    """
    told: list[dict[str, Any]] = []
    debt = 0
    left = ledger.left_of_entries([item.entry_id for wanted in items.values() for item in wanted])
    for (later, number), asked in items.items():
        # Somebody may have reversed an entry by hand: what is gone cannot be taken back again.
        wanted = [
            replace(item, points=min(item.points, left[item.entry_id]))
            for item in asked
            if left[item.entry_id] > 0
        ]
        if not wanted or purchase.member_id is None:
            continue
        taken = points.clawback(
            member_id=purchase.member_id,
            journal_id=ids.new(),
            items=wanted,
            source=sources[later] if number == 1 else f"{sources[later]}.earlier",
            reference=reference if number == 1 else f"{reference}#{number}",
            now=now,
            event_data={"order_id": purchase.order_id},
        )
        debt += taken.debt_added
        told += [_entry_json(entry, purchase.order_id, wanted) for entry in taken.entries]
    return told, debt


def _entry_json(entry: Any, order_id: str, items: Sequence[ClawbackItem]) -> dict[str, Any]:
    reverses: Mapping[str, UUID] = {item.rule: item.entry_id for item in items}
    return {
        "entry_id": str(entry.entry_id),
        "points": entry.points,
        "points_currency": entry.currency,
        "rule": entry.rule,
        "order_id": order_id,
        "reverses": str(reverses[entry.rule]),
    }


def _keep(purchase: Purchase, verdict: Verdict) -> None:
    purchases.change(
        purchase,
        evaluation=verdict.evaluation,
        visible_earn=verdict.visible_earn,
        visible_bonus=verdict.visible_bonus,
    )


def _disqualify(
    purchase: Purchase,
    verdict: Verdict,
    source: str,
    reference: str,
    held: tiers.Held | None,
    now: datetime,
) -> tiers.Held | None:
    if purchase.member_id is None or not verdict.counts_for_tier:
        return held
    fact = tiers.Fact(
        at=purchase.ordered_at,
        points=-verdict.points,
        spend=-verdict.spend,
        visits=-verdict.visits,
        source=source,
        reference=reference,
    )
    return tiers.disqualify(member_id=purchase.member_id, held=held, fact=fact, now=now)


def _store(purchase: Purchase, content: ReturnContent, result: dict[str, Any], now: datetime) -> None:
    try:
        PurchaseReturn.objects.create(
            purchase=purchase,
            return_id=content.return_id,
            returned_at=content.returned_at or now,
            lines=result["lines"],
            content_hash=content.digest(purchase.order_id),
            result=result,
            recorded_at=now,
        )
    except IntegrityError:
        # The number was used for another order at the same time.
        raise ReturnConflict(return_id=content.return_id) from None


def _publish(purchase: Purchase, result: Mapping[str, Any], now: datetime) -> None:
    outbox.publish(
        type="order.returned",
        payload={
            "order_id": purchase.order_id,
            "member_id": result["member_id"],
            "return_id": result["return_id"],
            "returned_at": result["returned_at"],
            "points": result["points"],
            "whole": result["whole"],
        },
        member_id=purchase.member_id,
        occurred_at=now,
    )


def _park(order_id: str, content: ReturnContent, now: datetime) -> Returned:
    digest = content.digest(order_id)
    parked, created = ParkedReturn.objects.get_or_create(
        return_id=content.return_id,
        defaults={
            "order_id": order_id,
            "body": content.as_json(),
            "content_hash": digest,
            "parked_at": now,
        },
    )
    if parked.content_hash != digest:
        raise ReturnConflict(return_id=content.return_id)
    used = PurchaseReturn.objects.filter(return_id=content.return_id).exists()
    if created and used:
        raise ReturnConflict(return_id=content.return_id)
    return Returned(parked_json(parked), created=created, parked=True)


def parked_json(parked: ParkedReturn) -> dict[str, Any]:
    """A parked return as the API tells it."""
    status = "applied" if parked.applied_at else "dropped" if parked.dropped_at else "parked"
    return {
        "return_id": parked.return_id,
        "order_id": parked.order_id,
        "status": status,
        "parked_at": instants.text(parked.parked_at),
        "dropped_at": instants.text(parked.dropped_at) if parked.dropped_at else None,
        "problem": parked.problem,
    }
