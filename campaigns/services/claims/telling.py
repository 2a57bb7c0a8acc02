"""The events of claims."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from campaigns.models import Claim
from loyalty.lib import money
from loyalty.outbox import services as outbox

_EVENTS: Final = {
    Claim.Status.OPEN: "claim.filed",
    Claim.Status.ACCEPTED: "claim.accepted",
    Claim.Status.REJECTED: "claim.rejected",
    Claim.Status.WITHDRAWN: "claim.withdrawn",
}


def tell(claim: Claim, now: datetime) -> None:
    """Publish that the claim stands as it stands from now on."""
    outbox.publish(
        type=_EVENTS[Claim.Status(claim.status)],
        payload={
            "claim_id": str(claim.pk),
            "order_id": claim.order_id,
            "member_id": str(claim.member_id),
            "amount": money.plain(claim.amount),
            "outcome": claim.outcome or None,
            "points": claim.points,
            "reason": claim.reason,
            "actor": claim.decided_by,
        },
        member_id=claim.member_id,
        occurred_at=now,
    )
