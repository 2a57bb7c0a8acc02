"""Claims of members in the console: the receipt beside the order, and the decision."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns.models import Claim
from campaigns.services import claims
from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, Facts, Operation, actor
from loyalty.lib.display import LABELS, Status, code, instant, link, money, number, plain, status
from loyalty.lib.errors import Text
from members.models import Purchase
from points.models import AdjustmentRequest
from tenants.context import current_brand

MOST_POINTS = 10**12


class LinkForm(forms.Form):
    """Which order it was."""

    order_id = forms.CharField(
        label=_("Order number"),
        required=False,
        max_length=100,
        help_text=_("Left empty: the number that the member gave."),
        widget=UnfoldAdminTextInputWidget,
    )


class ReasonForm(forms.Form):
    """Why; the member reads it."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("The member reads it."),
        widget=UnfoldAdminTextInputWidget,
    )


class PointsForm(ReasonForm):
    """How many points, and why."""

    points = forms.IntegerField(
        label=_("Points"),
        min_value=1,
        max_value=MOST_POINTS,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
    )
    field_order = ("points", "reason")


def accept(_admin: Any, request: HttpRequest, claim: Claim, data: dict[str, Any]) -> Text:
    """Link the order."""
    done = claims.accept_order(
        claim_id=claim.pk, order_id=data["order_id"].strip(), actor=actor(request), now=clock.now()
    )
    return _("The order is the member's and gave %(points)s points.") % {"points": plain(done.points or 0)}


def give(_admin: Any, request: HttpRequest, claim: Claim, data: dict[str, Any]) -> Text:
    """Give points by hand."""
    done = claims.give_points(
        claim_id=claim.pk,
        count=data["points"],
        actor=actor(request),
        reason=data["reason"],
        now=clock.now(),
    )
    if done.status == Claim.Status.OPEN:
        return _("Requested: a second operator has to agree.")
    return _("Accepted: %(points)s points were given.") % {"points": plain(data["points"])}


def reject(_admin: Any, request: HttpRequest, claim: Claim, data: dict[str, Any]) -> Text:
    """Turn it down."""
    claims.reject(claim_id=claim.pk, actor=actor(request), reason=data["reason"], now=clock.now())
    return _("Rejected. The member reads the reason.")


def decidable(claim: Claim) -> bool:
    """Whether an operator can decide now."""
    return claim.status == Claim.Status.OPEN and claim.adjustment_id is None


def compared(claim: Claim) -> Facts:
    """What the receipt says, and what the order of this number says."""
    order = Purchase.objects.filter(order_id=claim.order_id).first()
    return Facts(
        [
            (_("On the receipt"), _said(claim.amount, claim.ordered_on, claim.store_id)),
            (_("In the order"), _said_by(order)),
            (_("Finding"), str(claim.get_finding_display())),
        ]
    )


def _said(amount: Any, day: Any, store: str) -> str:
    money_text = f"{formats.number_format(amount, decimal_pos=2)} {current_brand().currency}"
    return " · ".join(part for part in (money_text, formats.date_format(day) if day else "", store) if part)


def _said_by(order: Purchase | None) -> str:
    if order is None:
        return str(_("no such order"))
    day = order.ordered_at.astimezone(current_brand().tz).date()
    return _said(order.amount, day, order.store_id)


class ClaimAdmin(EndlessPage):
    """Claims, the newest first."""

    empty_words = _(
        "Receipts that members file because they earned nothing for them wait here for a decision."
    )

    list_display = ("filed_at", "who", "order_id", "total", "state", "finding", "given")
    list_filter = ("status", "finding")
    list_select_related = ("member",)
    search_fields = ("=order_id",)
    search_help_text = _("Order number")
    ordering = ("-filed_at", "-id")
    fields = (
        ("who", "state"),
        ("order_id", "total"),
        ("ordered_on", "store_id"),
        "note",
        ("order", "finding"),
        ("filed_at", "waits"),
        ("given", "outcome"),
        ("decided_by", "decided_at"),
        ("reason", "asked"),
    )
    readonly_fields = ("who", "state", "total", "order", "waits", "given", "asked")
    operations = (
        Operation(
            "accept",
            _("Link the order"),
            _("The order becomes the member's, and the rules give what they would have given."),
            "campaigns.accept_claim",
            accept,
            icon="check",
            form=LinkForm,
            shown=decidable,
            facts=compared,
        ),
        Operation(
            "give",
            _("Give points"),
            _("Points by hand close the claim. Many points wait for a second operator."),
            "points.adjust_account",
            give,
            icon="add_circle",
            form=PointsForm,
            shown=decidable,
            facts=compared,
        ),
        Operation(
            "reject",
            _("Reject"),
            _("The member gets nothing for this claim and reads why."),
            "campaigns.reject_claim",
            reject,
            icon="block",
            danger=True,
            form=ReasonForm,
            shown=decidable,
            facts=compared,
        ),
    )

    @display(description=_("member"))
    def who(self, claim: Claim) -> SafeString | str:
        """Who claims."""
        return link(claim.member)

    @display(description=_("status"), label=LABELS)
    def state(self, claim: Claim) -> Status:
        """The status, coloured."""
        return status(claim)

    @display(description=_("amount"))
    def total(self, claim: Claim) -> SafeString:
        """As the receipt has it."""
        return money(claim.amount, current_brand().currency)

    @display(description=_("order"))
    def order(self, claim: Claim) -> SafeString | str:
        """The order that was linked, or that of this number, as a link; with whose it is."""
        found = claim.purchase or Purchase.objects.filter(order_id=claim.order_id).first()
        return link(found) if found is not None else "–"

    @display(description=_("waits for the order until"))
    def waits(self, claim: Claim) -> str:
        """Until when it is applied by itself."""
        return instant(claim.waits_until)

    @display(description=_("points given"))
    def given(self, claim: Claim) -> SafeString:
        """What the claim brought."""
        return number(claim.points if claim.outcome else None)

    @display(description=_("adjustment request"))
    def asked(self, claim: Claim) -> SafeString | str:
        """What waits for a second operator, as a link."""
        if claim.adjustment_id is None:
            return "–"
        return link(AdjustmentRequest.objects.get(pk=claim.adjustment_id), code(claim.points))
