"""E-mail through the platform's mail server, from the brand's own address. In a thread: it is not async."""

from __future__ import annotations

import asyncio
import smtplib
from typing import ClassVar

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from campaigns.channels.protocol import Answer, Outcome, Outgoing, Setup
from campaigns.channels.wire import Wire


class EmailClient:
    """One mail to one address. `Message-ID` is the message's own number, so that a mailbox sees repeats."""

    repeatable_s: ClassVar[int] = 0

    def __init__(self, setup: Setup, wire: Wire) -> None:
        self._from = str(setup.settings.get("from") or settings.DEFAULT_FROM_EMAIL)

    async def send(self, message: Outgoing) -> Answer:
        """Send one mail."""
        return await asyncio.to_thread(self._send, message)

    def _send(self, message: Outgoing) -> Answer:
        subject = " ".join(message.fields.get("subject", "").split())
        number = f"<{message.message_id}@{self._from.rpartition('@')[2].strip('> ') or 'localhost'}>"
        mail = EmailMessage(
            subject,
            message.fields.get("text", ""),
            self._from,
            [message.address],
            headers={"Message-ID": number},
        )
        try:
            return self._hand_over(mail, number)
        except smtplib.SMTPRecipientsRefused as error:
            return Answer(Outcome.REFUSED, "address_invalid", type(error).__name__)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused) as error:
            return Answer(Outcome.RETRY, "credentials", type(error).__name__, again_in_s=600.0)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Answer(Outcome.UNKNOWN, "no_answer", type(error).__name__)

    def _hand_over(self, mail: EmailMessage, number: str) -> Answer:
        connection = get_connection()
        try:
            connection.open()
        except smtplib.SMTPAuthenticationError:
            raise
        except (smtplib.SMTPException, OSError) as error:  # nothing of the mail has gone out yet
            return Answer(Outcome.RETRY, "unreachable_provider", type(error).__name__)
        try:
            connection.send_messages([mail])
        finally:
            connection.close()
        return Answer(Outcome.SENT, provider_id=number[:120])
