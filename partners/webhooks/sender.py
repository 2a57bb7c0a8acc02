"""One attempt over HTTP: kept-alive connections, public addresses only, no redirects, 15 seconds."""

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from partners.webhooks.addresses import is_public

TIMEOUT_S = 15.0
KEPT_BYTES = 20_480
KEEPALIVE_S = 60.0
RESOLVER_THREADS = 64
MAX_ERROR = 500
USER_AGENT = "loyalty-webhooks/1"
DELIVERED, FAILED, BLOCKED = "delivered", "failed", "blocked"


class BlockedAddress(OSError):
    """The address is not public, so nothing was sent."""


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


class _PublicResolver(AbstractResolver):
    """Looks names up in threads of its own and leaves out addresses that are not public."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The public addresses of `host`. Raises BlockedAddress if it has others only."""
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        public = [info for info in infos if is_public(str(info[4][0]))]
        if not public:
            raise BlockedAddress(f"{host} leads to an address that is not public")
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=found,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _type, proto, _name, address in infos
            if is_public(str(address[0]))
        ]

    async def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: int) -> list[Any]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)


def _public_socket(info: Any) -> socket.socket:
    """The last gate: called with the very address that is about to be connected to."""
    family, kind, proto, _name, address = info
    if not is_public(str(address[0])):
        raise BlockedAddress(f"{address[0]} is not public")
    return socket.socket(family=family, type=kind, proto=proto)


class Sender:
    """Sessions to send with. `async with Sender() as sender:`"""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def __aenter__(self) -> Self:
        self._public = self._session(
            aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=KEEPALIVE_S,
                resolver=_PublicResolver(),
                ttl_dns_cache=10,
                socket_factory=_public_socket,
            )
        )
        self._local = self._session(aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(self._public.close(), self._local.close())

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        )

    async def send(
        self, url: URL, body: bytes, signature: dict[str, str], *, at: datetime, anywhere: bool
    ) -> Answer:
        """Post `body` and say what came back; never raises. `anywhere`: the brand allowed this host:port."""
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "accept-encoding": "identity",
            **signature,
        }
        began = time.perf_counter()
        answer = Answer(FAILED, at, 0, headers)
        session = self._local if anywhere else self._public
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                answer.status = response.status
                answer.headers = _headers(response)
                if 200 <= response.status < 300:
                    answer.outcome = DELIVERED
                else:
                    answer.error = f"HTTP {response.status}"
                answer.body = await _first(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Once the head of the answer is there it decides; a body that breaks off changes nothing.
            if answer.status is None:
                answer.outcome = BLOCKED if _blocked(error) else FAILED
                answer.error = _storable(_words(error))[:MAX_ERROR]
        answer.latency_ms = round((time.perf_counter() - began) * 1000)
        return answer


async def _first(response: aiohttp.ClientResponse) -> str:
    length = response.content_length
    if length is not None and length <= KEPT_BYTES:
        return _text(await response.read())
    chunks: list[bytes] = []
    size = 0
    while size < KEPT_BYTES:
        chunk = await response.content.read(KEPT_BYTES - size)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    if not response.content.at_eof():
        response.close()  # more than is wanted: this connection is not used again
    return _text(b"".join(chunks))


def _text(body: bytes) -> str:
    return _storable(body.decode(errors="replace"))


def _storable(text: str) -> str:
    """What Postgres takes for text: no NUL, and no halves of characters that a header may carry."""
    if text.isascii() and "\x00" not in text:
        return text
    whole = text.encode("utf-8", "backslashreplace").decode()
    return whole.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        if len(found) < 50:
            found[_storable(name.lower()[:100])] = _storable(value[:1000])
    return found


def _blocked(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, BlockedAddress):
            return True
        error = error.__cause__ or getattr(error, "os_error", None)
    return False


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, BlockedAddress):
        return str(error.os_error)
    return f"{type(error).__name__}: {error}"
