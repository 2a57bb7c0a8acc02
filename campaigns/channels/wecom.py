"""WeCom (企业微信): a message to a customer, put before the employee who knows them (`add_msg_template`).

The employee confirms it in WeCom; so `sent` here means: WeCom took it. WeCom limits what a customer may be
sent in a day by itself and names those it left out in `fail_list`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.conf import settings

from campaigns.channels.protocol import Answer, Outcome, Outgoing, Setup, said
from campaigns.channels.tokens import NoToken, Token
from campaigns.channels.wire import Doubtful, NothingSent, Wire, demand

TOKEN_REFUSED: Final = frozenset({40014, 42001, 41001})
BUSY: Final = frozenset({-1, 45009, 45033})
CREDENTIALS: Final = frozenset({40001, 40013, 48002, 60020})
AGAIN_S: Final = 600.0


class WecomClient:
    """Messages from the employee `sender` to customers known by their external_userid."""

    repeatable_s: ClassVar[int] = 0

    def __init__(self, setup: Setup, wire: Wire) -> None:
        self._setup, self._wire = setup, wire
        self._token = Token(f"wecom:{setup.settings.get('corp_id', '')}", self._new_token)

    async def send(self, message: Outgoing) -> Answer:
        """Send; a token that WeCom refuses is renewed once."""
        token, number = "", 0
        content: dict[str, Any] = {}
        try:
            for _attempt in range(2):
                token = await self._token.get(refused=token)
                status, content = await self._wire.call(
                    "POST",
                    f"{settings.WECOM_API_URL}/cgi-bin/externalcontact/add_msg_template",
                    params={"access_token": token},
                    json=self._body(message),
                )
                demand(status, content, "errcode", "msgid")
                number = int(content.get("errcode") or 0)
                if number not in TOKEN_REFUSED:
                    return _answer(number, content, message.address)
        except NoToken as error:
            return Answer(
                Outcome.RETRY, error.reason, error.detail, again_in_s=AGAIN_S if error.lasting else None
            )
        except NothingSent as error:
            return Answer(Outcome.RETRY, "unreachable_provider", str(error))
        except Doubtful as error:
            return Answer(Outcome.UNKNOWN, "no_answer", str(error))
        return Answer(Outcome.RETRY, "token_refused", said(number, content.get("errmsg", "")))

    def _body(self, message: Outgoing) -> dict[str, Any]:
        body: dict[str, Any] = {
            "chat_type": "single",
            "external_userid": [message.address],
            "text": {"content": message.fields.get("text", "")},
        }
        if self._setup.settings.get("sender"):
            body["sender"] = self._setup.settings["sender"]
        return body

    async def _new_token(self, _forced: bool) -> tuple[str, int]:
        asked = {
            "corpid": str(self._setup.settings.get("corp_id", "")),
            "corpsecret": self._setup.secrets.get("secret", ""),
        }
        try:
            _status, content = await self._wire.call(
                "GET", f"{settings.WECOM_API_URL}/cgi-bin/gettoken", params=asked
            )
        except (NothingSent, Doubtful) as error:
            raise NoToken("unreachable_provider", str(error), lasting=False) from None
        token = content.get("access_token")
        if not isinstance(token, str) or not token:
            number = int(content.get("errcode") or 0)
            detail = said(number, content.get("errmsg", ""))
            raise NoToken("credentials", detail, lasting=number not in BUSY)
        return token, int(content.get("expires_in") or 0)


def _answer(number: int, content: dict[str, Any], address: str) -> Answer:
    detail = said(number, content.get("errmsg", ""))
    if number == 0:
        if address in (content.get("fail_list") or ()):
            return Answer(Outcome.REFUSED, "address_invalid", detail)
        return Answer(Outcome.SENT, provider_id=str(content.get("msgid") or ""))
    if number in BUSY:
        return Answer(Outcome.RETRY, "provider_busy", detail)
    if number in CREDENTIALS:
        return Answer(Outcome.RETRY, "credentials", detail, again_in_s=AGAIN_S)
    if number in (40096, 84061):
        return Answer(Outcome.REFUSED, "address_invalid", detail)
    return Answer(Outcome.REFUSED, "provider_refused", detail)
