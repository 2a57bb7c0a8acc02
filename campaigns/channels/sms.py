"""Text messages through Alibaba Cloud (dysmsapi, version 2017-05-25), signed with ACS3-HMAC-SHA256.

The signature before the text and the template are registered with the provider; we send the template's
parameters. `OutId` comes back in the delivery report. The provider does not drop repeats.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

from django.conf import settings

from campaigns.channels.protocol import Answer, Outcome, Outgoing, Setup, said
from campaigns.channels.wire import Doubtful, NothingSent, Wire, demand
from loyalty.lib import clock

BUSY: Final = frozenset(
    {"isv.BUSINESS_LIMIT_CONTROL", "isp.SYSTEM_ERROR", "Throttling", "Throttling.User", "isp.GATEWAY_ERROR"}
)
CREDENTIALS: Final = frozenset(
    {
        "InvalidAccessKeyId.NotFound",
        "SignatureDoesNotMatch",
        "isp.RAM_PERMISSION_DENY",
        "isv.OUT_OF_SERVICE",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.ACCOUNT_ABNORMAL",
    }
)
REFUSED: Final = {
    "isv.MOBILE_NUMBER_ILLEGAL": "address_invalid",
    "isv.SMS_SIGNATURE_ILLEGAL": "template_refused",
    "isv.SMS_TEMPLATE_ILLEGAL": "template_refused",
    "isv.TEMPLATE_MISSING_PARAMETERS": "template_refused",
    "isv.INVALID_PARAMETERS": "template_refused",
    "isv.BLACK_KEY_CONTROL_LIMIT": "template_refused",
}
AGAIN_S: Final = 600.0


class SmsClient:
    """One text message to one number."""

    repeatable_s: ClassVar[int] = 0

    def __init__(self, setup: Setup, wire: Wire) -> None:
        self._setup, self._wire = setup, wire

    async def send(self, message: Outgoing) -> Answer:
        """Send one text message."""
        parameters = {name: text for name, text in message.fields.items() if name != "text"}
        query = {
            "PhoneNumbers": message.address.removeprefix("+86").lstrip("+"),
            "SignName": str(self._setup.settings.get("signature", "")),
            "TemplateCode": message.template_id,
            "TemplateParam": json.dumps(parameters, ensure_ascii=False),
            "OutId": message.message_id,
        }
        host = urlsplit(settings.SMS_API_URL).netloc
        headers = signed(
            query,
            host=host,
            key_id=str(self._setup.settings.get("access_key_id", "")),
            secret=self._setup.secrets.get("secret", ""),
            at=clock.now(),
        )
        try:
            status, content = await self._wire.call(
                "POST", f"{settings.SMS_API_URL}/", params=query, headers=headers
            )
            demand(status, content, "Code")
        except NothingSent as error:
            return Answer(Outcome.RETRY, "unreachable_provider", str(error))
        except Doubtful as error:
            return Answer(Outcome.UNKNOWN, "no_answer", str(error))
        return _answer(content)


def signed(
    query: Mapping[str, str], *, host: str, key_id: str, secret: str, at: datetime, nonce: str = ""
) -> dict[str, str]:
    """The headers of a call without a body, signed as the provider's V3 signature asks."""
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": host,
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": empty,
        "x-acs-date": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce or secrets.token_hex(16),
        "x-acs-version": "2017-05-25",
    }
    asked = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(query.items()))
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n{asked}\n{lines}\n{names}\n{empty}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(secret.encode(), f"ACS3-HMAC-SHA256\n{digest}".encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}"
    )
    return headers


def _answer(content: dict[str, Any]) -> Answer:
    code = str(content.get("Code", ""))
    detail = said(code, content.get("Message", ""))
    if code == "OK":
        return Answer(Outcome.SENT, provider_id=str(content.get("BizId") or ""))
    if code in BUSY:
        return Answer(Outcome.RETRY, "provider_busy", detail)
    if code in CREDENTIALS:
        return Answer(Outcome.RETRY, "credentials", detail, again_in_s=AGAIN_S)
    return Answer(Outcome.REFUSED, REFUSED.get(code, "provider_refused"), detail)
