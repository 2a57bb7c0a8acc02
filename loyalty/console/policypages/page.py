"""The brand's policies: a form, what waits for a second operator, and who changed what, when and why."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from loyalty.console import approvers, steprunner
from loyalty.console.policypages.form import GROUPS, PolicyForm, initial
from loyalty.console.policypages.words import differing
from loyalty.lib import clock
from loyalty.lib.console import actor
from loyalty.lib.display import doer
from loyalty.lib.errors import Invalid, Refusal
from tenants.context import current_brand
from tenants.operators import policychanges
from tenants.operators.models import PolicyChange
from tenants.policyrules import APPROVALS

READ: Final = "operators.view_policychange"
SET: Final = "operators.set_policychange"
SHOWN: Final = 50


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The routes of this page on a console."""
    return [
        path("policies/", site.admin_view(policies), name="policies"),
        path("policies/<str:step>/", site.admin_view(decide), name="policies_decide"),
    ]


def policies(request: HttpRequest) -> HttpResponse:
    """The policies, the change that waits, and those that were."""
    if not request.user.has_perm(READ):
        raise PermissionDenied
    may_set = request.user.has_perm(SET)
    now_held = policychanges.in_force()
    form = PolicyForm(initial=initial(now_held))
    if request.method == "POST":
        if not may_set:
            raise PermissionDenied
        form = PolicyForm(request.POST)
        if _is_sound(form, now_held) and (told := _changed(request, form, now_held)):
            messages.success(request, told)
            return HttpResponseRedirect(reverse("admin:policies"))
    if not may_set:
        for field in form.fields.values():
            field.disabled = True
    opened = PolicyChange.objects.filter(status__in=PolicyChange.OPEN).first()
    newest = PolicyChange.objects.exclude(status__in=PolicyChange.OPEN).order_by("-number")[:SHOWN]
    context = {
        **admin.site.each_context(request),
        "title": _("Policies"),
        "form": form,
        "groups": [(title, [form[name] for name in names]) for title, names in GROUPS],
        "note": form["note"],
        "opened": _told(opened) if opened else None,
        "dead_end": approvers.is_dead_end(opened, SET),
        "own": opened is not None and opened.submitted_by == actor(request),
        "history": [_told(each) for each in newest],
        "may_set": may_set,
    }
    return TemplateResponse(request, "console/policies/page.html", context)


def decide(request: HttpRequest, step: str) -> HttpResponse:
    """Approve, reject or withdraw the change that waits; the form names the one that was looked at."""
    if not request.user.has_perm(SET):
        raise PermissionDenied
    who, now = actor(request), clock.now()
    number = steprunner.number_of(str(request.POST.get("number", "")))
    reason = str(request.POST.get("reason", ""))
    steps: dict[str, steprunner.Step] = {
        "approve": (
            lambda: policychanges.approve(actor=who, now=now, number=number),
            _("Approved. The policies are in force within seconds."),
        ),
        "reject": (
            lambda: policychanges.reject(actor=who, now=now, number=number, reason=reason),
            _("Rejected. The policies stay as they are."),
        ),
        "withdraw": (
            lambda: policychanges.withdraw(actor=who, now=now, reason=reason),
            _("Withdrawn. The policies stay as they are."),
        ),
    }
    return steprunner.run(
        request,
        step,
        steps,
        after=lambda: policychanges.carry_over(current_brand()),
        back=reverse("admin:policies"),
    )


def _is_sound(form: PolicyForm, before: dict[str, Any]) -> bool:
    """Whether all fields hold; every wrong one says so at once, whatever is wrong with it."""
    form.is_valid()
    for wrong in form.ranges():
        form.refuse(wrong)
    _refuse_without_two(form, before)
    return not form.errors


def _refuse_without_two(form: PolicyForm, before: dict[str, Any]) -> None:
    """Four eyes are not switched on where fewer than two may agree: what that one submits waits for ever."""
    for key, permission in approvers.AGREES.items():
        asked = form.cleaned_data.get(key, before[key])
        if APPROVALS.index(asked) <= APPROVALS.index(before[key]):
            continue
        if len(approvers.deciders(permission)) < approvers.TWO:
            form.add_error(key, _("Fewer than two active operators may agree to it: add an owner first."))


def _changed(request: HttpRequest, form: PolicyForm, before: dict[str, Any]) -> str:
    """What became of the change; empty where it could not be taken: the faults stand at their fields."""
    try:
        made = policychanges.change(
            changes=form.changes(before),
            actor=actor(request),
            now=clock.now(),
            note=form.cleaned_data["note"],
        )
    except Invalid as invalid:
        for fault in invalid.errors:
            form.refuse(fault)
        return ""
    except Refusal as refusal:
        form.add_error(None, str(refusal.detail))
        return ""
    policychanges.carry_over(current_brand())
    if made is None:
        return _("Nothing was changed.")
    if made.needs_approval:
        return _("This takes away a control: it waits for a second operator.")
    return _("Changed. The policies are in force within seconds.")


def _told(change: PolicyChange) -> dict[str, Any]:
    return {
        "number": change.number,
        "at": change.submitted_at,
        "by": doer(change.submitted_by),
        "note": change.note,
        "status": change.get_status_display(),
        "published": change.status == PolicyChange.Status.PUBLISHED,
        "approved_by": doer(change.approved_by),
        "ended_by": doer(change.ended_by),
        "reason": change.reason,
        "differences": differing(change.before, change.body),
    }
