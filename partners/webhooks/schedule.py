"""When to try again (webhooks.md)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# Before each attempt, counted from the one before; the first is made at once.
DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
ATTEMPTS: Final = len(DELAYS)
JITTER: Final = 0.2
DISABLE_AFTER: Final = timedelta(days=5)
GONE: Final = 410
SLOW_DOWN: Final = frozenset({429, 502, 503, 504})
# How long an endpoint that asks for less is left alone when it does not say for how long.
PAUSE: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=24)


def next_attempt(
    attempts: int, now: datetime, *, jitter: float, retry_after: timedelta | None
) -> datetime | None:
    """When to try again after `attempts` failed ones, or None when that was the last.

    `jitter` lies between -1 and 1 and stands for ±20 %. A longer `Retry-After` is honoured up to a day.
    """
    if attempts >= ATTEMPTS:
        return None
    wait = DELAYS[attempts] * (1 + JITTER * jitter)
    if retry_after is not None:
        wait = max(wait, min(retry_after, LONGEST_WAIT))
    return now + wait


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """What `Retry-After` asks for, as seconds or as an HTTP date; None when it is missing or nonsense."""
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), int(LONGEST_WAIT.total_seconds())))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(timedelta(0), min(at - now, LONGEST_WAIT))
