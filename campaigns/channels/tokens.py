"""Access tokens of WeChat and WeCom: one a brand and app, shared by all processes, renewed when refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cryptography.fernet import InvalidToken
from django.core.cache import cache

from loyalty.lib import crypto

Fetch = Callable[[bool], Awaitable[tuple[str, int]]]
"""Gets a token and its seconds to live from the provider; forced = a new one even if the old one lives."""
# A token is not used to its very end.
MARGIN_S: Final = 300


class NoToken(Exception):
    """The provider gives no token; `reason` and `detail` say why."""

    def __init__(self, reason: str, detail: str, *, lasting: bool) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.lasting = reason, detail, lasting


class Token:
    """The token of one app. The cache is the brand's own (its keys carry the schema) and holds it sealed."""

    def __init__(self, key: str, fetch: Fetch) -> None:
        self._key, self._fetch = f"channel-token:{key}", fetch
        self._lock = asyncio.Lock()
        self._value = ""

    async def get(self, refused: str = "") -> str:
        """A token; another one than `refused`, if the provider has just refused that. Raises NoToken.

        Many sends may be refused at once: one of them asks for a new token, the others take it.
        """
        async with self._lock:
            if self._value and self._value != refused:
                return self._value
            kept = self._kept()
            if kept and kept != refused:
                self._value = kept
                return kept
            value, lives_s = await self._fetch(False)
            if value == refused:
                value, lives_s = await self._fetch(True)
            self._value = value
            if lives_s > MARGIN_S:
                cache.set(self._key, crypto.seal(value), lives_s - MARGIN_S)
            return value

    def _kept(self) -> str:
        sealed = cache.get(self._key)
        try:
            return crypto.unseal(sealed) if sealed else ""
        except InvalidToken:
            return ""
