"""Everything that writes about partners."""

from partners.services.batches import ask_for_batch, forget_batches
from partners.services.batches import is_any_old as is_any_batch_old
from partners.services.endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    forget_deleted,
    is_any_gone,
    resend,
    rotate_secret,
)
from partners.services.keys import create_key, revoke_key
from partners.services.recoveries import recover

__all__ = [
    "ask_for_batch",
    "change_endpoint",
    "create_endpoint",
    "create_key",
    "delete_endpoint",
    "forget_batches",
    "forget_deleted",
    "is_any_batch_old",
    "is_any_gone",
    "recover",
    "resend",
    "revoke_key",
    "rotate_secret",
]
