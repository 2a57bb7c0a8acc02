"""POST over HTTP/1.1 with kept-alive connections, and a gate that every new connection passes.

Parsing and framing are aiohttp's own (its connection protocol and C parser). Its session and request objects
are left out: they took more time than everything else a delivery needs (docs/adr/0032).
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import aiohappyeyeballs
from aiohttp import ClientConnectionError
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from partners.webhooks.addresses import is_public

KEPT_BYTES: Final = 20_480
IDLE_S: Final = 60.0
SWEEP_S: Final = 15.0
CONNECT_S: Final = 10.0
NAMES_KEPT_S: Final = 10.0
RESOLVER_THREADS: Final = 64
HAPPY_EYEBALLS_S: Final = 0.25


class BlockedAddress(OSError):
    """The address is not public, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart once: where to connect, and what each request to it begins with."""

    host: str
    port: int
    tls: bool
    anywhere: bool
    head: bytes

    @classmethod
    def of(cls, url: str, *, anywhere: bool) -> "Target":
        """`anywhere`: the brand allowed this host:port, public or not. Raises ValueError if it is no URL."""
        parsed = URL(url)
        if parsed.scheme not in ("http", "https") or parsed.raw_host is None or parsed.port is None:
            raise ValueError("not an http(s) URL")
        head = f"POST {parsed.raw_path_qs} HTTP/1.1\r\nhost: {parsed.host_port_subcomponent}\r\n"
        return cls(parsed.raw_host, parsed.port, parsed.scheme == "https", anywhere, head.encode("ascii"))


@dataclass(slots=True)
class Reply:
    """What came back; the body up to its first 20 kB. Without a status there was no answer at all."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class _Names:
    """A host's addresses, or their look-up under way."""

    task: "asyncio.Task[list[Any]]"
    until: float


class Wire:
    """Connections by target, each used by one request at a time. Belongs to one event loop; `close` it."""

    def __init__(self) -> None:
        self._idle: dict[Target, list[tuple[ResponseHandler, float]]] = {}
        self._names: dict[tuple[str, int], _Names] = {}
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="webhook-dns")
        self._tls: ssl.SSLContext | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def post(self, target: Target, headers: bytes, body: bytes, reply: Reply) -> None:
        """Send, and fill `reply` as the answer arrives: the head decides, the body may break off.

        A kept-alive connection that the other side had closed meanwhile is replaced by a new one, once.
        Raises OSError (BlockedAddress among them), aiohttp.ClientError and HttpProcessingError.
        """
        request = b"%b%bcontent-length: %d\r\n\r\n%b" % (target.head, headers, len(body), body)
        connection = self._kept(target)
        if connection is not None:
            try:
                await self._exchange(target, connection, request, reply)
            except (ClientConnectionError, ConnectionError):
                if reply.status is not None:
                    raise
            else:
                return
        await self._exchange(target, await self._connect(target), request, reply)

    def close(self) -> None:
        """Close what is idle and let the look-ups end."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for kept in self._idle.values():
            for connection, _since in kept:
                connection.close()
        self._idle.clear()
        for names in self._names.values():
            names.task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- one exchange ------------------------------------------------------------------------------------
    async def _exchange(
        self, target: Target, connection: ResponseHandler, request: bytes, reply: Reply
    ) -> None:
        try:
            connection.set_response_params(read_until_eof=True, auto_decompress=False)
            _transport(connection).write(request)
            message, payload = await connection.read()
            while 100 <= message.code < 200 and message.code != 101:
                message, payload = await connection.read()
            reply.headers, reply.status = message.headers, message.code
            size = 0
            while size < KEPT_BYTES and not payload.at_eof():
                chunk = await payload.read(KEPT_BYTES - size)
                reply.body += chunk
                size += len(chunk)
        except BaseException:
            connection.abort()
            raise
        if connection.should_close or not payload.is_eof():
            connection.close()
        else:
            self._keep(target, connection)

    # --- kept connections --------------------------------------------------------------------------------
    def _kept(self, target: Target) -> ResponseHandler | None:
        kept = self._idle.get(target)
        while kept:
            connection, _since = kept.pop()
            if connection.is_connected() and not connection.should_close:
                return connection
            connection.close()
        return None

    def _keep(self, target: Target, connection: ResponseHandler) -> None:
        self._idle.setdefault(target, []).append((connection, time.monotonic()))
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        oldest = time.monotonic() - IDLE_S
        for target, kept in list(self._idle.items()):
            for connection, since in kept:
                if since < oldest:
                    connection.close()
            still = [(c, since) for c, since in kept if since >= oldest and c.is_connected()]
            if still:
                self._idle[target] = still
            else:
                del self._idle[target]
        now = time.monotonic()
        self._names = {at: n for at, n in self._names.items() if n.until > now or not n.task.done()}
        self._sweeper = None
        if self._idle or self._names:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    # --- new connections ---------------------------------------------------------------------------------
    async def _connect(self, target: Target) -> ResponseHandler:
        loop = asyncio.get_running_loop()
        infos = await self._addresses(target.host, target.port)
        if not target.anywhere:
            infos = [info for info in infos if is_public(str(info[4][0]))]
            if not infos:
                raise BlockedAddress(f"{target.host} leads to an address that is not public")
        async with asyncio.timeout(CONNECT_S):
            sock = await aiohappyeyeballs.start_connection(
                infos,
                happy_eyeballs_delay=HAPPY_EYEBALLS_S,
                loop=loop,
                socket_factory=None if target.anywhere else _public_socket,
            )
            _made, connection = await loop.create_connection(
                lambda: ResponseHandler(loop),
                sock=sock,
                ssl=self._context() if target.tls else None,
                server_hostname=target.host.rstrip(".") if target.tls else None,
            )
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    async def _addresses(self, host: str, port: int) -> list[Any]:
        """What the host's name leads to; asked once for all who want to know, and kept for some seconds."""
        at = (host, port)
        names = self._names.get(at)
        if names is None or (names.task.done() and names.until < time.monotonic()):
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(loop.run_in_executor(self._threads, _look_up, host, port))
            names = self._names[at] = _Names(task, time.monotonic() + NAMES_KEPT_S)  # type: ignore[arg-type]
        return await asyncio.shield(names.task)


def _transport(connection: ResponseHandler) -> asyncio.Transport:
    if connection.transport is None:
        raise ConnectionResetError("the connection is closed")
    return connection.transport


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)


def _public_socket(info: Any) -> socket.socket:
    """The gate: called with the very address that is about to be connected to."""
    family, kind, proto, _name, address = info
    if not is_public(str(address[0])):
        raise BlockedAddress(f"{address[0]} is not public")
    return socket.socket(family=family, type=kind, proto=proto)
