"""Everything that writes about members."""

from members.services.enrol import enrol, find, get, resolve_or_enrol, tag, untag, update
from members.services.merging import lock_pair, merge

__all__ = ["enrol", "find", "get", "lock_pair", "merge", "resolve_or_enrol", "tag", "untag", "update"]
