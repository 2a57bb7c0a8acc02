"""A load of HTTP requests from one process: so many clients for so many seconds, answers counted."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.calls import Call


@dataclass
class Outcome:
    """What came back: requests per second, statuses, latencies in milliseconds.

    `own_share` is the part of one CPU that the sender itself took: near 1 the sender was what was measured.
    """

    per_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    own_share: float = 0.0

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
    request: Callable[[int], Call],
    per_s: float | None = None,
) -> Outcome:
    """Send what `request(number)` says until the time is over.

    `per_s`: no more than that many a second, evenly; a latency then counts from the moment at which the
    request was due, whether a client was free or not.
    """
    return asyncio.run(_run(url, clients, seconds, headers, request, per_s))


async def _run(
    url: str, clients: int, seconds: float, headers: dict[str, str], request: Any, per_s: float | None
) -> Outcome:
    outcome, numbers = Outcome(), itertools.count()
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        began, own = time.monotonic(), time.process_time()

        async def client() -> None:
            while time.monotonic() < began + seconds:
                number = next(numbers)
                due = time.monotonic()
                if per_s is not None:
                    due = began + number / per_s
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                call = request(number)
                key = {"Idempotency-Key": call.key} if call.key else None
                async with session.request(
                    call.method, url + call.path, data=call.body, headers=key
                ) as answer:
                    await answer.read()
                outcome.latencies.append((time.monotonic() - due) * 1000)
                outcome.statuses[answer.status] += 1

        await asyncio.gather(*(client() for _number in range(clients)))
        taken = time.monotonic() - began
        outcome.per_s = sum(outcome.statuses.values()) / taken
        outcome.own_share = (time.process_time() - own) / taken
    return outcome
