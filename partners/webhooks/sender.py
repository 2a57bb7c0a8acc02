"""One attempt: signed, sent, and whatever came of it put into words. Redirects are not followed."""

import asyncio
import time
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


class Sender:
    """What attempts are made with. `async with Sender() as sender:`"""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        self._wire = Wire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.close()

    async def send(self, target: Target, body: bytes, signature: dict[str, str], *, at: datetime) -> Answer:
        """Post `body` and say what came back; never raises."""
        began = time.perf_counter()
        headers = "".join(f"{name}: {value}\r\n" for name, value in signature.items()).encode()
        answer = Answer(FAILED, at, 0, {**_COMMON, **signature})
        reply = Reply()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._wire.post(target, _COMMON_BYTES + headers, body, reply)
        except (ClientError, HttpProcessingError, OSError, ValueError) as error:
            # Once the head of the answer is there it decides; a body that breaks off changes nothing.
            if reply.status is None:
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
