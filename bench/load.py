"""A load of HTTP requests from one process: so many clients for so many seconds, answers counted."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class Outcome:
    """What came back: requests per second, statuses, latencies in milliseconds."""

    per_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The latency below which this share of the answers lies, in ms."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def run(
    url: str,
    *,
    clients: int,
    seconds: float,
    headers: dict[str, str],
    request: Callable[[int], tuple[str, str, Any]],
) -> Outcome:
    """Send what `request(number)` says (method, path, body) until the time is over."""
    return asyncio.run(_run(url, clients, seconds, headers, request))


async def _run(url: str, clients: int, seconds: float, headers: dict[str, str], request: Any) -> Outcome:
    outcome, numbers = Outcome(), itertools.count()
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        ends = time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < ends:
                method, path, body = request(next(numbers))
                data = None if body is None else json.dumps(body)
                began = time.perf_counter()
                async with session.request(method, url + path, data=data) as answer:
                    await answer.read()
                outcome.latencies.append((time.perf_counter() - began) * 1000)
                outcome.statuses[answer.status] += 1

        began = time.monotonic()
        await asyncio.gather(*(client() for _number in range(clients)))
        outcome.per_s = sum(outcome.statuses.values()) / (time.monotonic() - began)
    return outcome
