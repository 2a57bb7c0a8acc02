"""The buttons that wake-ups and audience grants share: submit, approve, turn down, cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns.models.decided import Decided
from campaigns.services.decided import LONGEST_NOTE
from loyalty.lib import clock
from loyalty.lib.console import Operation, actor
from loyalty.lib.display import Status, status
from loyalty.lib.errors import Text

S = Decided.Status
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


def steps(
    services: Services, model: str, *, cancelled: Text, may_cancel: Callable[[Any], bool] = _not_over
) -> tuple[Operation, ...]:
    """The buttons for rows that these services decide on; `cancelled` says what cancelling does."""

    def submit(_admin: Any, request: HttpRequest, row: Any, data: dict[str, Any]) -> Text:
        saved = services.submit(code=row.code, actor=actor(request), now=clock.now(), note=data["note"])
        waits = saved.status == S.SUBMITTED
        return _("Submitted: it waits for a second operator.") if waits else _("It is scheduled.")

    def approve(_admin: Any, request: HttpRequest, row: Any, _data: dict[str, Any]) -> Text:
        services.approve(code=row.code, actor=actor(request), now=clock.now())
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
            shown=lambda row: row.status == S.DRAFT,
        ),
        Operation(
            "approve",
            _("Approve"),
            _("What you see is what goes out. Nobody approves their own."),
            f"campaigns.approve_{model}",
            approve,
            icon="check",
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
            shown=lambda row: row.status == S.SUBMITTED,
        ),
        Operation(
            "cancel",
            _("Cancel it"),
            cancelled,
            f"campaigns.submit_{model}",
            cancel,
            icon="stop_circle",
            danger=True,
            shown=may_cancel,
        ),
    )
