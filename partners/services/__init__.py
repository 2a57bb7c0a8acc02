"""Everything that writes about partners."""

from partners.services.keys import create_key, revoke_key

__all__ = ["create_key", "revoke_key"]
