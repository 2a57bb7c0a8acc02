"""What was submitted of the tiers, beside what is in force: for the second operator who decides."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.models import TierSubmission
from campaigns.services import tiersubmissions
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
from loyalty.console.tierpages.words import differing, parts
from loyalty.lib import clock
from loyalty.lib.console import Facts, Operation, actor
from loyalty.lib.display import instant, plain
from loyalty.lib.errors import Text
from loyalty.lib.words import pick
from points.services import tiermoves, tiers


def approve(_admin: Any, request: HttpRequest, waiting: TierSubmission, data: dict[str, Any]) -> Text:
    """Put exactly what was submitted in force, now or at its time."""
    decided = tiersubmissions.approve(
        number=waiting.number, actor=actor(request), now=clock.now(), at=data["at"], note=data["note"]
    )
    if decided.status == TierSubmission.Status.SCHEDULED:
        return _("Approved. The tiers will be in force at %(at)s.") % {"at": instant(decided.publish_at)}
    return _("Approved. The tiers are in force.")


def reject(_admin: Any, request: HttpRequest, waiting: TierSubmission, data: dict[str, Any]) -> Text:
    """Turn it down."""
    tiersubmissions.reject(
        number=waiting.number, actor=actor(request), now=clock.now(), reason=data["reason"]
    )
    return _("Rejected. The tiers stay as they are.")


def withdraw(_admin: Any, request: HttpRequest, _opened: TierSubmission, data: dict[str, Any]) -> Text:
    """Take it back."""
    tiersubmissions.withdraw(actor=actor(request), now=clock.now(), reason=data["reason"])
    return _("Withdrawn. The tiers stay as they are.")


def moves_of(submission: TierSubmission) -> str:
    """How many members it would move if it were in force now."""
    found = tiermoves.moves(submission.body, clock.now())
    if found is None:
        return str(_("There are too many members to count them here."))
    said = _("%(up)s would rise and %(down)s would fall at once") % {
        "up": plain(found.up),
        "down": plain(found.down),
    }
    if not found.short:
        return said
    return f"{said}; " + _(
        "%(short)s keep a level that they would not have earned, until its period ends"
    ) % {"short": plain(found.short)}


def facts_of(submission: TierSubmission) -> Facts:
    """What is asked for, and whom it moves, before one agrees to it."""
    asked = asked_for(submission, levels_of(submission))
    return Facts([*asked.lines, (_("members"), moves_of(submission))])


def levels_of(submission: TierSubmission) -> str:
    """The levels by name, from the lowest."""
    return " · ".join(pick(level["name"]) or str(level["code"]) for level in submission.body["levels"])


class TierSubmissionPage(DecisionPage):
    """Tiers that wait for a second operator, and what became of the others."""

    change_form_outer_after_template = "console/tiers/submission_panels.html"
    operations = (
        Operation(
            "approve",
            _("Approve"),
            _("Exactly what was submitted is in force. You cannot approve what you submitted yourself."),
            "campaigns.approve_rule",
            approve,
            icon="check",
            form=ApproveForm,
            shown=waits,
            facts=facts_of,
        ),
        Operation(
            "reject",
            _("Reject"),
            _("The tiers stay as they are; the reason is kept."),
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
            _("It is no longer open; the tiers stay as they are."),
            "points.set_tierprogram",
            withdraw,
            icon="undo",
            danger=True,
            form=WithdrawForm,
            shown=is_open,
        ),
    )

    def panels(self, request: HttpRequest, obj: TierSubmission) -> Mapping[str, Any]:
        """What was submitted in words; what would change and whom it would move, or what was to change."""
        opened = is_open(obj)
        before = tiers.config() if opened else tiers.config_of(obj.instead_of)
        return {
            "dead_end": approvers.is_dead_end(obj, approvers.RULES),
            "submitted_parts": parts(obj.body).values(),
            "opened": opened,
            "compared": opened or before is not None or not obj.instead_of,
            "differences": differing(before, obj.body),
            "moves": moves_of(obj) if opened else "",
            "again": not opened
            and obj.status != TierSubmission.Status.PUBLISHED
            and request.user.has_perm("points.set_tierprogram"),
        }

    @display(description=_("tiers"))
    def title(self, submission: TierSubmission) -> str:
        """The levels, from the lowest."""
        return f"{submission}: {levels_of(submission)}"
