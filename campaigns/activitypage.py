"""Activities in the console: what members did, and approving or rejecting it."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns.services import activitytypes, deciding
from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, Facts, Operation, actor
from loyalty.lib.display import LABELS, Status, link, plain, pretty, status
from loyalty.lib.errors import Text
from members.models import Activity


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=500, widget=UnfoldAdminTextInputWidget
    )


def approve(_admin: Any, request: HttpRequest, activity: Activity, data: dict[str, Any]) -> Text:
    """Approve it."""
    deciding.approve_activity(
        activity_id=activity.activity_id, actor=actor(request), reason=data["reason"], now=clock.now()
    )
    return _("Approved: what waited for it is available.")


def reject(_admin: Any, request: HttpRequest, activity: Activity, data: dict[str, Any]) -> Text:
    """Reject it."""
    deciding.reject_activity(
        activity_id=activity.activity_id, actor=actor(request), reason=data["reason"], now=clock.now()
    )
    return _("Rejected: what was given for it was taken back.")


def undecided(activity: Activity) -> bool:
    """Whether nobody has decided yet."""
    return activity.status == Activity.Status.RECORDED


def odd(activity: Activity) -> Facts:
    """What of the activity does not fit its type as the brand has it now."""
    found = activitytypes.misfits(activity.type, activity.attributes)
    return Facts([(_("Does not fit the type as it is now"), f"{e.pointer}: {e.detail}") for e in found])


class ActivityAdmin(EndlessPage):
    """Activities, the newest first."""

    empty_words = _(
        "Check-ins, reviews and what else members did show here, as soon as your shop sends them by the API."
    )

    list_display = ("recorded_at", "type", "who", "given", "state", "activity_id")
    list_filter = ("status", "type")
    list_select_related = ("member",)
    search_fields = ("=activity_id",)
    search_help_text = _("Activity number")
    ordering = ("-recorded_at", "-id")
    fields = (
        ("activity_id", "type"),
        ("who", "state"),
        ("occurred_at", "recorded_at"),
        "given",
        "what",
        ("decided_by", "decided_at"),
        "decision_reason",
    )
    readonly_fields = ("who", "state", "given", "what")
    operations = (
        Operation(
            "approve",
            _("Approve"),
            _("What waited for the approval becomes available to the member."),
            "members.approve_activity",
            approve,
            icon="check",
            form=ReasonForm,
            shown=undecided,
            facts=odd,
        ),
        Operation(
            "reject",
            _("Reject"),
            _("All that was given for it is taken back; if it was spent, the member owes it."),
            "members.reject_activity",
            reject,
            icon="block",
            danger=True,
            form=ReasonForm,
            shown=undecided,
            facts=odd,
        ),
    )

    @display(description=_("member"))
    def who(self, activity: Activity) -> SafeString | str:
        """Who did it."""
        return link(activity.member)

    @display(description=_("status"), label=LABELS)
    def state(self, activity: Activity) -> Status:
        """The status, coloured."""
        return status(activity)

    @display(description=_("points given"), empty_value="–")
    def given(self, activity: Activity) -> str | None:
        """By all rules together."""
        points = sum(entry["points"] for entry in activity.evaluation.get("entries", ()))
        return plain(points) if points else None

    @display(description=_("attributes"))
    def what(self, activity: Activity) -> SafeString:
        """What was said of it."""
        return pretty(activity.attributes)
