"""What every change of a redemption leaves behind: a step in its history, and an event."""

from datetime import datetime
from typing import Any

from loyalty.outbox import services as outbox
from mall.models import Redemption, RedemptionStep


def record(
    redemption: Redemption, *, before: str, actor: str, now: datetime, note: str = "", **more: Any
) -> None:
    """Write the step from `before` to where the redemption stands now, and its event with `more`."""
    RedemptionStep.objects.create(
        redemption=redemption,
        from_status=before,
        to_status=redemption.status,
        at=now,
        actor=actor,
        note=note,
    )
    outbox.publish(
        type=f"redemption.{redemption.status}",
        payload={**payload(redemption, actor), "entry_id": str(redemption.entry_id), **more},
        member_id=redemption.member_id,
        occurred_at=now,
    )


def payload(redemption: Redemption, actor: str) -> dict[str, Any]:
    """What an event tells of a redemption, but for its entry in the ledger."""
    return {
        "redemption_id": str(redemption.id),
        "reference": redemption.reference,
        "member_id": str(redemption.member_id),
        "reward_id": str(redemption.reward_id),
        "kind": redemption.reward.kind,
        "sku": redemption.reward.sku,
        "quantity": redemption.quantity,
        "points": redemption.points,
        "points_currency": redemption.currency,
        **(
            {"full_points": redemption.full_points, "campaign": redemption.campaign}
            if redemption.campaign
            else {}
        ),
        "status": redemption.status,
        "actor": actor,
    }
