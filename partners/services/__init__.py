"""Everything that writes about partners."""

from partners.services.endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    forget_deleted,
    resend,
    rotate_secret,
)
from partners.services.keys import create_key, revoke_key
from partners.services.recoveries import recover

__all__ = [
    "change_endpoint",
    "create_endpoint",
    "create_key",
    "delete_endpoint",
    "forget_deleted",
    "recover",
    "resend",
    "revoke_key",
    "rotate_secret",
]
