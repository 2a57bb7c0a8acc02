"""The rows that this room locks from Python. Accounts, holds and lots are locked by the ledger functions."""

from __future__ import annotations

from uuid import UUID

from points.models import AdjustmentRequest, TierProgram


def adjustment_request(request_id: UUID) -> AdjustmentRequest | None:
    """The request, locked until the transaction ends."""
    return AdjustmentRequest.objects.select_for_update().filter(pk=request_id).first()


def tier_program() -> TierProgram | None:
    """The brand's tier programme, locked until the transaction ends, or None."""
    return TierProgram.objects.select_for_update().filter(pk=1).first()
