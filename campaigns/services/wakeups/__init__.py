"""Wake-ups: decided on, sent out in runs, and what came of them."""

from campaigns.services.wakeups.comingback import look_at_orders, may_find_any, pay_due, take_back_due
from campaigns.services.wakeups.deciding import (
    approve,
    cancel,
    create,
    find,
    may_cancel,
    reject,
    submit,
    templates,
    update,
)
from campaigns.services.wakeups.offers import open_offers
from campaigns.services.wakeups.reaching import Reached, reached
from campaigns.services.wakeups.report import report
from campaigns.services.wakeups.running import facts_of, run_batch, run_due, start_due

__all__ = [
    "Reached",
    "approve",
    "cancel",
    "create",
    "facts_of",
    "find",
    "look_at_orders",
    "may_cancel",
    "may_find_any",
    "open_offers",
    "pay_due",
    "reached",
    "reject",
    "report",
    "run_batch",
    "run_due",
    "start_due",
    "submit",
    "take_back_due",
    "templates",
    "update",
]
