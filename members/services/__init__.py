"""Everything that writes about members."""

from members.services.enrol import enrol, find, get, resolve_or_enrol, update

__all__ = ["enrol", "find", "get", "resolve_or_enrol", "update"]
