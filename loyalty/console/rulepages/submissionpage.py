"""What was submitted of a rule, beside what runs: for the second operator who decides."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.engine.explain import rule_name
from campaigns.models import RuleSubmission
from campaigns.selectors import words, working_body
from campaigns.services import submissions
from campaigns.wording import differing, in_words
from loyalty.console import approvers
from loyalty.console.decisionpage import (
    ApproveForm,
    DecisionPage,
    RejectForm,
    WithdrawForm,
    asked_for,
    is_open,
    waits,
)
from loyalty.lib import clock
from loyalty.lib.console import Operation, actor
from loyalty.lib.display import instant, link
from loyalty.lib.errors import Text
from loyalty.lib.words import language


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
    if waiting.retires:
        return _("Approved. The rule gives nothing for orders from now on.")
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


def said_of(submission: RuleSubmission) -> str:
    """What was put forward, as a sentence."""
    if submission.retires:
        return str(_("The rule ends for ever. Points that were given stay."))
    return in_words(submission.body)


class SubmissionPage(DecisionPage):
    """Rules that wait for a second operator, and what became of the others."""

    list_display = ("submitted", "called", "what", "state", "who", "approver", "publish_at", "note")
    list_display_links = ("submitted", "called")
    list_select_related = ("rule",)
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
            facts=lambda submission: asked_for(submission, said_of(submission)),
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
            shown=is_open,
        ),
    )

    def panels(self, request: HttpRequest, obj: RuleSubmission) -> Mapping[str, Any]:
        """Both sides in words, and what differs."""
        known = words()
        running = obj.rule.versions.filter(version=obj.rule.current_version or 0).first()
        compared = running is not None and not obj.retires and is_open(obj)
        return {
            "dead_end": approvers.is_dead_end(obj, approvers.RULES),
            "submitted_said": said_of(obj),
            "running_said": in_words(running.body, known) if running else "",
            "running_version": running.version if running else None,
            "compared": compared,
            "differences": differing(running.body, obj.body, known) if running and compared else [],
        }

    @display(description=_("rule"))
    def called(self, submission: RuleSubmission) -> str:
        """The rule as it was put forward, by name, with the submission's number."""
        body = submission.body or working_body(submission.rule)
        return f"{rule_name(body, language())} #{submission.number}"

    @display(description=_("rule"))
    def title(self, submission: RuleSubmission) -> SafeString | str:
        """The rule, as a link."""
        return link(submission.rule, submission)

    @display(description=_("what for"))
    def what(self, submission: RuleSubmission) -> str:
        """Whether the draft is to run, or the rule to end."""
        return str(_("to retire it") if submission.retires else _("to publish it"))
