from __future__ import annotations

from points.models.accounts import Account, AdjustmentRequest, ExpiryNotice
from points.models.holds import Hold, HoldLot
from points.models.ledger import Consumption, Entry, Lot
from points.models.tiers import MemberTier, TierChange, TierProgram, TierQualification

__all__ = [
    "Account",
    "AdjustmentRequest",
    "Consumption",
    "Entry",
    "ExpiryNotice",
    "Hold",
    "HoldLot",
    "Lot",
    "MemberTier",
    "TierChange",
    "TierProgram",
    "TierQualification",
]
