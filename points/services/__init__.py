"""Every write to the ledger. Use as `from points import services as points`."""

from __future__ import annotations

from points.services.accounts import freeze, lock_account, open_account, unfreeze
from points.services.approvals import approve_adjustment, reject_adjustment, request_adjustment
from points.services.corrections import clawback, reverse
from points.services.due import activate, announce_expiring, expire_due, settle
from points.services.posting import adjust, post
from points.services.spending import burn, capture, hold, void
from points.services.transfers import transfer

__all__ = [
    "activate",
    "adjust",
    "announce_expiring",
    "approve_adjustment",
    "burn",
    "capture",
    "clawback",
    "expire_due",
    "freeze",
    "hold",
    "lock_account",
    "open_account",
    "post",
    "reject_adjustment",
    "request_adjustment",
    "reverse",
    "settle",
    "transfer",
    "unfreeze",
    "void",
]
