"""The log of messages: what was sent to whom, by which channel, what became of it, and why not."""

from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.models import Message, MessageTemplate, Wakeup, WakeupRun
from campaigns.services.messages import inbox
from loyalty.console.messagepages.reasons import reason
from loyalty.lib import words
from loyalty.lib.console import EndlessPage
from loyalty.lib.display import LABELS, Status, link, pretty, status
from members.models import Member
from members.selectors import found_by


def latest_messages(member_id: UUID, limit: int) -> list[Message]:
    """A member's latest messages, with `name` and `why` in words."""
    rows = Message.objects.select_related("template").filter(member_id=member_id)
    found = list(rows.order_by("-queued_at", "-id")[:limit])
    for row in found:
        row.name = words.pick(row.template.name) or row.template.code  # type: ignore[attr-defined]
        row.why = reason(row.reason)  # type: ignore[attr-defined]
    return found


class OfTemplate(SimpleListFilter):
    """Messages of one template, by its name."""

    title = _("message template")
    parameter_name = "template"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Each template as operators call it."""
        found = MessageTemplate.objects.order_by("code")
        return [(str(each.pk), words.pick(each.name) or each.code) for each in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """The messages of the one that was chosen."""
        chosen = next((key for key, _name in self.lookup_choices if key == self.value()), None)
        return queryset.filter(template_id=UUID(chosen)) if chosen else queryset


class OfWakeup(SimpleListFilter):
    """Messages of one wake-up, all its runs together: as its report leads here."""

    title = _("wake-up")
    parameter_name = "wakeup"
    listed = 30

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The latest that went out, and the one that was asked for."""
        sent = Wakeup.objects.filter(runs__isnull=False).distinct().order_by("-created_at", "-pk")
        latest = {str(each.pk): str(each) for each in sent[: self.listed]}
        asked = request.GET.get(self.parameter_name, "")
        if asked and asked not in latest and _is_uuid(asked):
            latest |= {str(each.pk): str(each) for each in sent.filter(pk=asked)}
        return list(latest.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """The messages of its runs; of one that never went out none."""
        asked = self.value()
        if not asked:
            return queryset
        if asked not in dict(self.lookup_choices):
            return queryset.none()
        runs = list(WakeupRun.objects.filter(wakeup_id=UUID(asked)).values_list("pk", flat=True))
        return queryset.filter(wakeup_id__in=runs)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class MessagePage(EndlessPage):
    """Messages, the newest first; `member__id__exact` shows those of one member."""

    list_display = ("queued_at", "who", "about", "by", "state", "why", "clicked_at", "returned_at")
    list_filter = ("status", "channel", "purpose", OfTemplate, OfWakeup)
    list_select_related = ("member", "template")
    search_fields = ("=occasion",)
    search_help_text = _("Phone, card number, order number or id of the member; or the occasion")
    ordering = ("-queued_at", "-id")
    fields = (
        ("who", "state"),
        ("about", "version"),
        ("by", "purpose"),
        "why",
        "detail",
        "text",
        ("queued_at", "due_at"),
        ("sent_at", "delivered_at"),
        ("clicked_at", "returned_at"),
        ("attempts", "provider_id"),
        "occasion",
        "said",
    )
    readonly_fields = ("who", "state", "about", "by", "why", "text", "said")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """Messages of the members who are meant, or of one occasion."""
        term = search_term.strip()
        if not term:
            return queryset, False
        members = Member.objects.filter(found_by(term)).values_list("pk", flat=True)
        found = list(members)
        return (queryset.filter(member__in=found) if found else queryset.filter(occasion=term)), False

    @display(description=_("member"))
    def who(self, message: Message) -> SafeString | str:
        """To whom."""
        return link(message.member)

    @display(description=_("message"))
    def about(self, message: Message) -> str:
        """The template's name."""
        return words.pick(message.template.name) or message.template.code

    @display(description=_("channel"))
    def by(self, message: Message) -> str:
        """How."""
        return str(message.get_channel_display())

    @display(description=_("status"), label=LABELS)
    def state(self, message: Message) -> Status:
        """The status, coloured."""
        return status(message)

    @display(description=_("why"), empty_value="–")
    def why(self, message: Message) -> str | None:
        """Why it waits, was not sent, or failed."""
        return reason(message.reason) or None

    @display(description=_("text"))
    def text(self, message: Message) -> str:
        """As the member has it, or would."""
        title, text = inbox.written(message, message.member)
        return f"{title}: {text}" if title else text or "–"

    @display(description=_("facts"))
    def said(self, message: Message) -> SafeString:
        """What the text is filled with."""
        return pretty(message.facts)
