"""The report of a wake-up: figures, charts, what it made of the members, run by run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Wakeup
from campaigns.services import wakeups
from campaigns.services.wakeups.report import LEAST, Figures, Incremental, Report
from loyalty.console.charts import Chart, Line, chart
from loyalty.console.messagepages.reasons import reason
from loyalty.lib import clock
from loyalty.lib.display import plain, rounded
from tenants.context import current_brand

MAY: Final = "campaigns.view_wakeup"
RUNS_SHOWN: Final = 30
VERDICTS: Final[Mapping[str, Promise]] = {
    "more": gettext_lazy("More came back than without it: chance alone would hardly do that."),
    "fewer": gettext_lazy("Fewer came back than without it: chance alone would hardly do that."),
    "no_difference_shown": gettext_lazy("The difference may be chance: it shows neither more nor fewer."),
    "too_small": gettext_lazy(
        "Either group has fewer than %(least)d members: nothing can be concluded from the difference."
    ),
    "no_holdout": gettext_lazy("Nobody was held out: it cannot be told who would have come back anyway."),
    "too_early": gettext_lazy("The days in which a return counts are not over for all: look again later."),
}


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The route of the report."""
    return [path("wakeups/<uuid:wakeup_id>/report/", site.admin_view(shown), name="wakeup_report")]


def shown(request: HttpRequest, wakeup_id: UUID) -> HttpResponse:
    """The report of one wake-up."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    wakeup = Wakeup.objects.select_related("segment").filter(pk=wakeup_id).first()
    if wakeup is None:
        raise Http404
    found = wakeups.report(wakeup=wakeup, now=clock.now())
    context = {
        **admin.site.each_context(request),
        "title": _("Report: %(name)s") % {"name": wakeup},
        "opts": Wakeup._meta,
        "wakeup": wakeup,
        "report": found,
        "total": found.total,
        "currency": current_brand().currency,
        "figures": _figures(found),
        "charts": _charts(found),
        "verdict": verdict_of(found.incremental),
        "compared": _compared(found),
        "suppressed": _reasons(found.total.suppressed),
        "failed": _reasons(found.total.failed),
        "runs": [(run, _row(figures)) for run, figures in reversed(found.runs)][:RUNS_SHOWN],
        "variants": [
            (code, _row(figures)) for code, figures in found.variants.items() if len(found.variants) > 1
        ],
    }
    return TemplateResponse(request, "console/audiences/report.html", context)


def verdict_of(found: Incremental) -> dict[str, Any]:
    """What can be said of the difference: the sentence, and the numbers behind it."""
    told: dict[str, Any] = {
        "code": found.verdict,
        "sentence": str(VERDICTS[found.verdict]) % {"least": LEAST},
    }
    if found.difference is not None and found.least is not None and found.most is not None:
        told["difference"] = _points_of_percent(found.difference)
        told["least"], told["most"] = _points_of_percent(found.least), _points_of_percent(found.most)
        told["members"] = plain(round(found.members or 0), signed=True)
    return told


def percent(share: float | None) -> str:
    """A share of members as the page's language writes it."""
    return "–" if share is None else f"{rounded(share * 100, 1)} %"


def _points_of_percent(difference: float) -> str:
    sign = "−" if difference < 0 else "+" if difference > 0 else ""
    return f"{sign}{rounded(abs(difference) * 100, 1)}"


def _figures(report: Report) -> list[dict[str, Any]]:
    total = report.total
    audience = total.sent_to.members + total.held_out.members
    waiting = sum(total.messages.get(name, 0) for name in ("queued", "sending"))
    suppressed = sum(total.suppressed.values())
    return [
        {
            "label": _("Audience"),
            "value": plain(audience),
            "note": _("%(count)s held out") % {"count": plain(total.held_out.members)},
        },
        {
            "label": _("Sent"),
            "value": plain(total.sent),
            "note": _("%(count)s waiting") % {"count": plain(waiting)}
            if waiting
            else _("%(count)s not sent") % {"count": plain(suppressed)},
        },
        {
            "label": _("Delivered"),
            "value": plain(total.delivered),
            "note": _("%(count)s clicked") % {"count": plain(total.clicked)},
        },
        {
            "label": _("Came back"),
            "value": plain(total.sent_to.returned),
            "note": _("%(share)s of those not held out") % {"share": percent(total.sent_to.rate)},
        },
        {
            "label": _("Points paid"),
            "value": plain(total.points_paid),
            "note": _("%(count)s taken back") % {"count": plain(total.points_taken_back)},
        },
    ]


def _charts(report: Report) -> list[Chart]:
    total = report.total
    steps = [
        (_("Audience"), total.sent_to.members + total.held_out.members),
        (_("Not held out"), total.sent_to.members),
        (_("Sent"), total.sent),
        (_("Delivered"), total.delivered),
        (_("Clicked"), total.clicked),
        (_("Came back"), total.sent_to.returned),
    ]
    rates = [
        (_("Not held out"), total.sent_to.rate),
        (_("Held out"), total.held_out.rate),
    ]
    return [
        chart(
            "wakeup-steps",
            _("How far it came"),
            (),
            [Line(_("members"), "members", [value for _label, value in steps])],
            labels=[label for label, _value in steps],
        ),
        chart(
            "wakeup-rates",
            _("Who came back, in percent"),
            (),
            [
                Line(
                    _("came back, in percent"),
                    "accrued",
                    [round((rate or 0) * 100, 2) for _label, rate in rates],
                )
            ],
            labels=[label for label, _value in rates],
        ),
    ]


def _compared(report: Report) -> list[dict[str, Any]]:
    groups = ((_("Not held out"), report.total.sent_to), (_("Held out"), report.total.held_out))
    return [
        {
            "name": name,
            "members": group.members,
            "returned": group.returned,
            "rate": percent(group.rate),
            "orders": group.orders,
            "amount": group.amount,
        }
        for name, group in groups
    ]


def _reasons(counts: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [(reason(code), count) for code, count in ordered]


def _row(figures: Figures) -> dict[str, Any]:
    return {
        "audience": figures.sent_to.members + figures.held_out.members,
        "held_out": figures.held_out.members,
        "sent": figures.sent,
        "delivered": figures.delivered,
        "clicked": figures.clicked,
        "returned": figures.sent_to.returned,
        "rate": percent(figures.sent_to.rate),
        "paid": figures.points_paid,
    }
