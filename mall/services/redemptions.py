"""Cancelling redemptions: points and stock go back together or not at all."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from mall import locks
from mall.errors import RedemptionNotFound, RedemptionState
from mall.models import Redemption
from mall.services import stock
from mall.services.placing import Placed
from mall.services.steps import record
from points import services as points

SOURCE = "redemption"


def cancel(
    *, redemption_id: UUID, actor: str, now: datetime, reason: str = "", by_member: UUID | None = None
) -> Placed:
    """Undo a redemption that was not sent yet: points back to the very lots, pieces back to stock.

    `by_member`: only this member's own, and only what members may cancel. Cancelling again changes nothing.
    Raises RedemptionNotFound, RedemptionState.
    """
    with transaction.atomic():
        seen = Redemption.objects.filter(pk=redemption_id).values("member_id", "currency").first()
        if seen is None or by_member not in (None, seen["member_id"]):
            raise RedemptionNotFound
        account = points.lock_account(now=now, **seen)
        redemption = locks.redemption(redemption_id)
        if redemption is None:
            raise RedemptionNotFound
        if redemption.status == Redemption.Status.CANCELLED:
            return Placed(redemption, account, replayed=True)
        allowed = redemption.actions if by_member is None else redemption.member_actions
        if "cancel" not in allowed:
            raise RedemptionState(redemption_status=redemption.status, actions=allowed)
        before = redemption.status
        reversed_ = points.reverse(
            entry_id=redemption.entry_id,
            source=SOURCE,
            reference=redemption.reference,
            reason=reason,
            actor=actor,
            now=now,
        )
        redemption.status = Redemption.Status.CANCELLED
        redemption.reversal_id = reversed_.entry.entry_id
        redemption.cancelled_at = redemption.updated_at = now
        redemption.save(update_fields=["status", "reversal_id", "cancelled_at", "updated_at"])
        if redemption.stock_id is not None:
            stock.give_back(stock_id=redemption.stock_id, quantity=redemption.quantity, now=now)
        record(
            redemption,
            before=before,
            actor=actor,
            now=now,
            note=reason,
            reversal_id=str(redemption.reversal_id),
            reason=reason,
        )
        return Placed(redemption, reversed_.account, replayed=False)
