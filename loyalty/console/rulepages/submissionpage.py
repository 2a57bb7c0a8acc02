"""What was submitted of a rule, beside what runs: for the second operator who decides."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns.admin import WhenForm
from campaigns.models import RuleSubmission
from campaigns.selectors import words
from campaigns.services import submissions
from campaigns.wording import differing, in_words
from loyalty.console.entrywords import doer
from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, Operation, actor
from loyalty.lib.display import LABELS, Status, instant, link, status
from loyalty.lib.errors import Text

NOTE_LENGTH = 500


class ApproveForm(WhenForm):
    """Another time than the one asked for, and a note."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=NOTE_LENGTH,
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
        label=_("Reason"), max_length=NOTE_LENGTH, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class WithdrawForm(forms.Form):
    """Why it is taken back."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=NOTE_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


def approve(_admin: Any, request: HttpRequest, waiting: RuleSubmission, data: dict[str, Any]) -> Text:
    """Publish exactly what was submitted, now or at its time."""
    saved = submissions.approve(
        code=waiting.rule.code,
        number=waiting.number,
        actor=actor(request),
        now=clock.now(),
        at=data["at"],
        note=data["note"],
    )
    if saved.submission is not None and saved.submission.status == RuleSubmission.Status.SCHEDULED:
        return _("Approved. It will be published at %(at)s.") % {"at": instant(saved.submission.publish_at)}
    return _("Approved. Version %(version)s runs from now on.") % {"version": saved.rule.current_version}


def reject(_admin: Any, request: HttpRequest, waiting: RuleSubmission, data: dict[str, Any]) -> Text:
    """Turn it down."""
    submissions.reject(
        code=waiting.rule.code,
        number=waiting.number,
        actor=actor(request),
        now=clock.now(),
        reason=data["reason"],
    )
    return _("Rejected. The draft stays.")


def withdraw(_admin: Any, request: HttpRequest, opened: RuleSubmission, data: dict[str, Any]) -> Text:
    """Take it back."""
    submissions.withdraw(code=opened.rule.code, actor=actor(request), now=clock.now(), reason=data["reason"])
    return _("Withdrawn. The draft stays.")


def waits(submission: RuleSubmission) -> bool:
    """Whether nobody has decided yet."""
    return submission.status == RuleSubmission.Status.PENDING_APPROVAL


class SubmissionPage(EndlessPage):
    """Rules that wait for a second operator, and what became of the others."""

    list_display = ("submitted", "title", "state", "who", "approver", "publish_at", "note")
    list_filter = ("status",)
    list_select_related = ("rule",)
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
    change_form_outer_after_template = "console/rules/submission_panels.html"
    operations = (
        Operation(
            "approve",
            _("Approve"),
            _("Exactly what was submitted is published. You cannot approve what you submitted yourself."),
            "campaigns.approve_rule",
            approve,
            icon="check",
            form=ApproveForm,
            shown=waits,
        ),
        Operation(
            "reject",
            _("Reject"),
            _("Nothing is published; the reason is kept."),
            "campaigns.approve_rule",
            reject,
            icon="close",
            danger=True,
            form=RejectForm,
            shown=waits,
        ),
        Operation(
            "withdraw",
            _("Withdraw"),
            _("It is no longer open; the draft stays as it is."),
            "campaigns.submit_rule",
            withdraw,
            icon="undo",
            danger=True,
            form=WithdrawForm,
            shown=lambda submission: submission.status in RuleSubmission.OPEN,
        ),
    )

    def panels(self, request: HttpRequest, obj: RuleSubmission) -> Mapping[str, Any]:
        """Both sides in words, and what differs."""
        known = words()
        running = obj.rule.versions.filter(version=obj.rule.current_version or 0).first()
        return {
            "submitted_said": in_words(obj.body, known),
            "running_said": in_words(running.body, known) if running else "",
            "running_version": running.version if running else None,
            "differences": differing(running.body, obj.body, known) if running else [],
        }

    @display(description=_("rule"))
    def title(self, submission: RuleSubmission) -> SafeString | str:
        """The rule, as a link."""
        return link(submission.rule, submission)

    @display(description=_("status"), label=LABELS)
    def state(self, submission: RuleSubmission) -> Status:
        """The status, coloured."""
        return status(submission)

    @display(description=_("submitted by"))
    def who(self, submission: RuleSubmission) -> str:
        """Who put it forward."""
        return doer(submission.submitted_by)

    @display(description=_("submitted at"))
    def submitted(self, submission: RuleSubmission) -> str:
        """When."""
        return instant(submission.submitted_at)

    @display(description=_("publish at"))
    def planned(self, submission: RuleSubmission) -> str:
        """The time asked for, or decided."""
        return (
            instant(submission.publish_at) if submission.publish_at else str(_("as soon as it is approved"))
        )

    @display(description=_("note"))
    def note_n(self, submission: RuleSubmission) -> str:
        """What it is for."""
        return submission.note or "–"

    @display(description=_("approved by"))
    def approver(self, submission: RuleSubmission) -> str:
        """The second operator."""
        return doer(submission.approved_by) or "–"

    @display(description=_("approved at"))
    def approved(self, submission: RuleSubmission) -> str:
        """When."""
        return instant(submission.approved_at)

    @display(description=_("ended at"))
    def ended(self, submission: RuleSubmission) -> str:
        """When it was published, rejected or withdrawn."""
        return instant(submission.ended_at)

    @display(description=_("reason"))
    def reason_n(self, submission: RuleSubmission) -> str:
        """Why it was turned down."""
        return submission.reason or "–"
