"""Every write to the ledger. Use as `from points import services as points`."""

from __future__ import annotations

from points.services.accounts import freeze, lock_account, lock_members, merge, open_account, unfreeze
from points.services.announcing import announce_expiring, announce_portion, may_announce
from points.services.approvals import (
    approve_adjustment,
    reject_adjustment,
    request_adjustment,
    request_reversal,
)
from points.services.bulk import post_bulk
from points.services.closing import close_month
from points.services.corrections import clawback, reverse
from points.services.due import activate, expire_due, is_anything_due, settle
from points.services.notices import notice_days, require_notice
from points.services.pending import activate_entry, cancel_pending
from points.services.posting import adjust, post
from points.services.spending import burn, capture, hold, void
from points.services.transfers import transfer

__all__ = [
    "activate",
    "activate_entry",
    "adjust",
    "announce_expiring",
    "announce_portion",
    "approve_adjustment",
    "burn",
    "cancel_pending",
    "capture",
    "clawback",
    "close_month",
    "expire_due",
    "freeze",
    "hold",
    "is_anything_due",
    "lock_account",
    "lock_members",
    "may_announce",
    "merge",
    "notice_days",
    "open_account",
    "post",
    "post_bulk",
    "reject_adjustment",
    "request_adjustment",
    "request_reversal",
    "require_notice",
    "reverse",
    "settle",
    "transfer",
    "unfreeze",
    "void",
]
