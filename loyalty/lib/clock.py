"""The one source of the current time. Everything below the API takes its time as an argument."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)


def now() -> datetime:
    """The current instant in UTC, or the one the clock was frozen at."""
    return _frozen.get() or datetime.now(UTC)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Within the block `now()` answers `at`. For tests and for replaying recorded facts.

    Raises ValueError if `at` has no offset.
    """
    if at.tzinfo is None:
        raise ValueError("the clock needs an instant with an offset")
    token = _frozen.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
