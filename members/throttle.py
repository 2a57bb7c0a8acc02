"""How often one member, or one address that is not signed in, may call: counted in Redis by the minute."""

import time
from typing import Any

import structlog
from django.core.cache import cache
from rest_framework.throttling import BaseThrottle

WINDOW_S = 60
log = structlog.get_logger(__name__)


class _PerMinute(BaseThrottle):
    """Fixed windows of a minute. Without Redis nobody is refused: a limit is a courtesy, not a lock."""

    limit: int

    def who(self, request: Any) -> str | None:
        """Whose calls are counted; None: they are not."""
        return None

    def allow_request(self, request: Any, view: Any) -> bool:
        name = self.who(request)
        if name is None:
            return True
        now = time.time()
        window = int(now) // WINDOW_S
        self._wait = (window + 1) * WINDOW_S - now
        try:
            count = _count(f"rate:{name}:{window}")
        except Exception as error:  # noqa: BLE001 - the cache's backends share no class of errors
            log.warning("rate_limit_without_redis", error=str(error))
            return True
        request.rate_limit = (self.limit, max(0, self.limit - count), int(self._wait) + 1)
        return count <= self.limit

    def wait(self) -> float:
        """Seconds until the next window."""
        return self._wait


class MemberThrottle(_PerMinute):
    """One member's calls, over all their devices."""

    limit = 600

    def who(self, request: Any) -> str | None:
        member_id = getattr(request.user, "member_id", None)
        return f"member:{member_id}" if member_id else None


class SignInThrottle(_PerMinute):
    """Calls of one address that is not signed in; many members may share it behind a carrier's gateway."""

    limit = 600

    def who(self, request: Any) -> str | None:
        return f"address:{self.get_ident(request)}"


def _count(key: str) -> int:
    if cache.add(key, 1, timeout=2 * WINDOW_S):
        return 1
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out between the two calls
        cache.set(key, 1, timeout=2 * WINDOW_S)
        return 1
