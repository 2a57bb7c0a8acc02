"""One attempt: signed, sent, and whatever came of it put into words. Redirects are not followed."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from aiohttp import ClientError
from aiohttp.http_exceptions import HttpProcessingError

from partners.webhooks.wire import BlockedAddress, Reply, Target, Wire

TIMEOUT_S: Final = 15.0
MAX_ERROR: Final = 500
MAX_HEADERS, MAX_HEADER_NAME, MAX_HEADER = 50, 100, 1000
USER_AGENT: Final = "loyalty-webhooks/1"
DELIVERED, FAILED, BLOCKED = "delivered", "failed", "blocked"
_COMMON: Final = {
    "content-type": "application/json",
    "user-agent": USER_AGENT,
    "accept-encoding": "identity",
}
_COMMON_BYTES: Final = "".join(f"{name}: {value}\r\n" for name, value in _COMMON.items()).encode()


@dataclass(slots=True)
class Answer:
    """What came of one attempt. `status` None: no answer; `error` says why it failed."""

    outcome: str
    at: datetime
    latency_ms: int
    request_headers: dict[str, str]
    status: int | None = None
    headers: dict[str, str] | None = None
    body: str = ""
    error: str = ""


class _Deadlines:
    """Ends attempts that take too long. One timer for all: one for each took a fifth of the time."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._every_s = min(0.25, after_s / 4)
        self._running: deque[_Running] = deque()  # all take the same time at most, so the oldest is first
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> "_Running":
        """Watch the current task until `done` is set; past its time it is cancelled, and `late` says so."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        running = _Running(task, loop.time() + self._after_s)
        self._running.append(running)
        if self._timer is None:
            self._timer = loop.call_later(self._every_s, self._look)
        return running

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._running and (self._running[0].done or self._running[0].until <= now):
            running = self._running.popleft()
            if not running.done:
                running.late = True
                running.task.cancel()
        self._timer = loop.call_later(self._every_s, self._look) if self._running else None


@dataclass(slots=True)
class _Running:
    task: "asyncio.Task[object]"
    until: float
    done: bool = False
    late: bool = False


class Sender:
    """What attempts are made with. `async with Sender() as sender:`"""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._deadlines = _Deadlines(timeout_s)

    async def __aenter__(self) -> Self:
        self._wire = Wire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.close()
        self._wire.close()

    async def send(self, target: Target, body: bytes, signature: dict[str, str], *, at: datetime) -> Answer:
        """Post `body` and say what came back; never raises."""
        began = time.perf_counter()
        headers = "".join(f"{name}: {value}\r\n" for name, value in signature.items()).encode()
        answer = Answer(FAILED, at, 0, {**_COMMON, **signature})
        reply = Reply()
        running = self._deadlines.watch()
        error: BaseException | None = None
        try:
            await self._wire.post(target, _COMMON_BYTES + headers, body, reply)
        except asyncio.CancelledError:
            if not running.late:
                raise
            running.task.uncancel()
            error = TimeoutError()
        except (ClientError, HttpProcessingError, OSError, ValueError) as raised:
            error = raised
        finally:
            running.done = True
        # Once the head of the answer is there it decides; a body that breaks off changes nothing.
        if error is not None and reply.status is None:
            answer.outcome = BLOCKED if isinstance(error, BlockedAddress) else FAILED
            answer.error = storable(_words(error))[:MAX_ERROR]
        if reply.status is not None:
            answer.status = reply.status
            answer.headers = _headers(reply.headers)
            answer.body = storable(reply.body.decode(errors="replace"))
            if 200 <= reply.status < 300:
                answer.outcome = DELIVERED
            else:
                answer.error = f"HTTP {reply.status}"
        answer.latency_ms = round((time.perf_counter() - began) * 1000)
        return answer


def storable(text: str) -> str:
    """What Postgres takes for text: no NUL, and no halves of characters that a header may carry."""
    if text.isascii() and "\x00" not in text:
        return text
    whole = text.encode("utf-8", "backslashreplace").decode()
    return whole.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in given.items():
        if len(found) < MAX_HEADERS:
            found[storable(name.lower()[:MAX_HEADER_NAME])] = storable(value[:MAX_HEADER])
    return found


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, BlockedAddress):
        return str(error)
    return f"{type(error).__name__}: {error}"
