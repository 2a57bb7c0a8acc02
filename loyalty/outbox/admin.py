"""What happened, as partners are told."""

from collections.abc import Sequence

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.lib.console import EndlessPage, ValueFilter
from loyalty.lib.display import code, pretty
from loyalty.outbox import registry
from loyalty.outbox.models import OutboxEvent


class TypeFilter(ValueFilter):
    """By type of event."""

    title = _("type")
    parameter_name = "type"

    def values(self) -> Sequence[str]:
        """All declared types."""
        return list(registry.event_types())


@admin.register(OutboxEvent)
class OutboxEventAdmin(EndlessPage):
    """Events, newest first."""

    list_display = ("type", "occurred_at", "position", "event_id")
    search_fields = ("=id", "=member_id")
    search_help_text = _("The event's id (webhook-id) or the member's id")
    list_filter = (TypeFilter,)
    ordering = ("-position",)
    fields = ("type", "event_id", "occurred_at", "created_at", "position", "member_seq", "content")
    readonly_fields = ("event_id", "content")

    @display(description=_("id"))
    def event_id(self, event: OutboxEvent) -> SafeString:
        """The event's id, which is also its `webhook-id`."""
        return code(event.pk)

    @display(description=_("content"))
    def content(self, event: OutboxEvent) -> SafeString:
        """What webhooks and pollers get."""
        return pretty(event.payload)
