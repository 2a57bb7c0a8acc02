"""Orders: recorded, returned, completed, cancelled, previewed.

Use as `from campaigns.services import orders`.
"""

from campaigns.services.orders.completing import (
    Answer,
    cancel_order,
    complete_due,
    complete_order,
    find,
    is_any_due,
)
from campaigns.services.orders.content import AHEAD, Content, parse, parse_correction
from campaigns.services.orders.correcting import correct_order
from campaigns.services.orders.previewing import preview_order
from campaigns.services.orders.recording import record_order
from campaigns.services.orders.returncontent import ReturnContent
from campaigns.services.orders.returncontent import parse as parse_return
from campaigns.services.orders.returning import (
    Returned,
    apply_waiting,
    drop_parked,
    parked_json,
    record_return,
)
from campaigns.services.orders.told import Told

__all__ = [
    "AHEAD",
    "Answer",
    "Content",
    "ReturnContent",
    "Returned",
    "Told",
    "apply_waiting",
    "cancel_order",
    "complete_due",
    "complete_order",
    "correct_order",
    "drop_parked",
    "find",
    "is_any_due",
    "parked_json",
    "parse",
    "parse_correction",
    "parse_return",
    "preview_order",
    "record_order",
    "record_return",
]
