"""What the text messages' provider tells: replies (退订 is an opt-out) and delivery reports.

Each may come twice or late: an opt-out that stands is not written again, a delivery is noted once.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.crypto import salted_hmac

from campaigns.models import Channel, Message
from loyalty.lib import ids
from loyalty.lib.database import connection
from members import identities
from members.models import Identity
from members.services import consents

STOP: Final = frozenset({"TD", "T", "N", "R", "QX", "STOP", "UNSUBSCRIBE"})
STOP_WORDS: Final = ("退订", "取消订阅", "拒收")
PURPOSE: Final = "marketing.sms"


def secret() -> str:
    """What the provider's calls carry in their address, as they are not signed. Differs by brand."""
    return salted_hmac("sms-callbacks", connection.schema_name, algorithm="sha256").hexdigest()[:32]


def is_secret(text: str) -> bool:
    """Whether a call may come from the provider."""
    return hmac.compare_digest(text.encode(), secret().encode())


def asks_to_stop(text: str) -> bool:
    """Whether a reply means: no more of this."""
    plain = text.strip().upper()
    return plain in STOP or any(word in plain for word in STOP_WORDS)


def replied(*, replies: Iterable[Mapping[str, Any]], now: datetime) -> int:
    """Take replies to text messages; returns how many members opted out of marketing by text message."""
    stopped = 0
    for reply in replies:
        number = identities.phone(str(reply.get("phone_number", "")))
        if number is None or not asks_to_stop(str(reply.get("content", ""))):
            continue
        owner = Identity.objects.filter(provider="phone", app_id="", subject=number).first()
        if owner is not None:
            consents.say(
                member_id=owner.member_id,
                purpose=PURPOSE,
                version="reply",
                granted=False,
                source="sms_reply",
                now=now,
            )
            stopped += 1
    return stopped


def reported(*, reports: Iterable[Mapping[str, Any]], now: datetime) -> int:
    """Take delivery reports by our own number (`out_id`); returns how many messages changed.

    A report may be here before what was sent is recorded, which is done for a whole batch: it settles the
    message, and the record passes it over.
    """
    changed = 0
    for report in reports:
        message_id: UUID | None = ids.parse(str(report.get("out_id", "")))
        if message_id is None:
            continue
        found = Message.objects.filter(
            pk=message_id,
            channel=Channel.SMS,
            status__in=(Message.Status.SENDING, Message.Status.SENT, Message.Status.UNKNOWN),
        )
        if report.get("success") is True:
            changed += found.update(
                status=Message.Status.DELIVERED, delivered_at=now, reason="", lease_until=None
            )
        else:
            said = f"{report.get('err_code', '')} {report.get('err_msg', '')}"[:300]
            changed += found.update(
                status=Message.Status.FAILED, reason="not_delivered", detail=said, lease_until=None
            )
    return changed
