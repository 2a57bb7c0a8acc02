"""What operators do to accounts and entries by hand, each with a reason: adjusting, freezing, reversing."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from loyalty.lib import clock, ids
from loyalty.lib.console import Facts, actor
from loyalty.lib.display import plain
from loyalty.lib.errors import Text
from points import selectors, services
from points.models import Account, AdjustmentRequest, Entry, Lot
from points.postings import DEFAULT_CURRENCY, MAX_POINTS, UNDONE_ELSEWHERE
from tenants.context import current_brand

REVERSIBLE = frozenset(
    {
        Entry.Kind.ACCRUAL,
        Entry.Kind.OPENING,
        Entry.Kind.ADJUSTMENT,
        Entry.Kind.BURN,
        Entry.Kind.CAPTURE,
    }
)
OTHER = ""
ADJUSTING: Sequence[tuple[str, Text]] = (
    (OTHER, _("other, as written below")),
    ("missing", _("Points were missing")),
    ("wrong", _("Too many points were given")),
    ("goodwill", _("Goodwill after a complaint")),
    ("fault", _("Technical fault")),
    ("fraud", _("Misuse")),
    ("campaign", _("Promised by a campaign")),
)
FREEZING: Sequence[tuple[str, Text]] = (
    (OTHER, _("other, as written below")),
    ("lost", _("Phone or card lost")),
    ("suspicion", _("Suspicion of misuse")),
    ("wish", _("The member's own wish")),
    ("dispute", _("Dispute being looked into")),
)


OF_POINTS = dict.fromkeys(
    ("insufficient_points", "points_out_of_range", "reversal_exceeds_entry", "account_frozen"), "points"
)
"""Refusals that speak of how many points are moved."""


class ReasonedForm(forms.Form):
    """A reason out of a list, or in words; at least one of both, and both together are kept."""

    reasons: Sequence[tuple[str, Text]] = ADJUSTING
    kept: Text = _("Written into the ledger for ever. The member may read it.")
    why = forms.ChoiceField(label=_("Reason"), required=False, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=_("In words"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["why"].choices = self.reasons  # type: ignore[attr-defined]
        self.fields["reason"].help_text = str(self.kept)

    def clean(self) -> dict[str, Any]:
        """`reason` as it will be kept. Raises ValidationError where neither list nor words name one."""
        data = super().clean() or self.cleaned_data
        listed = str(dict(self.reasons)[data["why"]]) if data.get("why") else ""
        kept = " – ".join(part for part in (listed, data.get("reason", "").strip()) if part)
        if not kept and "reason" not in self.errors:
            self.add_error("reason", _("Choose a reason, or write one."))
        return {**data, "reason": kept}


class OnceForm(ReasonedForm):
    """The reference is the form's own: a second click finds the first one's entry."""

    reference = forms.CharField(
        widget=forms.HiddenInput,
        initial=lambda: f"console-{ids.new()}",
        max_length=80,
        validators=[RegexValidator(r"^console-[\w-]+\Z")],
    )


class AdjustForm(OnceForm):
    """Points to give or to take, and why."""

    field_order = ("points", "why", "reason", "reference")
    points = forms.IntegerField(
        label=_("Points"),
        min_value=-MAX_POINTS,
        max_value=MAX_POINTS,
        help_text=_("Positive gives points, negative takes them."),
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def clean_points(self) -> int:
        """Any number but zero. Raises ValidationError."""
        points: int = self.cleaned_data["points"]
        if points == 0:
            raise forms.ValidationError(_("Zero changes nothing."))
        return points


class ReverseForm(OnceForm):
    """How much of an entry is undone, and why."""

    field_order = ("points", "why", "reason", "reference")
    points = forms.IntegerField(
        label=_("Points"),
        min_value=1,
        max_value=MAX_POINTS,
        required=False,
        help_text=_("Left empty: all that is left of the entry."),
        widget=UnfoldAdminIntegerFieldWidget,
    )


class ReasonForm(ReasonedForm):
    """Why pending points are decided by hand."""


class FreezeForm(ReasonedForm):
    """What is frozen, and why."""

    reasons = FREEZING
    field_order = ("earn", "burn", "why", "reason")
    kept = _("It stands on the member's page for as long as the freeze lasts.")
    earn = forms.BooleanField(label=_("No earning"), required=False, widget=UnfoldBooleanSwitchWidget)
    burn = forms.BooleanField(
        label=_("No spending"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )

    def clean(self) -> dict[str, Any]:
        """At least one of both. Raises ValidationError."""
        data = super().clean()
        if not data.get("earn") and not data.get("burn"):
            self.add_error(None, _("Choose what is to be frozen."))
        return data


def balance_facts(account: Account) -> Facts:
    """What the account has at this moment, and how many points one operator may move alone."""
    now = selectors.account_view(account.member_id, clock.now(), currency=account.currency)
    lines: list[tuple[Text, str]] = [(_("available now"), plain(now.available))]
    lines += [(_("pending"), plain(now.pending))] if now.pending else []
    lines += [(_("held"), plain(now.held))] if now.held else []
    lines += [(_("debt"), plain(now.debt))] if now.debt else []
    limit = current_brand().setting("adjustment_approval_above")
    if limit is not None:
        lines.append((_("needs a second operator above"), plain(int(limit))))
    return Facts(lines, {"available": now.available, "debt": now.debt, "limit": limit})


def freeze_facts(account: Account) -> Facts:
    """How many points can no longer be spent, over all accounts of the member."""
    lines: list[tuple[Text, str]] = []
    for each in selectors.accounts(account.member_id):
        view = selectors.account_view(account.member_id, clock.now(), currency=each.currency)
        name = current_brand().points_label if each.currency == DEFAULT_CURRENCY else each.currency
        lines.append((name, plain(view.available + view.pending + view.held)))
    return Facts(lines)


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
    return _("Done. The balance is now %(balance)s.") % {"balance": plain(done.account.balance)}


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


def may_be_reversed(entry: Entry) -> bool:
    """Whether it is of a kind that is undone by hand, and something is left of it."""
    if entry.kind not in REVERSIBLE or entry.source in UNDONE_ELSEWHERE:
        return False
    return selectors.reversed_points(entry.pk) < entry.points


def reversal_facts(entry: Entry) -> Facts:
    """What is left of the entry, and what the member has now."""
    left = entry.points - selectors.reversed_points(entry.pk)
    of_account = balance_facts(entry.account)
    what = _("can be given back") if entry.direction < 0 else _("can be taken back")
    lines = [(_("points of the entry"), plain(entry.points)), (what, plain(left)), *of_account.lines]
    preview = {**(of_account.preview or {}), "left": left, "sign": -entry.direction}
    return Facts(lines, preview)


def reverse(_admin: Any, request: HttpRequest, entry: Entry, data: dict[str, Any]) -> Text:
    """Undo an entry or a part of it; above the threshold of adjustments one operator alone may not."""
    done = services.request_reversal(
        entry_id=entry.pk,
        points=data["points"] or None,
        reference=data["reference"],
        reason=data["reason"],
        actor=actor(request),
        now=clock.now(),
    )
    if isinstance(done, AdjustmentRequest):
        return _("This many points need a second operator. The request waits for approval.")
    return _("Reversed. The balance is now %(balance)s.") % {"balance": plain(done.account.balance)}


def decision_facts(waiting: AdjustmentRequest) -> Facts:
    """What the member has now and would have afterwards, and who asked why."""
    now = selectors.account_view(waiting.member_id, clock.now(), currency=waiting.currency)
    debt = max(0, now.debt - waiting.points) if waiting.points > 0 else now.debt
    after = now.available + waiting.points - (now.debt - debt)
    if waiting.entry_id is not None:
        # What a clawback does not find is owed.
        after = max(0, after)
    return Facts(
        [
            (_("member"), str(waiting.member)),
            (_("points"), plain(waiting.points, signed=True)),
            (_("available now"), plain(now.available)),
            (_("available afterwards"), plain(after)),
            (_("reason"), waiting.reason),
            (_("requested by"), waiting.requested_by.removeprefix("operator:")),
        ]
    )


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
    return _("%(points)s points are available now.") % {"points": plain(done.points)}


def cancel_pending(_admin: Any, request: HttpRequest, entry: Entry, data: dict[str, Any]) -> Text:
    """Take back what the entry keeps pending."""
    done = services.cancel_pending(
        entry_id=entry.pk,
        reference=str(entry.pk),
        reason=data["reason"],
        actor=actor(request),
        now=clock.now(),
    )
    return _("%(points)s pending points were taken back.") % {"points": plain(-done.entry.points)}
