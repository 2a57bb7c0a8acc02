"""HTTP for the channels: kept-alive connections, and errors told apart by whether anything went out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any

import aiohttp

TIMEOUT_S = 10.0
CONNECT_S = 3.0
CONNECTIONS = 64
# Shorter than servers keep a connection, so that one is rarely taken up while the other side closes it.
KEPT_S = 8.0


class NothingSent(Exception):
    """No connection came about, or the server said it took nothing: it is safe to try again."""


class Doubtful(Exception):
    """The request went out and no usable answer came back."""


class Wire:
    """One session for one run. Use it as an async context manager, in one event loop."""

    def __init__(self, *, trust_env: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._trust_env, self._timeout_s = trust_env, timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Wire:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_S),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=CONNECT_S),
            trust_env=self._trust_env,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, url: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """The status and the JSON object that were answered. Raises NothingSent, Doubtful.

        Errors name their kind only: the address holds tokens.
        """
        assert self._session is not None
        try:
            async with self._session.request(method, url, allow_redirects=False, **more) as response:
                body = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise NothingSent(type(error).__name__) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Doubtful(type(error).__name__) from None
        if response.status in (429, 503):
            raise NothingSent(f"HTTP {response.status}")
        if response.status >= 500:
            raise Doubtful(f"HTTP {response.status}")
        try:
            content = json.loads(body)
        except ValueError:
            raise Doubtful(f"HTTP {response.status}, not JSON") from None
        if not isinstance(content, dict):
            raise Doubtful(f"HTTP {response.status}, no object")
        return response.status, content


def demand(status: int, content: Mapping[str, Any], *names: str) -> None:
    """That the answer is the provider's own: it holds one of `names`. A proxy in between answers JSON, too.

    Raises NothingSent where the status says that nothing was taken, else Doubtful.
    """
    if any(content.get(name) is not None for name in names):
        return
    if 300 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT:
        raise NothingSent(f"HTTP {status}, not from the provider")
    raise Doubtful(f"HTTP {status}, not from the provider")
