"""What WeChat and WeCom have in common: an access token with each call, and answers by number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from campaigns.channels.protocol import Answer, Outcome, Outgoing, Setup, said
from campaigns.channels.tokens import NoToken, Token
from campaigns.channels.wire import Doubtful, NothingSent, Wire, demand

AGAIN_S = 600.0
"""After credentials that are not accepted."""


class TokenClient(ABC):
    """A client that sends with a token. `token_refused` and `busy` are the provider's numbers for a token
    that it does not take, and for: later."""

    repeatable_s: ClassVar[int] = 0
    token_refused: ClassVar[frozenset[int]]
    busy: ClassVar[frozenset[int]]

    def __init__(self, setup: Setup, wire: Wire) -> None:
        self._setup, self._wire = setup, wire
        self._token = Token(self._token_name(), self._new_token)

    async def send(self, message: Outgoing) -> Answer:
        """Send; a token that the provider refuses is renewed once."""
        token, number = "", 0
        content: Mapping[str, Any] = {}
        try:
            for _attempt in range(2):
                token = await self._token.get(refused=token)
                status, content = await self._post(message, token)
                demand(status, content, "errcode", "msgid")
                number = int(content.get("errcode") or 0)
                if number not in self.token_refused:
                    return self._answer(number, content, message)
        except NoToken as error:
            wait = AGAIN_S if error.lasting else None
            return Answer(Outcome.RETRY, error.reason, error.detail, again_in_s=wait)
        except NothingSent as error:
            return Answer(Outcome.RETRY, "unreachable_provider", str(error))
        except Doubtful as error:
            return Answer(Outcome.UNKNOWN, "no_answer", str(error))
        return Answer(Outcome.RETRY, "token_refused", said(number, content.get("errmsg", "")))

    @abstractmethod
    def _token_name(self) -> str:
        """The name under which the app's token is shared."""

    @abstractmethod
    async def _post(self, message: Outgoing, token: str) -> tuple[int, dict[str, Any]]:
        """Ask the provider to send. Raises NothingSent, Doubtful."""

    @abstractmethod
    def _answer(self, number: int, content: Mapping[str, Any], message: Outgoing) -> Answer:
        """What an answer that is none about the token means."""

    @abstractmethod
    async def _ask_token(self, forced: bool) -> dict[str, Any]:
        """Ask for a token, `forced` for a new one. Raises NothingSent, Doubtful."""

    async def _new_token(self, forced: bool) -> tuple[str, int]:
        try:
            content = await self._ask_token(forced)
        except (NothingSent, Doubtful) as error:
            # Nothing of the message has gone out yet.
            raise NoToken("unreachable_provider", str(error), lasting=False) from None
        token = content.get("access_token")
        if not isinstance(token, str) or not token:
            number = int(content.get("errcode") or 0)
            detail = said(number, content.get("errmsg", ""))
            raise NoToken("credentials", detail, lasting=number not in self.busy)
        return token, int(content.get("expires_in") or 0)
