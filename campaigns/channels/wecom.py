"""WeCom (企业微信): a message to a customer, put before the employee who knows them (`add_msg_template`).

The employee confirms it in WeCom; so `sent` here means: WeCom took it. WeCom limits what a customer may be
sent in a day by itself and names those it left out in `fail_list`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from campaigns.channels.protocol import Answer, Outcome, Outgoing, said
from campaigns.channels.tencent import AGAIN_S, TokenClient

CREDENTIALS: Final = frozenset({40001, 40013, 48002, 60020})
ADDRESS_INVALID: Final = frozenset({40096, 84061})


class WecomClient(TokenClient):
    """Messages from the employee `sender` to customers known by their external_userid."""

    token_refused = frozenset({40014, 42001, 41001})
    busy = frozenset({-1, 45009, 45033})

    def _token_name(self) -> str:
        return f"wecom:{self._setup.settings.get('corp_id', '')}"

    async def _post(self, message: Outgoing, token: str) -> tuple[int, dict[str, Any]]:
        url = f"{settings.WECOM_API_URL}/cgi-bin/externalcontact/add_msg_template"
        return await self._wire.call("POST", url, params={"access_token": token}, json=self._body(message))

    def _body(self, message: Outgoing) -> dict[str, Any]:
        body: dict[str, Any] = {
            "chat_type": "single",
            "external_userid": [message.address],
            "text": {"content": message.fields.get("text", "")},
        }
        if self._setup.settings.get("sender"):
            body["sender"] = self._setup.settings["sender"]
        return body

    def _answer(self, number: int, content: Mapping[str, Any], message: Outgoing) -> Answer:
        detail = said(number, content.get("errmsg", ""))
        if number == 0:
            if message.address in (content.get("fail_list") or ()):
                return Answer(Outcome.REFUSED, "address_invalid", detail)
            return Answer(Outcome.SENT, provider_id=str(content.get("msgid") or ""))
        if number in self.busy:
            return Answer(Outcome.RETRY, "provider_busy", detail)
        if number in CREDENTIALS:
            return Answer(Outcome.RETRY, "credentials", detail, again_in_s=AGAIN_S)
        if number in ADDRESS_INVALID:
            return Answer(Outcome.REFUSED, "address_invalid", detail)
        return Answer(Outcome.REFUSED, "provider_refused", detail)

    async def _ask_token(self, forced: bool) -> dict[str, Any]:
        asked = {
            "corpid": str(self._setup.settings.get("corp_id", "")),
            "corpsecret": self._setup.secrets.get("secret", ""),
        }
        url = f"{settings.WECOM_API_URL}/cgi-bin/gettoken"
        _status, content = await self._wire.call("GET", url, params=asked)
        return content
