"""The programme's budget in the console: how it stands, and what it is set to."""

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from campaigns.models import ProgrammeBudget, ProgrammePlan
from campaigns.services import programme
from loyalty.analytics.services.programme import reckon
from loyalty.lib import clock, formfaults
from loyalty.lib.console import actor
from loyalty.lib.errors import Refusal
from tenants.context import current_brand

READ: Final = "points.report_account"
SET: Final = "campaigns.set_programmeplan"
TICK: Final = timedelta(microseconds=1)


class PlanForm(forms.Form):
    """So many per cent of a marketing budget for each period."""

    period = forms.ChoiceField(
        label=gettext_lazy("Period"), choices=ProgrammePlan.Period.choices, widget=UnfoldAdminSelectWidget
    )
    amount = forms.DecimalField(
        label=gettext_lazy("Marketing budget"),
        min_value=1,
        max_value=10**12,
        decimal_places=2,
        required=False,
        help_text=gettext_lazy("Left empty, there is no limit."),
        widget=UnfoldAdminDecimalFieldWidget,
    )
    percent = forms.IntegerField(
        label=gettext_lazy("Per cent of it for redemptions"),
        min_value=1,
        max_value=100,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def programme_budget(request: HttpRequest) -> HttpResponse:
    """How the cost of redemptions stands against its limit; an owner sets it here."""
    if not request.user.has_perm(READ):
        raise PermissionDenied
    may_set = request.user.has_perm(SET)
    if request.method == "POST" and not may_set:
        raise PermissionDenied
    form = PlanForm(request.POST) if request.method == "POST" else PlanForm(initial=_initial())
    if request.method == "POST" and form.is_valid() and _set(request, form):
        return HttpResponseRedirect(reverse("admin:programme_budget"))
    budget = reckon(now=clock.now())
    context = {
        **admin.site.each_context(request),
        "title": _("Programme budget"),
        "budget": budget,
        "bar": _bar(budget) if budget is not None else None,
        "last_day": budget.ends_at - TICK if budget is not None else None,
        "currency": current_brand().currency,
        "form": form if may_set else None,
    }
    return TemplateResponse(request, "console/campaigns/programme.html", context)


def _set(request: HttpRequest, form: PlanForm) -> bool:
    try:
        programme.set_plan(**form.cleaned_data, actor=actor(request), now=clock.now())
    except Refusal as refusal:
        formfaults.place(form, refusal)
        return False
    messages.success(request, _("Done."))
    return True


def _initial() -> dict[str, Any]:
    newest = ProgrammePlan.objects.order_by("-id").first()
    if newest is None:
        return {"period": "quarter", "percent": programme.PERCENT}
    return {"period": newest.period, "amount": newest.amount, "percent": newest.percent}


def _bar(budget: ProgrammeBudget) -> dict[str, Any]:
    percent = int(budget.spent * 100 / budget.limit)
    tone = "over" if percent >= 100 else "near" if percent >= 80 else "fine"
    return {"percent": percent, "width": min(percent, 100), "tone": tone, "text": _("of the limit")}
