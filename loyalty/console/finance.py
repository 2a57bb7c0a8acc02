"""Finance's pages: what is owed, what moved in a month, what is never redeemed, what a point costs."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.analytics import reports, words
from loyalty.analytics.exports import answers
from loyalty.analytics.finance.months import Month
from loyalty.analytics.services import closing, unitcosts
from loyalty.console.charts import Chart, Line, chart
from loyalty.lib import clock, formfaults
from loyalty.lib.console import actor, errors_of
from loyalty.lib.errors import Invalid, Refusal
from loyalty.lib.timefields import DayField, DayInput
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand

READ: Final = "points.report_account"
LOCK: Final = "analytics.lock_monthclose"
SET_COST: Final = "analytics.set_unitcost"
FILES: Final = ("csv", "xlsx")
SHOWN: Final = 24
"""How many months a table shows; an export has all."""

View = Callable[..., HttpResponseBase]


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The routes of these pages on a console."""
    views = {
        "liability": liability,
        "roll-forward": roll_forward,
        "breakage": breakage,
        "costs": costs,
        "entries": entries,
    }
    routes = [
        path(f"finance/{name}/", site.admin_view(view), name=f"finance_{name.replace('-', '_')}")
        for name, view in views.items()
    ]
    lock = path("finance/roll-forward/lock/", site.admin_view(lock_month), name="finance_lock")
    return [lock, *routes]


def _for(permission: str) -> Callable[[View], View]:
    """Whoever lacks the permission meets 403."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


@_for(READ)
def liability(request: HttpRequest) -> HttpResponseBase:
    """What is owed, now or at the end of a day."""
    now, day = clock.now(), _day(request)
    at = min(now, _end_of(day)) if day else now
    report = reports.liability_at(at=at, now=now)
    stem = f"liability-{at.astimezone(current_brand().tz):%Y%m%d}"
    return _file(request, "liability", report, stem) or _page(
        request,
        "liability",
        _("Liability"),
        report=report,
        at=at,
        day=day,
        on=DayInput({"data-pick-max": f"{now.astimezone(current_brand().tz):%Y-%m-%d}"}).render(
            "on", day, {"id": "on"}
        ),
        items=[_owed(item) for item in report["items"]],
    )


@_for(READ)
def roll_forward(request: HttpRequest) -> HttpResponseBase:
    """One month, from its opening to its closing."""
    now = clock.now()
    month = _month(request, now)
    report = reports.roll_forward_of(month=month, now=now)
    may_lock = request.user.has_perm(LOCK)
    return _file(request, "roll-forward", report, f"roll-forward-{month}") or _page(
        request,
        "roll_forward",
        _("Roll-forward"),
        report=report,
        month=month,
        months=reports.months(now=now),
        lock=may_lock and report["status"] == "over" and reports.lockable(month=month, now=now),
        items=[_rolled(item) for item in report["items"]],
        locked_at=datetime.fromisoformat(report["locked_at"]) if report["locked_at"] else None,
    )


@require_POST
@_for(LOCK)
def lock_month(request: HttpRequest) -> HttpResponse:
    """Close a month, and look at it."""
    month = reports.month_of(request.POST.get("month", ""))
    try:
        closing.lock_month(month=month, actor=actor(request), now=clock.now())
    except Refusal as refusal:
        messages.error(request, " ".join(errors_of(refusal)))
    else:
        messages.success(request, _("%(month)s is closed.") % {"month": month})
    return HttpResponseRedirect(f"{reverse('admin:finance_roll_forward')}?month={month}")


@_for(READ)
def breakage(request: HttpRequest) -> HttpResponseBase:
    """What was never redeemed, and what will not be."""
    now = clock.now()
    report = reports.breakage_at(at=now, now=now)
    stem = f"breakage-{now.astimezone(current_brand().tz):%Y%m%d}"
    return _file(request, "breakage", report, stem) or _page(
        request, "breakage", _("Breakage"), report=report, items=[_broken(item) for item in report["items"]]
    )


@_for(READ)
def entries(request: HttpRequest) -> HttpResponseBase:
    """All entries of a month as a file."""
    wanted = request.GET.get("format")
    month = _month(request, clock.now())
    try:
        return answers.of_month(month, wanted if wanted in FILES else "csv", words.ALL)
    except Refusal as refusal:
        messages.error(request, " ".join(errors_of(refusal)))
        return HttpResponseRedirect(f"{reverse('admin:finance_roll_forward')}?month={month}")


class CostForm(forms.Form):
    """A new unit cost, from now on."""

    points_currency = forms.CharField(
        label=gettext_lazy("Points currency"),
        max_length=40,
        initial=DEFAULT_CURRENCY,
        widget=UnfoldAdminTextInputWidget,
    )
    cost = forms.DecimalField(
        label=gettext_lazy("Cost of a point"),
        min_value=Decimal(0),
        max_digits=13,
        decimal_places=6,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )


@_for(READ)
def costs(request: HttpRequest) -> HttpResponseBase:
    """What a point costs, has cost, and shall cost from now on."""
    may_set = request.user.has_perm(SET_COST)
    form = CostForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not may_set:
            raise PermissionDenied
        if form.is_valid() and _set_cost(request, form):
            return HttpResponseRedirect(reverse("admin:finance_costs"))
    rows = [
        {**row, "since": datetime.fromisoformat(row["valid_from"]) if row["valid_from"] else None}
        for row in reports.unit_costs()
    ]
    return _page(
        request,
        "costs",
        _("Cost of a point"),
        rows=rows,
        form=form if may_set else None,
        default=current_brand().setting("point_cost"),
        currency=current_brand().currency,
    )


def _set_cost(request: HttpRequest, form: CostForm) -> bool:
    try:
        unitcosts.set_unit_cost(**form.cleaned_data, actor=actor(request), now=clock.now())
    except Refusal as refusal:
        formfaults.place(form, refusal)
        return False
    messages.success(request, _("From now on a point costs this."))
    return True


def _page(request: HttpRequest, name: str, title: str, **more: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, **more}
    return TemplateResponse(request, f"console/finance/{name}.html", context)


def _file(request: HttpRequest, name: str, report: Mapping[str, Any], stem: str) -> HttpResponseBase | None:
    wanted = request.GET.get("format")
    return answers.report(name, report, wanted, stem, words.ALL) if wanted in FILES else None


def _day(request: HttpRequest) -> date | None:
    try:
        day: date | None = DayField(required=False).clean(request.GET.get("on", ""))
    except forms.ValidationError as error:
        messages.warning(request, error.messages[0])
        return None
    return day


def _end_of(day: date) -> datetime:
    """The last instant of a brand-local day."""
    following = datetime.combine(day + timedelta(days=1), time(), current_brand().tz)
    return following - timedelta(microseconds=1)


def _month(request: HttpRequest, now: datetime) -> Month:
    running = Month.of(now.astimezone(current_brand().tz))
    try:
        return min(running, reports.month_of(request.GET.get("month", "")))
    except Invalid:
        return running


def _owed(item: Mapping[str, Any]) -> dict[str, Any]:
    totals = [(name, str(words.TOTALS[name]), item[name]) for name in words.TOTALS]
    expiries = [{**part, "name": words.expiry(part["month"])} for part in item["by_expiry"]]
    ages = [{**part, "name": str(words.AGES[part["days"]])} for part in item["by_age"]]
    return {
        **item,
        "totals": totals,
        "ages": ages,
        "expiries": expiries,
        "chart": _bars(
            f"expiry-{item['points_currency']}",
            _("Outstanding points by last valid month"),
            {part["name"]: part["points"] for part in expiries},
            Line(_("Points"), "liability", []),
        ),
    }


def _rolled(item: Mapping[str, Any]) -> dict[str, Any]:
    ends = ("opening", "revaluation", "closing")
    lines = [
        {**line, "name": str(words.LINES[line["line"]]), "end": line["line"] in ("opening", "closing")}
        for line in item["lines"]
        if line["line"] in ends[::2] or line["points"] or line.get("entries") or Decimal(line["amount"])
    ]
    return {
        **item,
        "lines": lines,
        "cost_centres": _named(item["cost_centres"]),
        "late": _named_lines(item["late"]),
    }


def _named(centres: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**centre, "lines": _named_lines(centre["lines"])} for centre in centres]


def _named_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**line, "name": str(words.LINES[line["line"]])} for line in lines]


def _broken(item: Mapping[str, Any]) -> dict[str, Any]:
    months, forecast = item["months"][-SHOWN:], item["forecast"]
    return {
        **item,
        "cohorts": [
            {**cohort, "percent": _percent(cohort["rate"])} for cohort in item["cohorts"][: -SHOWN - 1 : -1]
        ],
        "forecast": {
            **forecast,
            "percent": _percent(forecast["rate"]),
            "by_expiry": [
                {**part, "name": words.expiry(part["month"])} for part in forecast["by_expiry"][:SHOWN]
            ],
        },
        "expired": sum(part["expired"] for part in item["months"]),
        "chart": _bars(
            f"expired-{item['points_currency']}",
            _("Expired points by month"),
            {part["month"]: part["expired"] for part in months},
            Line(_("Expired"), "expired", []),
        ),
    }


def _bars(name: str, title: str, values: Mapping[str, int], line: Line) -> Chart:
    bars = Line(line.label, line.colour, list(values.values()))
    return chart(name, title, (), [bars], labels=list(values), wide=True)


def _percent(rate: str | None) -> Decimal | None:
    return None if rate is None else Decimal(rate) * 100
