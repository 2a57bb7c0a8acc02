"""A member's consents on the page that care works with: what holds, who said so, and writing a word down.

What a member says on the phone is written down with the operator and what proves it (PIPL 14: by purpose and
version; 15: withdrawing is as easy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.models import Channel, Purpose, SubscriptionConsent
from campaigns.services.messages import subscriptions
from loyalty.lib import clock, words
from loyalty.lib.console import Operation, actor
from loyalty.lib.display import doer
from loyalty.lib.errors import Text
from members import selectors
from members.models import Consent, Member
from members.services import consents
from members.wording import source_words
from points.adminforms import OTHER, ReasonedForm

MARKETING: Final = "marketing"
SOURCE: Final = "console"
MAY: Final = "members.change_member"
SOURCES: Final[Mapping[str, Text]] = {
    SOURCE: gettext_lazy("console"),
    "unsubscribe_link": gettext_lazy("link to unsubscribe in a message"),
    "sms_reply": gettext_lazy("reply to a text message"),
    "mini-program": gettext_lazy("mini-program"),
}
HEARD: Final[Sequence[tuple[str, Text]]] = (
    (OTHER, gettext_lazy("other, as written below")),
    ("call", gettext_lazy("Said on the phone")),
    ("chat", gettext_lazy("Written in a chat")),
    ("letter", gettext_lazy("Written by e-mail or letter")),
    ("shop", gettext_lazy("Said or signed in a shop")),
)


@dataclass(frozen=True, slots=True)
class Word:
    """What a member said to one purpose."""

    purpose: str
    consent: Consent
    by: str


@dataclass(frozen=True, slots=True)
class Left:
    """How many subscription messages of one of WeChat's templates are still allowed, and which those are."""

    messages: str
    template_id: str
    remaining: int


@dataclass(frozen=True, slots=True)
class Consents:
    """What holds now by purpose, what was said before, and WeChat's counters."""

    current: Sequence[Word]
    earlier: Sequence[Word]
    asked: bool
    left: Sequence[Left]


def consents_of(member: Member) -> Consents:
    """All that the member said, the newest first; of each purpose the latest word is what holds."""
    current: dict[str, Word] = {}
    earlier = []
    for each in selectors.consents_of(member.pk):
        word = Word(purpose_words(each.purpose), each, _by(each))
        if each.purpose in current:
            earlier.append(word)
        else:
            current[each.purpose] = word
    shown = [current[name] for name in sorted(current)]
    return Consents(shown, earlier, MARKETING in current, _left(member.pk))


def purpose_words(purpose: str) -> str:
    """A purpose in words; partners name others as they like, and those stay as they are."""
    head, _dot, channel = purpose.partition(".")
    if head != MARKETING or (channel and channel not in Channel.values):
        return purpose
    said = capfirst(Purpose.MARKETING.label)
    return f"{said} · {Channel(channel).label}" if channel else str(said)


def _by(consent: Consent) -> str:
    source = str(SOURCES[consent.source]) if consent.source in SOURCES else source_words(consent.source)
    return f"{doer(consent.actor)} · {source}" if consent.actor else source


def _left(member_id: UUID) -> list[Left]:
    rows = list(SubscriptionConsent.objects.filter(member_id=member_id).order_by("template_id"))
    names = subscriptions.offered() if rows else {}
    return [
        Left(
            " · ".join(words.pick(name) for name in names.get(row.template_id, ())),
            row.template_id,
            row.remaining,
        )
        for row in rows
    ]


def _purposes() -> list[tuple[str, str]]:
    by_channel = [f"{MARKETING}.{channel}" for channel in Channel.values if channel != Channel.WEBHOOK]
    return [(name, purpose_words(name)) for name in (MARKETING, *by_channel)]


class WithdrawForm(ReasonedForm):
    """From what the member withdraws, and how it is known."""

    reasons = HEARD
    kept = gettext_lazy("How and when the member said so. Kept with the consent for ever, with your name.")
    field_order: Sequence[str] = ("purpose", "why", "reason")
    purpose = forms.ChoiceField(
        label=gettext_lazy("Purpose"),
        choices=_purposes,
        help_text=gettext_lazy("The one without a channel is all marketing."),
        widget=UnfoldAdminSelectWidget,
    )


class GiveForm(WithdrawForm):
    """To what the member agrees, in which version of the text, and what proves it."""

    field_order = ("purpose", "version", "why", "reason")
    version = forms.CharField(
        label=gettext_lazy("Version of the text agreed to"),
        max_length=40,
        help_text=gettext_lazy("Such as 2026-01; of the text that was read to the member or signed."),
        widget=UnfoldAdminTextInputWidget,
    )

    def clean(self) -> dict[str, Any]:
        """What proves a consent is written out: a kind of conversation alone proves nothing."""
        noted = str(self.cleaned_data.get("reason") or "").strip()
        data = super().clean()
        if not noted and "reason" not in self.errors:
            self.add_error("reason", _("Say what proves the consent: when, who, and where it is kept."))
        return data


def withdraw(_admin: Any, request: HttpRequest, member: Member, data: dict[str, Any]) -> str | None:
    """The member wants no more of it; in the version that they had spoken of last."""
    last = selectors.consents_of(member.pk).filter(purpose=data["purpose"]).first()
    return _say(request, member, data, version=last.version if last else SOURCE, granted=False)


def give(_admin: Any, request: HttpRequest, member: Member, data: dict[str, Any]) -> str | None:
    """The member agrees."""
    return _say(request, member, data, version=data["version"].strip(), granted=True)


def _say(
    request: HttpRequest, member: Member, data: dict[str, Any], *, version: str, granted: bool
) -> str | None:
    before = selectors.consents_of(member.pk).count()
    consents.say(
        member_id=member.pk,
        purpose=data["purpose"],
        version=version,
        granted=granted,
        source=SOURCE,
        actor=actor(request),
        note=data["reason"],
        now=clock.now(),
    )
    if selectors.consents_of(member.pk).count() == before:
        return _("It stood so already; nothing was written.")
    return None


OPERATIONS: Final = (
    Operation(
        "withdraw-consent",
        gettext_lazy("Record a withdrawal"),
        gettext_lazy("Nothing more is sent for this purpose from now on, also of what waits already."),
        MAY,
        withdraw,
        icon="unsubscribe",
        form=WithdrawForm,
        shown=lambda member: member.status == Member.Status.ACTIVE,
    ),
    Operation(
        "give-consent",
        gettext_lazy("Record a consent"),
        gettext_lazy("Only what the member said or signed themselves, with what proves it."),
        MAY,
        give,
        icon="how_to_reg",
        form=GiveForm,
        shown=lambda member: member.status == Member.Status.ACTIVE,
    ),
)
