"""Campaigns: composed, decided, started and ended at their time, and held within their budget."""

from campaigns.services.campaigns.budgets import count, is_behind
from campaigns.services.campaigns.deciding import approve, reject, start, submit, withdraw
from campaigns.services.campaigns.steering import end, pause, resume
from campaigns.services.campaigns.turning import turn_due
from campaigns.services.campaigns.writing import change, create, faults

__all__ = [
    "approve",
    "change",
    "count",
    "create",
    "end",
    "faults",
    "is_behind",
    "pause",
    "reject",
    "resume",
    "start",
    "submit",
    "turn_due",
    "withdraw",
]
