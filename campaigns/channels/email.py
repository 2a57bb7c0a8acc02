"""E-mail through the platform's mail server (`EMAIL_URL`, SMTP), from the brand's own address.

In a thread: SMTP is not async here. One connection a mail, so that of a broken one it is known which mail is
in doubt. Marketing carries the headers by which mailboxes show a button to unsubscribe (RFC 2369, RFC 8058);
the mail server's DKIM signature has to cover them.
"""

from __future__ import annotations

import asyncio
import smtplib
from contextlib import suppress
from typing import Any, ClassVar, Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from campaigns.channels.protocol import Answer, Outcome, Outgoing, Setup, said
from campaigns.channels.wire import Wire

AGAIN_S: Final = 600.0
LONGEST_LINE: Final = 990
"""RFC 5322 allows 998."""
STOP: Final = {"zh-hans": "退订", "en": "Unsubscribe"}


def body_of(message: Outgoing) -> str:
    """The text of a mail as it arrives: below it, in marketing, where to unsubscribe."""
    text = message.fields.get("text", "")
    if not message.unsubscribe:
        return text
    return f"{text}\n\n{STOP.get(message.language, STOP['zh-hans'])}: {message.unsubscribe}"


class _Mail(EmailMessage):
    """A mail whose long headers stand in one line: some mailboxes miss what begins on the next one."""

    def message(self, **how: Any) -> Any:
        made: Any = super().message(**how)
        made.policy = made.policy.clone(max_line_length=LONGEST_LINE)
        return made


class EmailClient:
    """One mail to one address. `Message-ID` is the message's own number, so that a mailbox sees repeats."""

    repeatable_s: ClassVar[int] = 0

    def __init__(self, setup: Setup, wire: Wire) -> None:
        self._from = str(setup.settings.get("from") or settings.DEFAULT_FROM_EMAIL)

    async def send(self, message: Outgoing) -> Answer:
        """Send one mail."""
        return await asyncio.to_thread(self._send, message)

    def _send(self, message: Outgoing) -> Answer:
        try:
            mail, number = self._mail(message)
            connection = get_connection()
            try:
                connection.open()
            except smtplib.SMTPAuthenticationError as error:
                return Answer(Outcome.RETRY, "credentials", _said(error), again_in_s=AGAIN_S)
            except (smtplib.SMTPException, OSError) as error:  # nothing of the mail has gone out yet
                return Answer(Outcome.RETRY, "unreachable_provider", type(error).__name__)
            try:
                connection.send_messages([mail])
            finally:
                # What becomes of the farewell says nothing of the mail.
                with suppress(smtplib.SMTPException, OSError):
                    connection.close()
            return Answer(Outcome.SENT, provider_id=number[:120])
        except smtplib.SMTPRecipientsRefused as error:
            return _refused(*next(iter(error.recipients.values())), "address_invalid")
        except smtplib.SMTPSenderRefused as error:
            return Answer(Outcome.RETRY, "credentials", _said(error), again_in_s=AGAIN_S)
        except smtplib.SMTPDataError as error:
            return _refused(error.smtp_code, error.smtp_error, "provider_refused")
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Answer(Outcome.UNKNOWN, "no_answer", type(error).__name__)

    def _mail(self, message: Outgoing) -> tuple[EmailMessage, str]:
        number = f"<{message.message_id}@{self._from.rpartition('@')[2].strip('> ') or 'localhost'}>"
        headers = {"Message-ID": number}
        if message.unsubscribe:
            headers["List-Unsubscribe"] = f"<{message.unsubscribe}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        subject = " ".join(message.fields.get("subject", "").split())
        return _Mail(subject, body_of(message), self._from, [message.address], headers=headers), number


def _refused(code: int, words: bytes | str, reason: str) -> Answer:
    """A server's definite no, from which nothing has gone out: for now (4xx, greylisting too) or for good."""
    detail = said(code, words.decode(errors="replace") if isinstance(words, bytes) else words)
    if 400 <= code < 500:
        return Answer(Outcome.RETRY, "provider_busy", detail)
    return Answer(Outcome.REFUSED, reason, detail)


def _said(error: smtplib.SMTPResponseException) -> str:
    words = error.smtp_error
    return said(error.smtp_code, words.decode(errors="replace") if isinstance(words, bytes) else words)
