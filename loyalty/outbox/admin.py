"""What happened, as partners are told."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, Operation, ValueFilter
from loyalty.lib.display import code, doer, pretty
from loyalty.lib.errors import Text
from loyalty.outbox import jobs, registry
from loyalty.outbox.models import Job, OutboxEvent


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


OUTCOMES: Mapping[str, Text] = {
    "judged": _("judged"),
    "recorded": _("recorded"),
    "returned": _("returned"),
    "repeated": _("known before"),
    "parked": _("parked until their order comes"),
    "failed": _("refused"),
}
"""How a step of a job ends, in words."""


def cancel(_admin: Any, _request: HttpRequest, job: Job, _data: dict[str, Any]) -> Text:
    """Begin nothing more of it."""
    jobs.cancel(job_id=job.pk, now=clock.now())
    return _("Cancelled. What was done stays done.")


@admin.register(Job)
class JobAdmin(EndlessPage):
    """Long work that callers asked for, newest first."""

    empty_words = _(
        "Batches of orders, simulations and other long work show here while they run, and afterwards."
    )

    list_display = ("kind_n", "status", "progress", "refused", "created_at", "finished_at")
    search_fields = ("=id",)
    search_help_text = _("The job's id")
    ordering = ("-id",)
    fields = (
        "kind_n", "status", "progress", "outcomes", "problem",
        "asker", "created_at", "started_at", "finished_at",
    )  # fmt: skip
    readonly_fields = ("kind_n", "progress", "outcomes", "asker")
    operations = (
        Operation(
            "cancel",
            _("Cancel"),
            _("What was done stays done, and nothing more of it is begun. It cannot be taken up again."),
            "outbox.cancel_job",
            cancel,
            icon="cancel",
            danger=True,
            shown=lambda job: job.status in jobs.UNFINISHED,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Without what jobs found out, which may be large."""
        found: QuerySet[Job] = super().get_queryset(request).defer("result")
        return found

    @display(description=_("kind"))
    def kind_n(self, job: Job) -> str:
        """What kind of work, in words."""
        return job.called

    @display(description=_("asked by"))
    def asker(self, job: Job) -> str:
        """Who asked for it."""
        return doer(job.asked_by) or "–"

    @display(description=_("progress"))
    def progress(self, job: Job) -> str:
        """Steps done of all; console.js keeps those of a job that runs up to date."""
        steps = f"{number_format(job.done)} / {number_format(job.total)}"
        if job.status not in jobs.UNFINISHED:
            return steps
        return format_html('<span id="job-{}" data-running="{}">{}</span>', job.pk, job.status, steps)

    @display(description=_("refused"))
    def refused(self, job: Job) -> str:
        """How many steps were refused."""
        return number_format(job.counts.get("failed", 0))

    @display(description=_("counts"))
    def outcomes(self, job: Job) -> str:
        """How many steps ended how."""
        return (
            " · ".join(f"{OUTCOMES.get(how, how)}: {number_format(n)}" for how, n in job.counts.items())
            or "–"
        )
