"""Word of which brands have news, in a Redis set: an optimisation, never the truth.

A commit leaves the brand's name in this process, and a thread carries what has gathered to Redis a few times
a second. If Redis is away, or the process dies before, polling finds the events all the same.
"""

import os
import threading
from typing import Any

import redis
import structlog
from django.conf import settings

from loyalty.lib.database import own

KEY = "outbox:news"
CARRY_EVERY_S = 0.05
AFTER_FAILURE_S = 2.0
log = structlog.get_logger(__name__)


class _Carrier:
    """The thread of this process that takes gathered names to Redis; started by the first of them."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._started = False

    def add(self, name: str) -> None:
        if name in self._names:
            return  # not yet on its way, so it will tell of this commit too
        with self._lock:
            self._names.add(name)
            if not self._started:
                self._started = True
                threading.Thread(target=self._carry, name="outbox-news", daemon=True).start()
        self._some.set()

    def _carry(self) -> None:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
        pause = threading.Event()
        while True:
            self._some.wait()
            pause.wait(CARRY_EVERY_S)
            with self._lock:
                names, self._names = self._names, set()
                self._some.clear()
            try:
                client.sadd(KEY, *names)
            except redis.RedisError as error:
                log.debug("news_not_carried", error=str(error))
                pause.wait(AFTER_FAILURE_S)


_carrier = _Carrier()


def _anew() -> None:
    global _carrier  # noqa: PLW0603 - no thread survives a fork, and whoever had the lock may not either
    _carrier = _Carrier()


os.register_at_fork(after_in_child=_anew)


def after_commit(ours: Any = None) -> None:
    """Once the current transaction is committed, say that the current brand has news.

    `ours` is the connection (`own()`), from those who have it.
    """
    ours = ours or own()
    name = str(ours.schema_name)
    if ours.in_atomic_block:
        ours.on_commit(lambda: _carrier.add(name))
    else:
        _carrier.add(name)
