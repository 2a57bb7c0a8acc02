"""Simulations of earning rules: asked for from a rule's page, watched while they run, and read."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns import selectors
from campaigns.engine import explain
from campaigns.models import Rule
from campaigns.services import simulation
from campaigns.wording import in_words
from loyalty.analytics.exports import answers
from loyalty.console import simulationpage
from loyalty.lib import clock, formfaults
from loyalty.lib.console import actor, errors_of
from loyalty.lib.errors import NotFound, Refusal
from loyalty.lib.timefields import DayField
from loyalty.lib.words import language
from loyalty.outbox import jobs
from loyalty.outbox.models import Job
from members.models import Purchase
from members.wording import channel_words
from tenants.context import current_brand

MAY: Final = "campaigns.simulate_rule"
SHOWN: Final = 50
LOOKED_AT: Final = 2000
"""How many of the latest orders tell which channels there are."""
FILES: Final = ("csv", "xlsx")
OF_BODY: Final = {"from": "first", "to": "last", "filters": "stores"}
"""The fields of the form, by the parts of the API's body."""


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The routes of these pages on a console."""

    def guarded(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        def guard(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(MAY):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return site.admin_view(guard)

    return [
        path("simulations/", guarded(listed), name="simulations"),
        path("simulations/of/<uuid:rule_id>/", guarded(asked), name="simulate_rule"),
        path("simulations/<uuid:job_id>/", guarded(shown), name="simulation"),
        path("simulations/<uuid:job_id>/state/", guarded(state), name="simulation_state"),
        path("simulations/<uuid:job_id>/cancel/", guarded(require_POST(cancelled)), name="simulation_cancel"),
    ]


class AskForm(forms.Form):
    """What is simulated over which orders."""

    what = forms.ChoiceField(
        label=gettext_lazy("What is compared with today"), widget=UnfoldAdminRadioSelectWidget
    )
    first = DayField(label=gettext_lazy("First day"))
    last = DayField(label=gettext_lazy("Last day"))
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    tiers = forms.MultipleChoiceField(
        label=gettext_lazy("Tiers"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    stores = forms.CharField(
        label=gettext_lazy("Stores"),
        required=False,
        help_text=gettext_lazy("Numbers of stores, separated by commas; empty for all."),
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, rule: Rule, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rule = rule
        fields: Any = self.fields
        fields["what"].choices = _choices(rule)
        fields["what"].initial = fields["what"].choices[0][0]
        if len(fields["what"].choices) == 1:
            fields["what"].widget = forms.HiddenInput()
        today = clock.now().astimezone(current_brand().tz).date()
        fields["first"].initial, fields["last"].initial = today - timedelta(days=29), today
        latest = Purchase.objects.order_by("-recorded_at", "-id").values_list("channel", flat=True)[
            :LOOKED_AT
        ]
        fields["channels"].choices = [(name, channel_words(name)) for name in sorted(set(latest)) if name]
        names = selectors.tier_names()
        fields["tiers"].choices = [(code, _named(names[code], code)) for code in names]
        for name in ("channels", "tiers"):
            if not fields[name].choices:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """The days in their order."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("first") and data.get("last") and data["first"] > data["last"]:
            self.add_error("last", _("Must not lie before the first day."))
        return data

    def body(self) -> dict[str, Any]:
        """The same as a body of the API."""
        data = self.cleaned_data
        replaced = data["what"] == "draft"
        return {
            "rules": [selectors.working_body(self._rule)] if replaced else [],
            "retire": [] if replaced else [self._rule.code],
            "from": _midnight(data["first"]).isoformat(),
            "to": _midnight(data["last"] + timedelta(days=1)).isoformat(),
            "filters": {
                "channels": data.get("channels", []),
                "tiers": data.get("tiers", []),
                "stores": [name for name in data["stores"].replace("，", ",").split(",") if name.strip()],
            },
        }


def _choices(rule: Rule) -> list[tuple[str, str]]:
    without = ("without", _("Today's rules without this one"))
    if rule.status == Rule.Status.PUBLISHED:
        with_draft = ("draft", _("The draft in the place of what runs"))
        return [with_draft, without] if rule.draft is not None else [without]
    return [("draft", _("Today's rules and this one"))]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), current_brand().tz)


def _named(name: Any, code: str) -> str:
    return str(name.get(language()) or next(iter(name.values()), "") or code)


def listed(request: HttpRequest) -> HttpResponse:
    """The latest simulations."""
    found = Job.objects.filter(kind=simulation.KIND).defer("result").order_by("-id")[:SHOWN]
    return _page(
        request,
        "list",
        _("Simulations"),
        jobs=[
            {"job": job, "what": simulationpage.what(job), "period": simulationpage.period(job)}
            for job in found
        ],
    )


def asked(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """The form, and what it leads to."""
    rule = Rule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise Http404
    form = AskForm(rule, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        now = clock.now()
        try:
            job = simulation.ask(
                scenario=simulation.parse(form.body(), now=now), asked_by=actor(request), now=now
            )
        except Refusal as refusal:
            formfaults.place(form, refusal, OF_BODY)
        else:
            return HttpResponseRedirect(reverse("admin:simulation", args=[job.pk]))
    body = selectors.working_body(rule)
    return _page(
        request,
        "ask",
        _("Simulate"),
        form=form,
        rule=rule,
        rule_name=explain.rule_name(body, language()),
        sentence=in_words(body),
        back=reverse("admin:campaigns_rule_change", args=[rule.pk]),
    )


def shown(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """How far a simulation has come, or what it found."""
    job = _job(job_id)
    try:
        found = jobs.result(job_id)
    except jobs.NoResult:
        return _page(
            request, "progress", _("Simulation"), job=job, what=simulationpage.what(job),
            period=simulationpage.period(job), percent=_percent(job),
        )  # fmt: skip
    result = simulation.in_words(found)
    wanted = request.GET.get("format")
    if wanted in FILES:
        stem = f"simulation-{job.created_at.astimezone(current_brand().tz):%Y%m%d-%H%M}"
        # Now: while the file is sent, neither the brand nor the language is known any more.
        rows = list(simulationpage.flat(result))
        if wanted == "csv":
            return answers.csv(rows, stem)
        return answers.xlsx([("simulation", rows)], stem)
    return _page(request, "result", _("Simulation"), job=job, **simulationpage.context(job, result))


def state(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """What the page of a running simulation asks for time and again."""
    job = _job(job_id)
    return JsonResponse(
        {
            "over": job.status not in jobs.UNFINISHED,
            "percent": _percent(job),
            "done": job.done,
            "total": job.total,
        }
    )


def cancelled(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Stop a simulation."""
    _job(job_id)
    try:
        jobs.cancel(job_id=job_id, now=clock.now())
    except Refusal as refusal:
        messages.warning(request, " ".join(errors_of(refusal)))
    else:
        messages.success(request, _("The simulation is cancelled."))
    return HttpResponseRedirect(reverse("admin:simulation", args=[job_id]))


def _job(job_id: UUID) -> Job:
    try:
        job = jobs.find(job_id)
    except NotFound:
        raise Http404 from None
    if job.kind != simulation.KIND:
        raise Http404
    return job


def _percent(job: Job) -> int:
    return int(job.done * 100 // job.total) if job.total else 0


def _page(request: HttpRequest, name: str, title: str, **more: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, **more}
    return TemplateResponse(request, f"console/simulations/{name}.html", context)
