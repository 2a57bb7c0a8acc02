"""The buttons that wake-ups and audience grants share: submit, approve, turn down, cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns.models.decided import Decided
from campaigns.services.decided import LONGEST_NOTE
from loyalty.lib import clock
from loyalty.lib.console import Facts, Operation, ServicePage, actor
from loyalty.lib.display import Status, doer, status
from loyalty.lib.errors import FieldError, Invalid, Text

S = Decided.Status
DECIDING: Final = ("approve", "reject")
COLOURS: Mapping[str, str] = {
    S.DRAFT: "warning",
    S.SUBMITTED: "warning",
    S.SCHEDULED: "info",
    S.RUNNING: "info",
    S.DONE: "success",
    S.CANCELLED: "danger",
}


class Services(Protocol):
    """The module that takes the steps."""

    submit: Callable[..., Any]
    approve: Callable[..., Any]
    reject: Callable[..., Any]
    cancel: Callable[..., Any]


class NoteForm(forms.Form):
    """A note for who decides."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=LONGEST_NOTE,
        help_text=_("For who decides: what it is for, and what it may cost."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class ReasonForm(forms.Form):
    """Why it is turned down."""

    reason = forms.CharField(
        label=_("Reason"), max_length=LONGEST_NOTE, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def state_of(row: Decided) -> Status:
    """The state, for a coloured label."""
    return status(row)


def _not_over(row: Any) -> bool:
    return row.status not in (S.DONE, S.CANCELLED)


class DecidedPage(ServicePage):
    """A page of rows that wait for a second operator: nobody is offered to decide on their own."""

    change_form_before_template = "console/audiences/size.html"

    def _possible(self, request: HttpRequest, obj: Any) -> list[Operation]:
        found = super()._possible(request, obj)
        return [each for each in found if each.name not in DECIDING] if is_own(request, obj) else found

    def panels(self, request: HttpRequest, obj: Any) -> Mapping[str, Any]:
        """What it would come to, why it was turned down, and whether it is one's own."""
        return {
            "size": self.size(obj) if obj.status in (S.DRAFT, S.SUBMITTED) else None,
            "turned_down": obj.note if obj.status == S.DRAFT else "",
            "own": is_own(request, obj),
        }

    def size(self, obj: Any) -> Facts:
        """What it would come to if it began now."""
        return Facts()

    @display(description=_("submitted by"))
    def submitter(self, row: Decided) -> str:
        """Who put it forward."""
        return doer(row.submitted_by) or "–"

    @display(description=_("approved by"))
    def approver(self, row: Decided) -> str:
        """Who agreed."""
        return doer(row.approved_by) or "–"


def is_own(request: HttpRequest, row: Any) -> bool:
    """Whether it waits for somebody else than who looks at it."""
    return bool(row.status == S.SUBMITTED and row.submitted_by == actor(request))


def _plainly(refusal: Invalid) -> Invalid:
    """The same without the places, which the question's form does not have."""
    return Invalid([FieldError("", each.code, each.detail) for each in refusal.errors])


def steps(
    services: Services,
    model: str,
    *,
    cancel_words: Text,
    cancelled: Text,
    size: Callable[[Any], Facts],
    may_cancel: Callable[[Any], bool] = _not_over,
) -> tuple[Operation, ...]:
    """The buttons for rows that these services decide on; `cancelled` says what cancelling does, `size` what
    a row would come to."""

    def submit(_admin: Any, request: HttpRequest, row: Any, data: dict[str, Any]) -> Text:
        try:
            saved = services.submit(code=row.code, actor=actor(request), now=clock.now(), note=data["note"])
        except Invalid as refusal:
            raise _plainly(refusal) from refusal
        waits = saved.status == S.SUBMITTED
        return _("Submitted: it waits for a second operator.") if waits else _("It is scheduled.")

    def approve(_admin: Any, request: HttpRequest, row: Any, _data: dict[str, Any]) -> Text:
        try:
            services.approve(code=row.code, actor=actor(request), now=clock.now())
        except Invalid as refusal:
            raise _plainly(refusal) from refusal
        return _("Approved: it is scheduled.")

    def reject(_admin: Any, request: HttpRequest, row: Any, data: dict[str, Any]) -> Text:
        services.reject(code=row.code, actor=actor(request), now=clock.now(), reason=data["reason"])
        return _("Turned down: it is a draft again.")

    def cancel(_admin: Any, request: HttpRequest, row: Any, _data: dict[str, Any]) -> Text:
        services.cancel(code=row.code, actor=actor(request), now=clock.now())
        return _("Cancelled.")

    return (
        Operation(
            "submit",
            _("Submit"),
            _("It goes out at its time; where the brand asks for it, once somebody else has agreed."),
            f"campaigns.submit_{model}",
            submit,
            icon="send",
            form=NoteForm,
            facts=size,
            shown=lambda row: row.status == S.DRAFT,
        ),
        Operation(
            "approve",
            _("Approve"),
            _("What you see is what goes out. Nobody approves their own."),
            f"campaigns.approve_{model}",
            approve,
            icon="check",
            facts=size,
            shown=lambda row: row.status == S.SUBMITTED,
        ),
        Operation(
            "reject",
            _("Turn down"),
            _("It is a draft again, with your reason beside it."),
            f"campaigns.approve_{model}",
            reject,
            icon="block",
            form=ReasonForm,
            recorded="reason",
            shown=lambda row: row.status == S.SUBMITTED,
        ),
        Operation(
            "cancel",
            cancel_words,
            cancelled,
            f"campaigns.submit_{model}",
            cancel,
            icon="stop_circle",
            danger=True,
            shown=may_cancel,
        ),
    )
