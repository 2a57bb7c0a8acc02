"""WeChat: subscription messages of a mini-program, template messages of an official account.

One subscription message uses up one consent of the member; WeChat counts them, too, and answers 43101 when
none is left. A template message carries `client_msg_id`: for ten minutes WeChat sends it once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final

from django.conf import settings

from campaigns.channels.protocol import Answer, Outcome, Outgoing, Setup, said
from campaigns.channels.tokens import NoToken, Token
from campaigns.channels.wire import Doubtful, NothingSent, Wire, demand

TOKEN_REFUSED: Final = frozenset({40001, 40014, 41001, 42001})
BUSY: Final = frozenset({-1, 45011})
QUOTA_USED: Final = frozenset({45009})
CREDENTIALS: Final = frozenset({40013, 40125, 40164, 48001, 50002})
CREDENTIALS_AGAIN_S, QUOTA_AGAIN_S = 600.0, 3600.0
REFUSED: Final = {
    40003: "address_invalid",
    43004: "not_following",
    43101: "consent_gone",
    40037: "template_refused",
    41030: "template_refused",
    47003: "template_refused",
}
LANGUAGES: Final = {"zh-hans": "zh_CN", "en": "en_US"}


class _Wechat(ABC):
    """What both have in common: the token, and WeChat's way to answer."""

    repeatable_s: ClassVar[int] = 0
    path: ClassVar[str]

    def __init__(self, setup: Setup, wire: Wire) -> None:
        self._setup, self._wire = setup, wire
        self._token = Token(f"wechat:{setup.app_id}", self._new_token)

    async def send(self, message: Outgoing) -> Answer:
        """Send; a token that WeChat refuses is renewed once."""
        token = ""
        try:
            for _attempt in range(2):
                token = await self._token.get(refused=token)
                content = await self._post(self.path, message, token)
                number = int(content.get("errcode") or 0)
                if number not in TOKEN_REFUSED:
                    return _answer(number, content)
        except NoToken as error:
            return Answer(
                Outcome.RETRY,
                error.reason,
                error.detail,
                again_in_s=CREDENTIALS_AGAIN_S if error.lasting else None,
            )
        except NothingSent as error:
            return Answer(Outcome.RETRY, "unreachable_provider", str(error))
        except Doubtful as error:
            return Answer(Outcome.UNKNOWN, "no_answer", str(error))
        return Answer(Outcome.RETRY, "token_refused", said(number, content.get("errmsg", "")))

    async def _post(self, path: str, message: Outgoing, token: str) -> dict[str, Any]:
        url = f"{settings.WECHAT_MESSAGE_API_URL}{path}"
        status, content = await self._wire.call(
            "POST", url, params={"access_token": token}, json=self._body(message)
        )
        demand(status, content, "errcode", "msgid")
        return content

    @abstractmethod
    def _body(self, message: Outgoing) -> dict[str, Any]:
        """What WeChat is asked to send, in the words of `path`."""

    async def _new_token(self, forced: bool) -> tuple[str, int]:
        asked = {
            "grant_type": "client_credential",
            "appid": self._setup.app_id,
            "secret": self._setup.secrets.get("secret", ""),
            "force_refresh": forced,
        }
        try:
            _status, content = await self._wire.call(
                "POST", f"{settings.WECHAT_MESSAGE_API_URL}/cgi-bin/stable_token", json=asked
            )
        except (NothingSent, Doubtful) as error:
            # Nothing of the message has gone out yet.
            raise NoToken("unreachable_provider", str(error), lasting=False) from None
        token = content.get("access_token")
        if not isinstance(token, str) or not token:
            number = int(content.get("errcode") or 0)
            detail = said(number, content.get("errmsg", ""))
            raise NoToken("credentials", detail, lasting=number not in BUSY)
        return token, int(content.get("expires_in") or 0)


class SubscribeClient(_Wechat):
    """Subscription messages of a mini-program."""

    path = "/cgi-bin/message/subscribe/send"

    def _body(self, message: Outgoing) -> dict[str, Any]:
        body: dict[str, Any] = {
            "touser": message.address,
            "template_id": message.template_id,
            "data": {name: {"value": text} for name, text in message.fields.items()},
            "miniprogram_state": self._setup.settings.get("state") or "formal",
            "lang": LANGUAGES.get(message.language, "zh_CN"),
        }
        if message.page:
            body["page"] = message.page
        return body


class OfficialClient(_Wechat):
    """Template messages of an official account. WeChat keeps `client_msg_id` for ten minutes."""

    repeatable_s = 600
    path = "/cgi-bin/message/template/send"

    def _body(self, message: Outgoing) -> dict[str, Any]:
        body: dict[str, Any] = {
            "touser": message.address,
            "template_id": message.template_id,
            "data": {name: {"value": text} for name, text in message.fields.items()},
            "client_msg_id": message.message_id,
        }
        if message.link:
            body["url"] = message.link
        return body


def _answer(number: int, content: dict[str, Any]) -> Answer:
    detail = said(number, content.get("errmsg", ""))
    if number == 0:
        return Answer(Outcome.SENT, provider_id=str(content.get("msgid") or ""))
    if number == 43101:
        return Answer(Outcome.CONSENT_GONE, "consent_gone", detail)
    if number in BUSY:
        return Answer(Outcome.RETRY, "provider_busy", detail)
    if number in QUOTA_USED:
        return Answer(Outcome.RETRY, "quota_used", detail, again_in_s=QUOTA_AGAIN_S)
    if number in CREDENTIALS:
        return Answer(Outcome.RETRY, "credentials", detail, again_in_s=CREDENTIALS_AGAIN_S)
    return Answer(Outcome.REFUSED, REFUSED.get(number, "provider_refused"), detail)
