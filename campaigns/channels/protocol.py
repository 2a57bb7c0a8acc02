"""What every channel's client is given and answers.

A client goes over the network and knows nothing of the database. `repeatable_s` says for how long the
provider itself drops a message that was sent before under the same number: within it a message whose fate is
unknown may be sent again; 0 = it may not, and is marked `unknown` instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol


class Outcome(StrEnum):
    """What became of one attempt."""

    SENT = "sent"
    RETRY = "retry"
    """Not sent, and may go well later."""
    REFUSED = "refused"
    """Not sent, and never will be."""
    CONSENT_GONE = "consent_gone"
    """Not sent: the member does not allow it (any more)."""
    UNKNOWN = "unknown"
    """The connection broke after the message had gone out: it may or may not have arrived."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A channel that is switched on: what its client needs to send. `secrets` are in the clear: never log."""

    channel: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    brand: str = ""

    @property
    def app_id(self) -> str:
        """The app whose identities are the addresses; '' where the channel has none."""
        return str(self.settings.get("app_id", "")) if self.channel.startswith("wechat_") else ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message, written out: to whom, and the template's fields with their texts."""

    message_id: str
    address: str
    template_id: str
    fields: Mapping[str, str]
    language: str = "zh-hans"
    link: str = ""
    page: str = ""
    unsubscribe: str = ""
    """Where the recipient says that they want no more of this; empty where there is nothing to stop."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it, with a reason of ours and the provider's own words."""

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    provider_id: str = ""
    again_in_s: float | None = None


class Client(Protocol):
    """One channel of one brand, for one run of the sender."""

    repeatable_s: ClassVar[int]

    async def send(self, message: Outgoing) -> Answer:
        """Send one message. Raises nothing: whatever goes wrong is in the answer."""
        ...


def said(number: Any, words: Any) -> str:
    """The provider's number and words, cut to what is kept."""
    return f"{number} {words}"[:300]
