"""What waits in the queue: of each kind of task one a brand; a tick that was just asked is not asked again.

Workers take tasks in the order in which they came. So a brand with a backlog that is sent a task at each
tick would crowd the others out, and theirs would be dropped before their turn; as it is, each waits for
one portion of everybody else's. The marks stand in the cache and end by themselves. Without them, and while
the cache does not answer, more is sent than is needed, and nothing is lost.
"""

from __future__ import annotations

from typing import Any, Final

import redis
import structlog
from django.core.cache import cache
from tenant_schemas_celery.task import TenantTask

PERIOD: Final = "_period_s"
"""The header by which a tick says how often it comes."""
log = structlog.get_logger(__name__)


def enter(task: str, *, for_s: float) -> bool:
    """Whether no task of this name waits for the brand at hand; from now on one does, until it begins, for
    so many seconds at most."""
    return _mark(f"waiting:{task}", for_s)


def leave(task: str) -> None:
    """It begins: the next one may wait."""
    _drop(f"waiting:{task}")


def _mark(key: str, for_s: float) -> bool:
    try:
        return bool(cache.add(key, 1, timeout=for_s))
    except (redis.RedisError, OSError) as error:
        # The broker may well take the task: rather one too many than a brand without.
        log.warning("mark_not_made", key=key, reason=str(error))
        return True


def _drop(key: str) -> None:
    try:
        cache.delete(key)
    except (redis.RedisError, OSError) as error:
        log.warning("mark_not_dropped", key=key, reason=str(error))


class Waiting(TenantTask):  # type: ignore[misc]
    """A task that leaves the queue when it begins; a tick that another beat asked just now does nothing."""

    abstract = True

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """In the worker, and in the brand's schema."""
        leave(self.name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, but a tick only once in half of its period, unless it failed or was cut off."""
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        period = self.request.get(PERIOD) or (self.request.headers or {}).get(PERIOD)
        if not period:
            return self.run(*args, **kwargs)
        tick = f"tick:{self.name}:{kwargs}"
        again = (self.request.delivery_info or {}).get("redelivered")
        if not _mark(tick, max(1, period // 2)) and not again:
            return None
        try:
            return self.run(*args, **kwargs)
        except BaseException:
            _drop(tick)
            raise
