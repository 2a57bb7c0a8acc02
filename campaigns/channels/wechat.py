"""WeChat: subscription messages of a mini-program, template messages of an official account.

One subscription message uses up one consent of the member; WeChat counts them, too, and answers 43101 when
none is left. A template message carries `client_msg_id`: for ten minutes WeChat sends it once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.conf import settings

from campaigns.channels.protocol import Answer, Outcome, Outgoing, said
from campaigns.channels.tencent import AGAIN_S, TokenClient

QUOTA_USED: Final = frozenset({45009})
CREDENTIALS: Final = frozenset({40013, 40125, 40164, 48001, 50002})
QUOTA_AGAIN_S: Final = 3600.0
REFUSED: Final = {
    40003: "address_invalid",
    43004: "not_following",
    43101: "consent_gone",
    40037: "template_refused",
    41030: "template_refused",
    47003: "template_refused",
}
LANGUAGES: Final = {"zh-hans": "zh_CN", "en": "en_US"}


class _Wechat(TokenClient):
    """What both have in common: the token, and WeChat's way to answer."""

    token_refused = frozenset({40001, 40014, 41001, 42001})
    busy = frozenset({-1, 45011})
    path: ClassVar[str]

    def _token_name(self) -> str:
        return f"wechat:{self._setup.app_id}"

    async def _post(self, message: Outgoing, token: str) -> tuple[int, dict[str, Any]]:
        url = f"{settings.WECHAT_MESSAGE_API_URL}{self.path}"
        return await self._wire.call("POST", url, params={"access_token": token}, json=self._body(message))

    @abstractmethod
    def _body(self, message: Outgoing) -> dict[str, Any]:
        """What WeChat is asked to send, in the words of `path`."""

    def _answer(self, number: int, content: Mapping[str, Any], message: Outgoing) -> Answer:
        detail = said(number, content.get("errmsg", ""))
        if number == 0:
            return Answer(Outcome.SENT, provider_id=str(content.get("msgid") or ""))
        if number == 43101:
            return Answer(Outcome.CONSENT_GONE, "consent_gone", detail)
        if number in self.busy:
            return Answer(Outcome.RETRY, "provider_busy", detail)
        if number in QUOTA_USED:
            return Answer(Outcome.RETRY, "quota_used", detail, again_in_s=QUOTA_AGAIN_S)
        if number in CREDENTIALS:
            return Answer(Outcome.RETRY, "credentials", detail, again_in_s=AGAIN_S)
        return Answer(Outcome.REFUSED, REFUSED.get(number, "provider_refused"), detail)

    async def _ask_token(self, forced: bool) -> dict[str, Any]:
        asked = {
            "grant_type": "client_credential",
            "appid": self._setup.app_id,
            "secret": self._setup.secrets.get("secret", ""),
            "force_refresh": forced,
        }
        url = f"{settings.WECHAT_MESSAGE_API_URL}/cgi-bin/stable_token"
        _status, content = await self._wire.call("POST", url, json=asked)
        return content


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
