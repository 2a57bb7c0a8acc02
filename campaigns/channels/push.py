"""Push to the brand's own app through JPush, REST API v3.

JPush drops repeats by a `cid` that has to be drawn from its pool first; a message that is cut off between the
two calls would still not be safe to repeat without keeping it, so none is used and no repeat is sent.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar, Final

from django.conf import settings

from campaigns.channels.protocol import Answer, Outcome, Outgoing, Setup, said
from campaigns.channels.wire import Doubtful, NothingSent, Wire, demand

BUSY: Final = frozenset({1000, 1030, 2002, 2008})
CREDENTIALS: Final = frozenset({1004, 1020, 1021})
AGAIN_S: Final = 600.0


class PushClient:
    """Notifications to one registration id each."""

    repeatable_s: ClassVar[int] = 0

    def __init__(self, setup: Setup, wire: Wire) -> None:
        self._setup, self._wire = setup, wire

    async def send(self, message: Outgoing) -> Answer:
        """Send one notification."""
        key = str(self._setup.settings.get("app_key", ""))
        pair = f"{key}:{self._setup.secrets.get('secret', '')}".encode()
        title, text = message.fields.get("title", ""), message.fields.get("text", "")
        extras = {"message_id": message.message_id, "link": message.link}
        body: dict[str, Any] = {
            "platform": "all",
            "audience": {"registration_id": [message.address]},
            "notification": {
                "android": {"title": title, "alert": text, "extras": extras},
                "ios": {"alert": {"title": title, "body": text}, "extras": extras},
            },
        }
        try:
            status, content = await self._wire.call(
                "POST",
                f"{settings.PUSH_API_URL}/v3/push",
                json=body,
                headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"},
            )
            error = content.get("error")
            code = error.get("code") if isinstance(error, dict) else None
            demand(status, {"msg_id": content.get("msg_id"), "code": code}, "msg_id", "code")
        except NothingSent as error:
            return Answer(Outcome.RETRY, "unreachable_provider", str(error))
        except Doubtful as error:
            return Answer(Outcome.UNKNOWN, "no_answer", str(error))
        return _answer(content)


def _answer(content: dict[str, Any]) -> Answer:
    error = content.get("error") or {}
    number = int(error.get("code") or 0)
    detail = said(number, error.get("message", ""))
    if number == 0:
        return Answer(Outcome.SENT, provider_id=str(content.get("msg_id") or ""))
    if number in BUSY:
        return Answer(Outcome.RETRY, "provider_busy", detail)
    if number in CREDENTIALS:
        return Answer(Outcome.RETRY, "credentials", detail, again_in_s=AGAIN_S)
    if number == 1011:
        return Answer(Outcome.REFUSED, "address_invalid", detail)
    return Answer(Outcome.REFUSED, "provider_refused", detail)
