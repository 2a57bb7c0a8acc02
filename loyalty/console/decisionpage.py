"""What the pages of all submissions share: who put what forward, who decided, and the forms of a decision."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns.admin import WhenForm
from loyalty.lib.console import EndlessPage, Facts
from loyalty.lib.display import LABELS, Status, doer, instant, status
from loyalty.lib.errors import Text
from loyalty.lib.foureyes import LONGEST_NOTE, Submitted


class ApproveForm(WhenForm):
    """Another time than the one asked for, and a note."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at"].help_text = _(
            "In the brand's time. Left empty: when it was asked for, else at once."
        )


class RejectForm(forms.Form):
    """Why not."""

    reason = forms.CharField(
        label=_("Reason"), max_length=LONGEST_NOTE, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class WithdrawForm(forms.Form):
    """Why it is taken back."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


def waits(submission: Submitted) -> bool:
    """Whether nobody has decided yet."""
    return submission.status == Submitted.Status.PENDING_APPROVAL


def is_open(submission: Submitted) -> bool:
    """Whether it waits, for a decision or for its time."""
    return submission.status in Submitted.OPEN


def asked_for(submission: Submitted, said: str) -> Facts:
    """What somebody else wants, before one agrees to it."""
    lines: list[tuple[Text, str]] = [(_("submitted"), said)] if said else []
    lines += [(_("publish at"), planned_for(submission)), (_("submitted by"), doer(submission.submitted_by))]
    return Facts([*lines, (_("note"), submission.note)] if submission.note else lines)


def planned_for(submission: Submitted) -> str:
    """The time asked for, or decided."""
    if submission.publish_at is None:
        return str(_("as soon as it is approved"))
    return instant(submission.publish_at)


class DecisionPage(EndlessPage):
    """What waits for a second operator, and what became of the others."""

    empty_words = _("What somebody submits waits here until somebody else approves or rejects it.")

    list_display: Any = ("submitted", "title", "state", "who", "approver", "publish_at", "note")
    list_filter = ("status",)
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("title", "state"),
                    ("who", "submitted"),
                    ("planned", "note_n"),
                    ("approver", "approved"),
                    ("ended", "reason_n"),
                )
            },
        ),
    )
    readonly_fields = (
        "title",
        "state",
        "who",
        "submitted",
        "planned",
        "note_n",
        "approver",
        "approved",
        "ended",
        "reason_n",
    )

    @display(description=_("status"), label=LABELS)
    def state(self, submission: Submitted) -> Status:
        """The status, coloured."""
        return status(submission)

    @display(description=_("submitted by"))
    def who(self, submission: Submitted) -> str:
        """Who put it forward."""
        return doer(submission.submitted_by)

    @display(description=_("submitted at"))
    def submitted(self, submission: Submitted) -> str:
        """When."""
        return instant(submission.submitted_at)

    @display(description=_("publish at"))
    def planned(self, submission: Submitted) -> str:
        """The time asked for, or decided."""
        return planned_for(submission)

    @display(description=_("note"))
    def note_n(self, submission: Submitted) -> str:
        """What it is for."""
        return submission.note or "–"

    @display(description=_("approved by"))
    def approver(self, submission: Submitted) -> str:
        """The second operator."""
        return doer(submission.approved_by) or "–"

    @display(description=_("approved at"))
    def approved(self, submission: Submitted) -> str:
        """When."""
        return instant(submission.approved_at)

    @display(description=_("ended at"))
    def ended(self, submission: Submitted) -> str:
        """When it was published, rejected or withdrawn, and by whom."""
        by = doer(submission.ended_by)
        return f"{instant(submission.ended_at)} · {by}" if by else instant(submission.ended_at)

    @display(description=_("reason"))
    def reason_n(self, submission: Submitted) -> str:
        """Why it was turned down."""
        return submission.reason or "–"
