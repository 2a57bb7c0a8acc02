"""Who comes back is paid for the first order within its days that is large enough, once, from the budget.

What came back of an order does not count: points that were paid for it stay as long as what is left would
still be paid for, and are taken back otherwise. A tick looks at what was recorded lately every minute, at
everything that is open once an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F

from campaigns import locks
from campaigns.models import Message, Wakeup, WakeupRecipient
from campaigns.services import giving
from campaigns.services.orders import rejudging
from loyalty.lib import ids
from loyalty.lib.database import connection
from loyalty.lib.transactions import retried
from members.models import Purchase, PurchaseReturn
from points import expiry
from points import services as points
from points.postings import Posting, SystemAccount
from tenants.context import current_brand

SOURCE: Final = "wakeup"
UNDONE: Final = "wakeup.undone"
LATELY: Final = timedelta(minutes=15)
LATE_ORDERS: Final = timedelta(days=7)
"""An order of the last day may be recorded later than that."""
RETURNED_WITHIN: Final = timedelta(days=400)
Task = WakeupRecipient.Task
log = structlog.get_logger(__name__)
# The offer counts for whom its message may have reached, before a merge too;
# an order, if it is more than wholly returned.
_CAME_BACK: Final = """
SELECT r.id, r.member_id
FROM campaigns_wakeuprecipient r JOIN campaigns_wakeup w ON w.id = r.wakeup_id
WHERE r.task = 'open' AND r.id > %(after)s
  AND EXISTS (
    SELECT 1 FROM members_purchase p
    WHERE p.member_id = r.member_id AND p.ordered_at > r.at AND p.ordered_at < r.task_until
      AND p.visible_bonus AND p.amount >= w.task_min_spend)
  AND (%(since)s::timestamptz IS NULL OR r.member_id IN (
    SELECT lately.member_id FROM members_purchase lately WHERE lately.recorded_at >= %(since)s))
  AND EXISTS (
    SELECT 1 FROM campaigns_message told
    WHERE (told.member_id = r.member_id OR told.member_id IN (
        SELECT merged.id FROM members_member merged WHERE merged.merged_into_id = r.member_id))
      AND told.occasion = 'wakeup:' || r.run_id
      AND told.status = ANY(%(reached)s))
  -- Whoever was paid under a card that is merged into this one was paid.
  AND NOT EXISTS (
    SELECT 1 FROM members_member gone JOIN campaigns_wakeuprecipient theirs ON theirs.member_id = gone.id
    WHERE gone.merged_into_id = r.member_id AND theirs.run_id = r.run_id
      AND theirs.task IN ('paid', 'taken_back'))
ORDER BY r.id LIMIT %(limit)s
"""
_WENT_BACK: Final = """
SELECT r.id, r.member_id FROM campaigns_wakeuprecipient r
JOIN members_purchase p ON p.id = r.paid_for
JOIN campaigns_wakeup w ON w.id = r.wakeup_id
WHERE r.task = 'paid' AND r.task_until > %(since)s AND r.id > %(after)s {lately}
  AND (NOT p.visible_bonus OR w.task_min_spend > 0 AND (p.revision > 1 OR EXISTS (
    SELECT 1 FROM members_purchaseline line WHERE line.purchase_id = p.id AND line.returned > 0)))
ORDER BY r.id LIMIT %(limit)s
"""
# From the few returns to their recipients by the member; a correction, or who was merged, waits for the hour.
_BACK_LATELY: Final = """AND r.member_id = p.member_id AND p.id IN (
  SELECT back.purchase_id FROM members_purchasereturn back WHERE back.recorded_at >= %(lately)s)
"""
_EXPIRE: Final = """
UPDATE campaigns_wakeuprecipient SET task = 'expired' WHERE id IN (
  SELECT id FROM campaigns_wakeuprecipient WHERE task = 'open' AND task_until <= %(before)s LIMIT %(limit)s)
"""


@dataclass(slots=True)
class Looked:
    """What a look at the orders came to."""

    paid: int = 0
    taken_back: int = 0
    expired: int = 0


def may_find_any(*, now: datetime, everything: bool = False) -> bool:
    """Whether `look_at_orders` may find anybody: a task open or paid, and something recorded lately."""
    waiting = WakeupRecipient.objects.filter(task=Task.OPEN)
    paid = WakeupRecipient.objects.filter(task=Task.PAID, task_until__gt=now - RETURNED_WITHIN)
    if everything:
        return waiting.exists() or paid.exists()
    lately = {"recorded_at__gte": now - LATELY}
    if waiting.exists() and (
        Purchase.objects.filter(**lately).exists()
        or waiting.filter(task_until__lte=now - LATE_ORDERS).exists()
    ):
        return True
    return paid.exists() and PurchaseReturn.objects.filter(**lately).exists()


def look_at_orders(*, now: datetime, everything: bool = False, limit: int = 500) -> Looked:
    """Pay who came back, take back what was paid for orders that came back, end what is over."""
    looked = Looked()
    looked.paid = pay_due(now=now, since=None if everything else now - LATELY, limit=limit)
    looked.taken_back = take_back_due(now=now, lately=None if everything else now - LATELY, limit=limit)
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"before": now - LATE_ORDERS, "limit": limit * 20})
        looked.expired = cursor.rowcount
    return looked


def pay_due(*, now: datetime, since: datetime | None = None, limit: int = 500) -> int:
    """Pay whoever came back, members with an order recorded `since` then, or all; returns how many."""
    paid, after = 0, 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                _CAME_BACK,
                {"since": since, "reached": list(Message.COUNTED), "limit": limit, "after": after},
            )
            found = cursor.fetchall()
        for recipient_id, member_id in found:
            after = recipient_id
            paid += _try(partial(_pay, recipient_id, member_id, now), recipient_id)
        if len(found) < limit:
            return paid


def take_back_due(*, now: datetime, lately: datetime | None = None, limit: int = 500) -> int:
    """Take back what was paid for orders of which too little is left, by a return since `lately`, or ever.

    Returns how many.
    """
    sql = _WENT_BACK.format(lately=_BACK_LATELY if lately else "")
    taken, after = 0, 0
    while True:
        values: dict[str, Any] = {"since": now - RETURNED_WITHIN, "limit": limit, "after": after}
        with connection.cursor() as cursor:
            cursor.execute(sql, {**values, "lately": lately} if lately else values)
            found = cursor.fetchall()
        for recipient_id, member_id in found:
            after = recipient_id
            taken += _try(partial(_take_back, recipient_id, member_id, now), recipient_id)
        if len(found) < limit:
            return taken


def _try(work: partial[bool], recipient_id: int) -> bool:
    """One that fails waits for the next look and keeps no other from theirs."""
    try:
        return retried(work)
    except Exception:  # whatever it is, the task stays as it is
        log.exception("wakeup_task_failed", recipient=recipient_id)
        return False


def _pay(recipient_id: int, member_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        account = points.lock_account(member_id=member_id, now=now)
        recipient = locks.recipient(recipient_id, Task.OPEN)
        if recipient is None or recipient.member_id != member_id:
            return False
        # Asked under the lock: an order may have come back while we waited for the account.
        wakeup, order = recipient.wakeup, _first_order(recipient)
        if order is None or account.earn_frozen:
            return False
        within = Wakeup.objects.filter(
            pk=wakeup.pk, task_spent__lte=F("task_budget") - wakeup.task_points
        ).update(task_spent=F("task_spent") + wakeup.task_points)
        if not within:
            recipient.task = Task.NO_BUDGET
            recipient.save(update_fields=["task"])
            return False
        recipient.paid_entry = _post(recipient, now)
        recipient.task, recipient.paid_points, recipient.paid_for = Task.PAID, wakeup.task_points, order.pk
        recipient.save(update_fields=["task", "paid_points", "paid_for", "paid_entry"])
        return True


def _first_order(recipient: WakeupRecipient) -> Purchase | None:
    """The first order in time of which as much is left as the task asks for."""
    orders = Purchase.objects.filter(
        member_id=recipient.member_id,
        ordered_at__gt=recipient.at,
        ordered_at__lt=recipient.task_until,
        visible_bonus=True,
        amount__gte=recipient.wakeup.task_min_spend,
    )
    found = orders.order_by("ordered_at", "pk")
    return next((each for each in found if _is_enough(each, recipient.wakeup)), None)


def _is_enough(order: Purchase, wakeup: Wakeup) -> bool:
    """Whether what is left of the order is what the task asks for: any article, or so much money."""
    if not order.visible_bonus or not wakeup.task_min_spend:
        return order.visible_bonus
    left = rejudging.bonus_left(order)
    return left is not None and left >= wakeup.task_min_spend


def _post(recipient: WakeupRecipient, now: datetime) -> UUID:
    wakeup, policy, tz = recipient.wakeup, current_brand().setting("expiry"), current_brand().tz
    entry = Posting(
        kind="accrual",
        points=wakeup.task_points,
        direction=1,
        system_account=SystemAccount.ISSUANCE,
        source=SOURCE,
        reference=_reference(recipient),
        rule=wakeup.code,
        effective_at=now,
        expires_at=expiry.expires_at(policy, now, tz),
        inactivity_months=expiry.inactivity_months(policy),
        reason=str(wakeup),
    )
    posted = points.post(
        member_id=recipient.member_id,
        journal_id=ids.new(),
        entries=[entry],
        now=now,
        event_data={"source": SOURCE, "reference": entry.reference},
    )
    return posted.entries[0].entry_id


def _take_back(recipient_id: int, member_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        points.lock_account(member_id=member_id, now=now)
        recipient = locks.recipient(recipient_id, Task.PAID)
        if recipient is None or recipient.member_id != member_id:
            return False
        assert recipient.paid_for is not None  # a CHECK
        if _is_enough(Purchase.objects.get(pk=recipient.paid_for), recipient.wakeup):
            return False
        giving.take_back(
            member_id=member_id,
            entries=[{"entry_id": str(recipient.paid_entry), "rule": recipient.wakeup.code}],
            counted=0,
            grants=(),
            given_as=SOURCE,
            source=UNDONE,
            reference=_reference(recipient),
            at=recipient.at,
            now=now,
        )
        recipient.task = Task.TAKEN_BACK
        recipient.save(update_fields=["task"])
        return True


def _reference(recipient: WakeupRecipient) -> str:
    return f"{recipient.wakeup.code}#{recipient.run.number}:{recipient.pk}"
