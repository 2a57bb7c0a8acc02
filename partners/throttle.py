"""Requests per second of one API key, counted for all processes together in Redis (docs/adr/0030).

A process takes its share of a second from Redis in slices, so that a busy key costs one round trip for many
requests and the sum of all processes never exceeds the limit. Without Redis each process counts for itself.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.throttling import BaseThrottle

from loyalty.lib.database import connection
from partners.auth import Grant

SLICES = 50  # of the limit that a process takes at a time
TIMEOUT_S = 0.1
AFTER_FAILURE_S = 5.0
KEEP_S = 5
MAX_WINDOWS = 4096
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Window:
    """What this process may still give out of one second of one key."""

    second: int
    limit: int
    mine: int = 0
    left_for_all: int = 0


class _Counter:
    def __init__(self) -> None:
        self._windows: dict[tuple[str, UUID], _Window] = {}
        self._lock = Lock()
        self._client: Any = None
        self._away_until = 0.0

    def take(self, name: tuple[str, UUID], limit: int, now: float) -> tuple[bool, int]:
        """Whether one more request is within the limit of this second, and how many remain after it."""
        second = int(now)
        with self._lock:
            window = self._windows.get(name)
            if window is None or window.second != second or window.limit != limit:
                if len(self._windows) >= MAX_WINDOWS:
                    self._windows.clear()
                window = self._windows[name] = _Window(second, limit, left_for_all=limit)
            if window.mine == 0 and window.left_for_all > 0:
                self._refill(name, window)
            if window.mine == 0:
                return False, 0
            window.mine -= 1
            return True, window.mine + window.left_for_all

    def _refill(self, name: tuple[str, UUID], window: _Window) -> None:
        wanted = max(1, window.limit // SLICES)
        taken = self._taken(f"rate:{name[0]}:{name[1]}:{window.second}", wanted)
        if taken is None:  # no Redis: what this process knows of must do
            taken = window.limit - window.left_for_all + wanted
        window.mine = max(0, min(wanted, window.limit - (taken - wanted)))
        window.left_for_all = max(0, window.limit - taken)

    def _taken(self, key: str, wanted: int) -> int | None:
        """How many requests of this second all processes took so far, with the `wanted` ones, or None."""
        if time.monotonic() < self._away_until:
            return None
        try:
            if self._client is None:
                self._client = redis.Redis.from_url(
                    settings.REDIS_CACHE_URL,
                    socket_timeout=TIMEOUT_S,
                    socket_connect_timeout=TIMEOUT_S,
                    retry=Retry(NoBackoff(), 0),
                )
            pipeline = self._client.pipeline(transaction=False)
            pipeline.incrby(key, wanted)
            pipeline.expire(key, KEEP_S)
            return int(pipeline.execute()[0])
        except redis.RedisError as error:
            self._away_until = time.monotonic() + AFTER_FAILURE_S
            log.warning("rate_limit_without_redis", error=str(error))
            return None


_counter = _Counter()


class KeyThrottle(BaseThrottle):
    """Refuses what exceeds the key's requests per second; leaves the figures for the answer's headers."""

    def allow_request(self, request: Any, view: Any) -> bool:
        grant = request.auth
        if not isinstance(grant, Grant):
            return True
        now = time.time()
        allowed, remaining = _counter.take((str(connection.schema_name), grant.key_id), grant.rate_per_s, now)
        request.rate_limit = (grant.rate_per_s, remaining, 1)
        self._wait = 1.0 - now % 1.0
        return allowed

    def wait(self) -> float:
        """Seconds until the next window."""
        return min(self._wait, 0.99)
