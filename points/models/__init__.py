from __future__ import annotations

from points.models.accounts import Account, AdjustmentRequest, ExpiryNotice
from points.models.closing import ClosedMonth
from points.models.holds import Hold, HoldLot
from points.models.ledger import Consumption, Entry, Lot
from points.models.log import Checkpoint, LogKey, LogLeaf, LogNode, LogPosition
from points.models.notices import NoticeLook, NoticePolicy
from points.models.tiers import (
    MemberTier,
    TierChange,
    TierNotice,
    TierProgram,
    TierProgramVersion,
    TierQualification,
)

__all__ = [
    "Account",
    "AdjustmentRequest",
    "Checkpoint",
    "ClosedMonth",
    "Consumption",
    "Entry",
    "ExpiryNotice",
    "Hold",
    "HoldLot",
    "LogKey",
    "LogLeaf",
    "LogNode",
    "LogPosition",
    "Lot",
    "MemberTier",
    "NoticeLook",
    "NoticePolicy",
    "TierChange",
    "TierNotice",
    "TierProgram",
    "TierProgramVersion",
    "TierQualification",
]
