"""Campaigns in the console: the list with its budgets, the form, and what an operator does with one."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import selectors
from campaigns.campaignform import CampaignForm
from campaigns.models import Campaign, Rule
from campaigns.services import campaigns, submissions
from campaigns.services.campaigns import raising
from campaigns.services.campaigns.budgets import share
from campaigns.services.campaigns.turning import spans_of
from campaigns.wording import in_words
from loyalty.lib import clock
from loyalty.lib.console import Operation, PageLink, ServicePage, actor
from loyalty.lib.display import Colours, Status, code, doer, instant, money, plain, status
from loyalty.lib.errors import Text
from tenants.context import current_brand

COLOURS = Colours(
    {
        "draft": "warning",
        "pending_approval": "warning",
        "scheduled": "info",
        "running": "success",
        "paused": "warning",
        "stopped": "danger",
    }
)
SPANS_SHOWN = 12
STEPS_SHOWN = 50


class NoteForm(forms.Form):
    """Why."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class ReasonForm(forms.Form):
    """Why not."""

    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def _step(work: Callable[..., Campaign], told: Text) -> Callable[..., Text]:
    """An operation that takes one step in the campaign's life."""

    def run(_admin: Any, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> Text:
        work(code=campaign.code, actor=actor(request), now=clock.now(), **data)
        return told

    return run


def _in(*states: str) -> Callable[[Campaign], bool]:
    return lambda campaign: campaign.status in states


def budget_of(campaign: Campaign) -> dict[str, Any] | None:
    """How much of its budget a campaign gave, for a bar; None without a budget."""
    if campaign.budget_points is None and campaign.budget_amount is None:
        return None
    percent = int(share(campaign) * 100)
    tone = "over" if percent >= 100 else "near" if percent >= 80 else "fine"
    limits = []
    if campaign.budget_points is not None:
        limits.append(f"{plain(campaign.given_points)} / {plain(campaign.budget_points)}")
    if campaign.budget_amount is not None:
        currency = current_brand().currency
        limits.append(f"{_amount(campaign.given_amount)} / {_amount(campaign.budget_amount)} {currency}")
    return {"percent": percent, "width": min(percent, 100), "tone": tone, "text": " · ".join(limits)}


def _amount(value: Any) -> str:
    return f"{value:,.2f}"


class CampaignPage(ServicePage):
    """A campaign: what runs when, within which budget, and what became of it."""

    empty_words = _("A campaign lets rules run together for a time, within a budget.")

    form = CampaignForm
    list_display = ("title", "code_n", "kind", "state", "begins", "stops", "budget")
    list_display_links = ("title",)
    list_filter = ("status", "kind")
    search_fields = ("code",)
    search_named = ("name",)
    search_help_text = _("Name or code")
    ordering = ("-starts_at",)
    list_before_template = "console/campaigns/list_head.html"
    change_form_after_template = "console/campaigns/panels.html"
    links = (
        PageLink(
            _("Results"),
            "admin:campaign_results",
            "campaigns.view_campaign",
            icon="monitoring",
            shown=lambda campaign: campaign.status not in Campaign.UNPLANNED,
        ),
    )
    operations = (
        Operation(
            "start",
            _("Start at its time"),
            _("Its rules are published now and give from the first to the last second of the campaign."),
            "campaigns.start_campaign",
            _step(campaigns.start, _("The campaign will run at its time.")),
            icon="event_available",
            shown=lambda campaign: campaign.status == "draft" and not submissions.approval_needed(),
        ),
        Operation(
            "submit",
            _("Submit for approval"),
            _("A second operator looks at the campaign and its rules as they are now."),
            "campaigns.submit_campaign",
            _step(campaigns.submit, _("Submitted: it waits for a second operator.")),
            icon="send",
            form=NoteForm,
            shown=_in("draft"),
        ),
        Operation(
            "approve",
            _("Approve"),
            _("The campaign runs at its time, with its rules as they were submitted."),
            "campaigns.approve_campaign",
            _step(campaigns.approve, _("Approved: the campaign will run at its time.")),
            icon="check",
            form=NoteForm,
            shown=_in("pending_approval"),
        ),
        Operation(
            "reject",
            _("Reject"),
            _("The campaign is a draft again."),
            "campaigns.approve_campaign",
            _step(campaigns.reject, _("Rejected: it is a draft again.")),
            icon="close",
            form=ReasonForm,
            shown=_in("pending_approval"),
        ),
        Operation(
            "withdraw",
            _("Withdraw"),
            _("The campaign is a draft again."),
            "campaigns.submit_campaign",
            _step(campaigns.withdraw, _("Withdrawn: it is a draft again.")),
            icon="undo",
            shown=_in("pending_approval"),
        ),
        Operation(
            "approve_budget",
            _("Approve the budget"),
            _("The larger budget, which the history names, counts from now on."),
            "campaigns.approve_campaign",
            _step(campaigns.approve, _("Approved: the larger budget counts.")),
            icon="check",
            form=NoteForm,
            shown=raising.waits,
        ),
        Operation(
            "reject_budget",
            _("Reject the budget"),
            _("The campaign goes on with the budget it has."),
            "campaigns.approve_campaign",
            _step(campaigns.reject, _("Rejected: the budget stays as it is.")),
            icon="close",
            form=ReasonForm,
            shown=raising.waits,
        ),
        Operation(
            "withdraw_budget",
            _("Withdraw the budget"),
            _("The campaign goes on with the budget it has."),
            "campaigns.submit_campaign",
            _step(campaigns.withdraw, _("Withdrawn: the budget stays as it is.")),
            icon="undo",
            shown=raising.waits,
        ),
        Operation(
            "pause",
            _("Pause"),
            _("Its rules give nothing for purchases from now on, until you let it go on."),
            "campaigns.steer_campaign",
            _step(campaigns.pause, _("Paused.")),
            icon="pause",
            form=NoteForm,
            shown=_in("scheduled", "running"),
        ),
        Operation(
            "resume",
            _("Let it go on"),
            _("Its rules give again from now on; what was bought in the pause still earns nothing."),
            "campaigns.steer_campaign",
            _step(campaigns.resume, _("The campaign goes on.")),
            icon="play_arrow",
            form=NoteForm,
            shown=_in("paused"),
        ),
        Operation(
            "end",
            _("End now"),
            _("The campaign ends for good. Points that were given stay."),
            "campaigns.steer_campaign",
            _step(campaigns.end, _("The campaign has ended.")),
            icon="stop",
            danger=True,
            form=NoteForm,
            shown=_in(*Campaign.LIVE),
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        """The form in parts; of a campaign under way only what may still change."""
        if obj is not None and not self.has_change_permission(request, obj):
            return ((None, {"fields": (("code_n", "state"), ("begins", "stops"))}),)
        names = (("name_zh", "name_en"),)
        texts = (("announcement_zh", "announcement_en"),)
        budgets = (("budget_points", "budget_amount"),)
        if obj is not None and obj.status != "draft":
            return (
                (None, {"fields": (("code_n", "state"), *names)}),
                (_("Budget"), {"fields": budgets}),
                (_("Announcement"), {"fields": texts}),
            )
        head = (("code", "kind"),) if obj is None else (("code_n", "state"), "kind")
        made = () if obj is not None else ("multiplier", "templates")
        return (
            (None, {"fields": (*names, *head)}),
            (_("When"), {"fields": ("starts_at", "ends_at", "recurs", ("weekdays", "month_days"))}),
            (_("Rules"), {"fields": (*made, "rules")}),
            (
                _("Prices of rewards"),
                {
                    "fields": (
                        ("discount_percent", "discount_points"),
                        ("discount_rewards", "discount_categories"),
                    )
                },
            ),
            (_("Budget"), {"fields": (*budgets, ("control_percent", "cost_centre"))}),
            (_("Announcement"), {"fields": texts}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        """Nothing computed on an empty page."""
        return ("code_n", "state", "begins", "stops") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """What waits for approval or has ended stays as it is."""
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.status not in ("pending_approval", "ended"))

    def panels(self, request: HttpRequest, obj: Campaign) -> Mapping[str, Any]:
        """When it runs, what its rules say, how much it gave, and every step of its life."""
        known = selectors.words()
        rules = Rule.objects.filter(campaign_of__campaign=obj).order_by("code")
        now = clock.now()
        return {
            "spans": [span for span in spans_of(obj) if span.end > now][:SPANS_SHOWN],
            "bar": budget_of(obj),
            "rules": [(rule, in_words(selectors.working_body(rule), known)) for rule in rules],
            "steps": [
                (each, doer(each.actor)) for each in obj.steps.order_by("-recorded_at", "-id")[:STEPS_SHOWN]
            ],
            "given": plain(obj.given_points),
            "cost": money(obj.given_amount, current_brand().currency),
            "redeemed": money(obj.redeemed_amount, current_brand().currency) if obj.discount else None,
            "results_url": reverse("admin:campaign_results", args=[obj.pk]),
        }

    @display(description=_("name"))
    def title(self, campaign: Campaign) -> str:
        """What members call it."""
        return str(campaign)

    @display(description=_("code"), ordering="code")
    def code_n(self, campaign: Campaign) -> SafeString:
        """Its name for ever."""
        return code(campaign.code)

    @display(description=_("status"), label=COLOURS, ordering="status")
    def state(self, campaign: Campaign) -> Status:
        """The status, coloured."""
        return status(campaign)

    @display(description=_("from"), ordering="starts_at")
    def begins(self, campaign: Campaign) -> str:
        """When it begins, brand time."""
        return instant(campaign.starts_at)

    @display(description=_("until"), ordering="ends_at")
    def stops(self, campaign: Campaign) -> str:
        """When it is over, brand time."""
        return instant(campaign.ended_at or campaign.ends_at)

    @display(description=_("budget"), empty_value="–")
    def budget(self, campaign: Campaign) -> SafeString | None:
        """A bar: how much of it was given."""
        bar = budget_of(campaign)
        if bar is None:
            return None
        return format_html(
            '<span class="budget"><span class="budget-bar {}"><i style="width:{}%"></i></span>'
            '<span class="sub">{} % · {}</span></span>',
            bar["tone"],
            bar["width"],
            bar["percent"],
            bar["text"],
        )
