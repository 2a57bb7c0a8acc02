"""What operators do to accounts by hand: adjusting and freezing, with a reason."""

from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from loyalty.lib import clock, ids
from loyalty.lib.console import actor
from loyalty.lib.errors import Text
from points import services
from points.models import Account, AdjustmentRequest, Entry, Lot
from points.postings import MAX_POINTS


class AdjustForm(forms.Form):
    """Points to give or to take, and why. The reference makes a second click harmless."""

    points = forms.IntegerField(
        label=_("Points"),
        min_value=-MAX_POINTS,
        max_value=MAX_POINTS,
        help_text=_("Positive gives points, negative takes them."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("Written into the ledger for ever. The member may read it."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    reference = forms.CharField(
        widget=forms.HiddenInput, initial=lambda: f"console-{ids.new()}", max_length=80
    )

    def clean_points(self) -> int:
        """Any number but zero. Raises ValidationError."""
        points: int = self.cleaned_data["points"]
        if points == 0:
            raise forms.ValidationError(_("Zero changes nothing."))
        return points


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class FreezeForm(forms.Form):
    """What is frozen, and why."""

    earn = forms.BooleanField(label=_("No earning"), required=False, widget=UnfoldBooleanSwitchWidget)
    burn = forms.BooleanField(
        label=_("No spending"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def adjust(_admin: Any, request: HttpRequest, account: Account, data: dict[str, Any]) -> Text:
    """Give or take points; above the brand's threshold a second operator decides."""
    done = services.request_adjustment(
        member_id=account.member_id,
        points=data["points"],
        reference=data["reference"],
        reason=data["reason"],
        actor=actor(request),
        currency=account.currency,
        now=clock.now(),
    )
    if isinstance(done, AdjustmentRequest):
        return _("This many points need a second operator. The request waits for approval.")
    return _("Done. The balance is now %(balance)s.") % {"balance": done.account.balance}


def freeze(_admin: Any, _request: HttpRequest, account: Account, data: dict[str, Any]) -> Text:
    """Stop earning or spending on all accounts of the member."""
    services.freeze(
        member_id=account.member_id,
        earn=data["earn"],
        burn=data["burn"],
        reason=data["reason"],
        now=clock.now(),
    )
    return _("Frozen.")


def unfreeze(_admin: Any, _request: HttpRequest, account: Account, _data: dict[str, Any]) -> Text:
    """Let the member earn and spend again."""
    services.unfreeze(member_id=account.member_id, now=clock.now())
    return _("The member can earn and spend again.")


def still_pending(entry: Entry) -> bool:
    """Whether points of the entry wait, in its account or where the member was merged into."""
    homes = [key for key in (entry.account_id, entry.account.moved_to_id) if key is not None]
    waiting = Lot.objects.filter(account_id__in=homes, state=Lot.State.PENDING)
    return waiting.filter(Q(entry=entry) | Q(from_lot__entry=entry)).exists()


def activate(_admin: Any, request: HttpRequest, entry: Entry, data: dict[str, Any]) -> Text:
    """Free what the entry keeps pending."""
    done = services.activate_entry(
        entry_id=entry.pk, reason=data["reason"], actor=actor(request), now=clock.now()
    )
    return _("%(points)s points are available now.") % {"points": done.points}


def cancel_pending(_admin: Any, request: HttpRequest, entry: Entry, data: dict[str, Any]) -> Text:
    """Take back what the entry keeps pending."""
    done = services.cancel_pending(
        entry_id=entry.pk,
        reference=str(entry.pk),
        reason=data["reason"],
        actor=actor(request),
        now=clock.now(),
    )
    return _("%(points)s pending points were taken back.") % {"points": -done.entry.points}
