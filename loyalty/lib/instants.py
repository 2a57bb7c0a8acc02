"""How instants are written: ISO 8601 in UTC, with Z."""

from datetime import UTC, datetime
from typing import overload


@overload
def text(at: datetime) -> str: ...
@overload
def text(at: None) -> None: ...


def text(at: datetime | None) -> str | None:
    """The instant as the API writes it; None stays None."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
