"""The pages of wake-ups: the form, what it will say to a member, its runs, and the way to its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from campaigns.models import MessageTemplate, Wakeup
from campaigns.services import segments, wakeups
from campaigns.services.messages import templating, texts
from loyalty.console.audiences import sizes
from loyalty.console.audiences.channelwords import channel_name
from loyalty.console.audiences.steps import COLOURS, DecidedPage, state_of, steps
from loyalty.console.audiences.wakeupform import WEEKDAYS, WakeupForm
from loyalty.console.messagepages import arrival
from loyalty.lib import clock, words
from loyalty.lib.console import Facts, PageLink
from loyalty.lib.display import Status, code, instant, number
from loyalty.lib.errors import Invalid
from members.models import Member
from points import selectors as points


class WakeupPage(DecidedPage):
    """A message to a segment, at its times."""

    empty_words = gettext_lazy(
        "A wake-up writes to everybody of a segment, once or again and again, and shows who came back."
    )

    form = WakeupForm
    list_display = ("title", "state", "segment", "channel_words", "schedule", "next_run_at", "reached")
    list_filter = ("status", "channel")
    list_select_related = ("segment",)
    search_fields = ("code",)
    search_named = ("name",)
    search_help_text = gettext_lazy("Name or code")
    ordering = ("-created_at", "-id")
    readonly_fields = (
        "state", "code_n", "segment", "channel_words", "schedule", "next_run_at", "holdout_percent",
        "repeat_days", "return_days", "task_points", "task_days", "task_min_spend", "task_budget",
        "task_spent", "submitter", "approver", "note",
    )  # fmt: skip
    change_form_after_template = "console/audiences/wakeup_after.html"
    links = (
        PageLink(
            gettext_lazy("Report"),
            "admin:wakeup_report",
            "campaigns.view_wakeup",
            icon="query_stats",
            shown=lambda wakeup: wakeup.runs.exists(),
        ),
    )
    operations = steps(
        wakeups,
        "wakeup",
        cancel_words=gettext_lazy("Cancel the wake-up"),
        size=sizes.of_wakeup,
        cancelled=gettext_lazy(
            "No more messages are queued, and those that no sender has taken yet are withdrawn."
        ),
        may_cancel=wakeups.may_cancel,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wakeup]:
        """With the runs, for the list."""
        found: QuerySet[Wakeup] = super().get_queryset(request)
        return found.prefetch_related("runs")

    def has_change_permission(self, request: HttpRequest, obj: Wakeup | None = None) -> bool:
        """Only a draft is changed."""
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or (obj.status == Wakeup.Status.DRAFT and len(obj.variants) <= 2))

    def get_fieldsets(self, request: HttpRequest, obj: Wakeup | None = None) -> Any:
        """Whom and what, when, and how it is measured; of what was decided the same to be read."""
        if obj is not None and not self.has_change_permission(request, obj):
            task: tuple[Any, ...] = ()
            if obj.task_points:
                task = (("task_points", "task_days", "task_min_spend"), ("task_budget", "task_spent"))
            return [
                (
                    None,
                    {
                        "fields": (
                            ("state", "code_n"),
                            ("segment", "channel_words"),
                            "schedule",
                            "next_run_at",
                        )
                    },
                ),
                (_("Measured"), {"fields": (("holdout_percent", "return_days"), "repeat_days", *task)}),
                (_("Decided"), {"fields": (("submitter", "approver"), "note")}),
            ]
        names: tuple[Any, ...] = (("name_zh", "name_en"),)
        head = (*names, "code") if obj is None else (("state", "code_n"), *names)
        return [
            (None, {"fields": head}),
            (
                _("Whom, and what"),
                {"fields": (("segment", "channel"), ("template_a", "template_b"), "share_b")},
            ),
            (_("When"), {"fields": ("every", ("at", "time_of_day"), "weekdays", ("ends_at", "repeat_days"))}),
            (_("Measured"), {"fields": (("holdout_percent", "return_days"),)}),
            (
                _("Points for coming back"),
                {"fields": (("task_points", "task_days"), ("task_min_spend", "task_budget"))},
            ),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Wakeup | None = None) -> tuple[str, ...]:
        """Nothing computed on an empty page; of a draft only its state."""
        if obj is None:
            return ()
        return ("state", "code_n") if self.has_change_permission(request, obj) else self.readonly_fields

    def panels(self, request: HttpRequest, obj: Wakeup) -> Mapping[str, Any]:
        """What it says to one member, and its runs."""
        return {
            **super().panels(request, obj),
            "samples": samples(obj),
            "runs": list(obj.runs.order_by("-number")[:20]),
        }

    def size(self, obj: Wakeup) -> Facts:
        """Members, consent, reach."""
        return sizes.of_wakeup(obj)

    @display(description=gettext_lazy("name"))
    def title(self, wakeup: Wakeup) -> str:
        """In the language of the page."""
        return str(wakeup)

    @display(description=gettext_lazy("code"), ordering="code")
    def code_n(self, wakeup: Wakeup) -> SafeString:
        """Its name for ever."""
        return code(wakeup.code)

    @display(description=gettext_lazy("status"), label=dict(COLOURS), ordering="status")
    def state(self, wakeup: Wakeup) -> Status:
        """The state, coloured."""
        return state_of(wakeup)

    @display(description=gettext_lazy("channel"), ordering="channel")
    def channel_words(self, wakeup: Wakeup) -> str:
        """The channel in words."""
        return channel_name(wakeup.channel)

    @display(description=gettext_lazy("when"))
    def schedule(self, wakeup: Wakeup) -> str:
        """The schedule in words."""
        if wakeup.time_of_day is None:
            return instant(wakeup.at) if wakeup.at else _("as soon as it is decided")
        days = [str(name) for key, name in WEEKDAYS if key in wakeup.weekdays]
        told = ", ".join(days) if days else str(wakeup.get_every_display())
        return f"{told} {wakeup.time_of_day:%H:%M}"

    @display(description=gettext_lazy("members"))
    def reached(self, wakeup: Wakeup) -> SafeString:
        """How many members its runs went through."""
        return number(sum(run.audience for run in wakeup.runs.all()) or None)


def samples(wakeup: Wakeup) -> list[dict[str, Any]]:
    """What each variant says to the newest member of the segment, or why it says nothing."""
    member, problem = _somebody(wakeup)
    found = []
    for row in wakeup.variants:
        template = wakeups.templates(wakeup).get(row["code"])
        said = {"variant": row["code"], "share": row["share"], "name": row["template"], "fields": ()}
        if template is not None:
            said["name"] = words.pick(template.name) or template.code
        if template is not None and member is not None:
            said |= _text(template, wakeup, member)
        found.append({"member": member, "problem": problem, **said})
    return found


def _somebody(wakeup: Wakeup) -> tuple[Member | None, str]:
    try:
        found = segments.preview(definition=wakeup.segment.definition, now=clock.now())
    except Invalid:
        return None, _("The segment no longer holds: what it names is gone.")
    return (found.members[0], "") if found.members else (None, _("Nobody is in the segment just now."))


def _text(template: MessageTemplate, wakeup: Wakeup, member: Member) -> dict[str, Any]:
    now = clock.now()
    available = points.account_view(member.pk, now).available
    facts = wakeups.facts_of(wakeup, member, available, now)
    try:
        said = templating.preview(template=template, channel=wakeup.channel, member=member, facts=facts)
    except texts.FactMissing as missing:
        return {"missing": str(missing)}
    return {
        "fields": arrival.shown(wakeup.channel, said, marketing=True),
        "note": arrival.note(wakeup.channel, marketing=True),
    }
