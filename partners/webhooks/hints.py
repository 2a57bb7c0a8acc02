"""Which brands have news, as committed transactions say in Redis (loyalty.outbox.news). Never the truth."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import redis.asyncio
import structlog

from loyalty.outbox import news

EVERY_S = 0.05
AFTER_FAILURE_S = 2.0
AT_ONCE = 1000
log = structlog.get_logger(__name__)


class Hints:
    """Takes brands' schema names out of the Redis set as they arrive."""

    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)

    async def arriving(self) -> AsyncIterator[set[str]]:
        """Sets of schema names, for ever. While Redis is away there are none, and polling must do."""
        well = True
        while True:
            try:
                names = cast("list[bytes]", await self._client.spop(news.KEY, AT_ONCE))  # type: ignore[misc]
            except (redis.RedisError, OSError) as error:
                if well:
                    log.warning("dispatcher_without_redis", error=str(error))
                well = False
                await asyncio.sleep(AFTER_FAILURE_S)
                continue
            if not well:
                log.info("dispatcher_with_redis_again")
            well = True
            if names:
                yield {name.decode() for name in names}
            await asyncio.sleep(EVERY_S)
