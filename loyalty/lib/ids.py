"""Identifiers: UUID version 7, time-ordered so that indexes grow at one end.

The order of ids is a tie-breaker and nothing more: time is read from columns, never off an id.
"""

from uuid import UUID, SafeUUID

import uuid_utils
import uuid_utils.compat


def new() -> UUID:
    """A new UUIDv7 (RFC 9562, section 5.7)."""
    return uuid_utils.compat.uuid7()


def text() -> str:
    """A new UUIDv7 in its canonical form, for where no UUID object is needed."""
    return str(uuid_utils.uuid7())


def parse(text: str) -> UUID | None:
    """The UUID that `text` spells in its canonical form, or None."""
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def known(text: str) -> UUID:
    """The UUID that the database spelt, without the questions that UUID(text) asks of a stranger's."""
    found = object.__new__(UUID)
    object.__setattr__(found, "int", int(text.replace("-", ""), 16))
    object.__setattr__(found, "is_safe", SafeUUID.unknown)
    return found
