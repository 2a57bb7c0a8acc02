"""Short links: which message was clicked, and where the click leads; and no more of it. A link cannot be made
up or changed, nor one kind made of the other."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

from campaigns.models import Message, MessageTemplateVersion
from loyalty.lib.database import connection
from tenants import hosts
from tenants.context import current_brand

SEAL_BYTES: Final = 8
CLICK, UNSUBSCRIBE = "message-link", "message-unsubscribe"


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the links of messages on one of the brand's hosts."""

    base: str

    def click(self, message_id: UUID) -> str:
        """Where the message leads, noting the click."""
        return f"{self.base}/m/{token(message_id)}"

    def unsubscribe(self, message_id: UUID) -> str:
        """Where its member says that they want no more of this."""
        return f"{self.base}/unsubscribe/{token(message_id, UNSUBSCRIBE)}"


def maker() -> Maker:
    """What makes a message's links on the brand's main host. Call it before a transaction begins."""
    host = next(iter(hosts.of_brand(current_brand())), "")
    port = "" if settings.PRODUCTION or settings.TEST else f":{settings.PORT}"
    return Maker(f"{settings.PUBLIC_URL_SCHEME}://{host}{port}")


def token(message_id: UUID, kind: str = CLICK) -> str:
    """The message's number, sealed for the current brand: 32 letters that stand in a URL as they are."""
    return base64.urlsafe_b64encode(message_id.bytes + _seal(kind, message_id.bytes)).decode()


def read(text: str, kind: str = CLICK) -> UUID | None:
    """The message of a link's token; None for one that this brand did not make, or of another kind."""
    try:
        raw = base64.urlsafe_b64decode(text.encode())
    except ValueError:
        return None
    if len(raw) != 16 + SEAL_BYTES or not hmac.compare_digest(raw[16:], _seal(kind, raw[:16])):
        return None
    return UUID(bytes=raw[:16])


def follow(*, message_id: UUID, now: datetime) -> str | None:
    """Note the first click; returns where the link leads, or None where that is not allowed (any more)."""
    message = Message.objects.filter(pk=message_id).first()
    if message is None:
        return None
    version = MessageTemplateVersion.objects.get(template=message.template_id, version=message.version)
    target = str(version.body.get("link") or "")
    if not allowed(target, hosts_allowed()):
        return None
    Message.objects.filter(pk=message_id, clicked_at__isnull=True).update(clicked_at=now)
    return target


def hosts_allowed() -> frozenset[str]:
    """The hosts that links of the current brand may lead to. Call it before a transaction begins."""
    brand = current_brand()
    others = [str(host).lower() for host in brand.setting("message_link_hosts")]
    return frozenset([*hosts.of_brand(brand), *others])


def allowed(url: Any, known: frozenset[str]) -> bool:
    """Whether a link may lead there: a path of the brand's own host, or https to a host that is `known`."""
    if not isinstance(url, str) or not url or not url.isprintable() or "\\" in url:
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme != "https" or parts.username is not None:
        return False
    return (parts.hostname or "") in known


def _seal(kind: str, raw: bytes) -> bytes:
    name = f"{kind}:{connection.schema_name}"
    return salted_hmac(name, raw, algorithm="sha256").digest()[:SEAL_BYTES]
