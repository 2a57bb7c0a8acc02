"""The compliance matrix as it stands, what waits, the form that asks, and who unlocked what, when and why."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.auth import authenticate
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from loyalty.console import steprunner
from loyalty.console.compliancepages.banner import READ
from loyalty.console.compliancepages.form import AskForm
from loyalty.lib import clock, compliance, compliancewords, foureyes
from loyalty.lib.console import actor
from loyalty.lib.display import doer
from loyalty.lib.errors import Invalid, Refusal
from tenants.context import current_brand
from tenants.operators import compliancechanges
from tenants.operators.compliancematrix import matrix
from tenants.operators.models import ComplianceChange

ASK: Final = "operators.set_compliancechange"
DECIDE: Final = "operators.approve_compliancechange"
SHOWN: Final = 100
Status = ComplianceChange.Status


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The routes of this page on a console."""
    return [
        path("compliance/", site.admin_view(page), name="compliance"),
        path("compliance/<str:step>/", site.admin_view(decide), name="compliance_decide"),
    ]


def page(request: HttpRequest) -> HttpResponse:
    """The matrix, what waits for somebody or for its day, and the history. A POST asks for a cell."""
    if not request.user.has_perm(READ):
        raise PermissionDenied
    may_ask = request.user.has_perm(ASK)
    if request.method == "POST" and not may_ask:
        raise PermissionDenied
    policy = current_brand().setting("compliance")
    unlocked = compliancechanges.unlocked()
    opened = list(ComplianceChange.objects.filter(status__in=ComplianceChange.OPEN).order_by("number"))
    alone = not compliancechanges.others(actor(request))
    form = AskForm(
        request.POST if request.method == "POST" else None,
        cells=_order(compliance.unlockable(policy) - unlocked),
        alone=alone,
    )
    if request.method == "POST" and form.is_valid() and (told := _asked(request, form, alone=alone)):
        messages.success(request, told)
        return HttpResponseRedirect(reverse("admin:compliance"))
    newest = ComplianceChange.objects.exclude(status__in=ComplianceChange.OPEN).order_by("-number")[:SHOWN]
    context = {
        **admin.site.each_context(request),
        "title": _("Compliance"),
        "policy": compliancewords.POLICIES.get(policy, policy),
        "acts": compliancewords.ACTS.items(),
        "rows": matrix(
            policy,
            unlocked,
            compliancechanges.last_decided(),
            {(each.tag, each.act) for each in opened},
            doer,
        ),
        "opened": [_told(each) | {"own": each.submitted_by == actor(request)} for each in opened],
        "history": [_told(each) for each in newest],
        "form": form,
        "may_ask": may_ask,
        "may_decide": request.user.has_perm(DECIDE),
    }
    return TemplateResponse(request, "console/compliance/page.html", context)


def decide(request: HttpRequest, step: str) -> HttpResponse:
    """Approve or reject a request by its number; lock a cell, which also withdraws what was asked for it."""
    if not request.user.has_perm(DECIDE):
        raise PermissionDenied
    sent = {name: str(request.POST.get(name, "")) for name in ("number", "reason", "tag", "act")}
    number, reason = steprunner.number_of(sent["number"]), sent["reason"]
    who, now = actor(request), clock.now()
    steps: dict[str, steprunner.Step] = {
        "approve": (
            lambda: compliancechanges.approve(number=number, actor=who, now=now),
            _("Approved. The cell is unlocked within seconds."),
        ),
        "reject": (
            lambda: compliancechanges.reject(number=number, actor=who, now=now, reason=reason),
            _("Rejected. The cell stays locked."),
        ),
        "lock": (
            lambda: compliancechanges.lock(
                tag=sent["tag"], act=sent["act"], actor=who, now=now, reason=reason
            ),
            _("The cell is locked within seconds."),
        ),
    }
    return steprunner.run(
        request,
        step,
        steps,
        after=lambda: compliancechanges.carry_over(current_brand()),
        back=reverse("admin:compliance"),
    )


def _asked(request: HttpRequest, form: AskForm, *, alone: bool) -> str:
    """What became of the request; empty where it could not be taken: the faults stand at their fields."""
    if alone and not _is_them(request, form.cleaned_data["password"]):
        form.add_error("password", _("This is not your password."))
        return ""
    try:
        made = compliancechanges.ask(**form.asked(), actor=actor(request), now=clock.now(), stepped_up=alone)
    except Invalid as invalid:
        for fault in invalid.errors:
            form.refuse(fault)
        return ""
    except Refusal as refusal:
        form.add_error(None, str(refusal.detail))
        return ""
    if made.alone:
        return _("You will be told by mail; it is unlocked a day after that, unless somebody withdraws it.")
    return _("Submitted: it waits for a second operator.")


def _is_them(request: HttpRequest, password: str) -> bool:
    """The password is that of who is signed in. Wrong ones count as they do at the sign-in page."""
    found = authenticate(request, username=request.user.get_username(), password=password)
    return found is not None and found.pk == request.user.pk


def _order(cells: frozenset[compliancechanges.Cell]) -> list[compliancechanges.Cell]:
    return [(tag, act) for tag in compliancewords.TAGS for act in compliancewords.ACTS if (tag, act) in cells]


def _told(change: ComplianceChange) -> dict[str, Any]:
    return {
        "number": change.number,
        "tag": change.tag,
        "act": change.act,
        "cell": compliancewords.cell(change.tag, change.act),
        "opens": change.opens,
        "alone": change.alone,
        "waits": change.status == Status.PENDING_APPROVAL,
        "at": change.submitted_at,
        "by": doer(change.submitted_by),
        "counsel": change.counsel,
        "note": change.note,
        "reason": change.reason,
        "publish_at": change.publish_at,
        "told_at": change.told_at,
        "status": _status(change),
        "approved_by": doer(change.approved_by),
        "ended_at": change.ended_at,
        "ended_by": doer(change.ended_by) if change.ended_by != foureyes.WORKER else "",
    }


def _status(change: ComplianceChange) -> str:
    if change.status != Status.PUBLISHED:
        return change.get_status_display()
    return _("unlocked") if change.opens else _("locked")
