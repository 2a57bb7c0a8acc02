"""Accounts with their entries and lots, to be looked at; adjustments and freezes through their services."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, Operation, ReadOnlyPage, actor
from loyalty.lib.display import LABELS, Status, code, doer, instant, link, number, pretty, status
from loyalty.lib.errors import Text
from members.models import Member
from members.selectors import MOST_FOUND, found_by, named
from points import services, wording
from points.adminforms import (
    OF_POINTS,
    AdjustForm,
    FreezeForm,
    ReasonForm,
    activate,
    adjust,
    balance_facts,
    cancel_pending,
    decision_facts,
    freeze,
    freeze_facts,
    still_pending,
    unfreeze,
)
from points.logadmin import ReceiptOfEntry
from points.models import Account, AdjustmentRequest, Entry
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand


def frozen(account: Account) -> bool:
    """Whether anything of it is frozen."""
    return account.earn_frozen or account.burn_frozen


def currency_words(currency: str) -> str:
    """What points of a currency are called."""
    return current_brand().points_label if currency == DEFAULT_CURRENCY else currency


@admin.register(Account)
class AccountAdmin(ReadOnlyPage):
    """What one member holds."""

    list_display = (
        "holder",
        "currency_n",
        "available_n",
        "pending_n",
        "held_n",
        "debt_n",
        "last_activity_at",
    )
    list_select_related = ("member",)
    search_fields = ("member__name",)
    search_help_text = _("Phone, card number, order number, external id, referral code or name")
    ordering = ("-updated_at",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("holder", "currency_n"),
                    ("available_n", "pending_n"),
                    ("held_n", "debt_n"),
                    ("total_n", "last_activity_at"),
                    ("freeze_n", "opened_at"),
                )
            },
        ),
    )
    readonly_fields = (
        "holder",
        "available_n",
        "pending_n",
        "held_n",
        "debt_n",
        "total_n",
        "freeze_n",
        "currency_n",
    )
    operations = (
        Operation(
            "adjust",
            _("Adjust points"),
            _("A correction by hand is an entry of its own in the ledger, with your name and the reason."),
            "points.adjust_account",
            adjust,
            icon="exposure",
            form=AdjustForm,
            facts=balance_facts,
            fields=OF_POINTS,
        ),
        Operation(
            "freeze",
            _("Freeze"),
            _("Stops earning or spending on all accounts of this member until it is lifted."),
            "points.freeze_account",
            freeze,
            icon="ac_unit",
            danger=True,
            form=FreezeForm,
            facts=freeze_facts,
            shown=lambda account: not frozen(account),
        ),
        Operation(
            "unfreeze",
            _("Lift the freeze"),
            _("The member can earn and spend again."),
            "points.freeze_account",
            unfreeze,
            icon="lock_open",
            shown=frozen,
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        """Accounts of the members that the term finds."""
        term = search_term.strip()
        if not term:
            return queryset, False
        exact = queryset.filter(member__in=Member.objects.filter(found_by(term)))
        return (
            (exact, False)
            if exact.exists()
            else (
                queryset.filter(member__in=Member.objects.filter(named(term)).values("pk")[:MOST_FOUND]),
                False,
            )
        )

    @display(description=_("member"))
    def holder(self, account: Account) -> SafeString | str:
        """Whose it is."""
        return link(account.member)

    @display(description=_("points currency"), ordering="currency")
    def currency_n(self, account: Account) -> str:
        """What the brand calls its points; other currencies by their code."""
        return currency_words(account.currency)

    @display(description=_("available"), ordering="available")
    def available_n(self, account: Account) -> SafeString:
        """Can be spent now."""
        return number(account.available)

    @display(description=_("pending"), ordering="pending")
    def pending_n(self, account: Account) -> SafeString:
        """Earned, not yet spendable."""
        return number(account.pending)

    @display(description=_("held"), ordering="held")
    def held_n(self, account: Account) -> SafeString:
        """Reserved by holds."""
        return number(account.held)

    @display(description=_("debt"), ordering="debt")
    def debt_n(self, account: Account) -> SafeString:
        """Owed after a return that found too little."""
        return number(account.debt)

    @display(description=_("freeze"))
    def freeze_n(self, account: Account) -> str:
        """What is frozen and why, in words."""
        if not frozen(account):
            return str(_("nothing is frozen"))
        if account.earn_frozen and account.burn_frozen:
            what = _("earning and spending")
        else:
            what = _("earning") if account.earn_frozen else _("spending")
        return f"{what}: {account.freeze_reason}"

    @display(description=_("accrued in total"))
    def total_n(self, account: Account) -> SafeString:
        """Over the whole life of the account."""
        return number(account.lifetime_accrued)


@admin.register(Entry)
class EntryAdmin(ReceiptOfEntry, EndlessPage):
    """The ledger: every movement, newest first."""

    list_display = ("when", "holder", "what", "signed", "after", "rule_n")
    list_filter = ("kind",)
    list_select_related = ("account__member",)
    search_fields = ("=reference",)
    search_help_text = _("Reference: order number, redemption, till slip; or an entry's id")
    # By key, which is a UUIDv7: newest first, and the only index over the whole ledger.
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("holder", "kind"),
                    ("signed", "after"),
                    ("source", "reference"),
                    ("rule", "rule_version"),
                    ("effective_at", "recorded_at"),
                    ("reason", "actor"),
                    ("reverses", "cost_centre"),
                    ("entry_id", "journal"),
                    "receipt_n",
                )
            },
        ),
        (_("Explanation"), {"fields": ("why",), "classes": ("tab",)}),
    )
    readonly_fields = ("holder", "signed", "after", "why", "entry_id", "journal", "receipt_n")
    operations = (
        Operation(
            "activate",
            _("Make available"),
            _("The pending points of this entry can be spent from now on; debt is repaid first."),
            "points.adjust_account",
            activate,
            icon="play_arrow",
            form=ReasonForm,
            shown=still_pending,
        ),
        Operation(
            "cancel-pending",
            _("Cancel pending points"),
            _("The pending points of this entry are taken back, with your name and the reason."),
            "points.adjust_account",
            cancel_pending,
            icon="block",
            danger=True,
            form=ReasonForm,
            shown=still_pending,
        ),
    )

    @display(description=_("When"), ordering="recorded_at")
    def when(self, entry: Entry) -> str:
        """When it was recorded, in the brand's time."""
        return instant(entry.recorded_at)

    @display(description=_("what"))
    def what(self, entry: Entry) -> str:
        """The fact behind it."""
        return wording.what(entry)

    @display(description=_("rule"))
    def rule_n(self, entry: Entry) -> str:
        """The rule that gave the points."""
        return wording.rule(entry) or "–"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        """By reference, or by an entry's id."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            key = UUID(term)
        except ValueError:
            return queryset.filter(reference=term), False
        return queryset.filter(pk=key) | queryset.filter(reference=term), False

    @display(description=_("member"))
    def holder(self, entry: Entry) -> SafeString | str:
        """Whose account, as a link."""
        return link(entry.account, entry.account.member)

    @display(description=_("points"))
    def signed(self, entry: Entry) -> SafeString:
        """From the member's side."""
        return number(entry.signed_points, signed=True)

    @display(description=_("balance after"))
    def after(self, entry: Entry) -> SafeString:
        """What the member had then."""
        return number(entry.balance_after)

    @display(description=_("explanation"))
    def why(self, entry: Entry) -> SafeString | str:
        """How the engine came to it."""
        return pretty(entry.explanation) if entry.explanation else "–"

    @display(description=_("entry"))
    def entry_id(self, entry: Entry) -> SafeString:
        """Its id."""
        return code(entry.pk)

    @display(description=_("journal"))
    def journal(self, entry: Entry) -> SafeString:
        """The id of the business fact that it belongs to."""
        return code(entry.journal_id)


def approve(_admin: Any, request: HttpRequest, waiting: AdjustmentRequest, _data: dict[str, Any]) -> Text:
    """Book the adjustment in the name of both."""
    services.approve_adjustment(request_id=waiting.pk, actor=actor(request), now=clock.now())
    return _("Approved and booked.")


def reject(_admin: Any, request: HttpRequest, waiting: AdjustmentRequest, _data: dict[str, Any]) -> Text:
    """Close the request without booking it."""
    services.reject_adjustment(request_id=waiting.pk, actor=actor(request), now=clock.now())
    return _("Rejected.")


def waits(waiting: AdjustmentRequest) -> bool:
    """Whether nobody has decided yet."""
    return waiting.status == AdjustmentRequest.Status.PENDING_APPROVAL


@admin.register(AdjustmentRequest)
class AdjustmentRequestAdmin(ReadOnlyPage):
    """Large adjustments, which a second operator decides."""

    empty_words = _("Adjustments above the limit of the policies wait here until somebody else decides.")

    list_display = ("requested_at", "who", "signed", "state", "asked_by", "answered_by", "reason")
    list_filter = ("status",)
    list_select_related = ("member",)
    ordering = ("-requested_at",)
    fields = (
        "who",
        "signed",
        "currency_n",
        "undoes",
        "reason",
        "asked_by",
        "requested_at",
        "state",
        "answered_by",
        "decided_at",
    )
    readonly_fields = ("who", "signed", "currency_n", "undoes", "state", "asked_by", "answered_by")
    operations = (
        Operation(
            "approve",
            _("Approve"),
            _("Books the adjustment. You cannot approve your own request."),
            "points.adjust_account",
            approve,
            icon="check",
            shown=waits,
            facts=decision_facts,
        ),
        Operation(
            "reject",
            _("Reject"),
            _("Nothing will be booked."),
            "points.adjust_account",
            reject,
            icon="close",
            danger=True,
            shown=waits,
            facts=decision_facts,
        ),
    )

    @display(description=_("member"))
    def who(self, waiting: AdjustmentRequest) -> SafeString | str:
        """Whose points."""
        return link(waiting.member)

    @display(description=_("requested by"))
    def asked_by(self, waiting: AdjustmentRequest) -> str:
        """Who wants it."""
        return doer(waiting.requested_by)

    @display(description=_("decided by"))
    def answered_by(self, waiting: AdjustmentRequest) -> str:
        """The second operator."""
        return doer(waiting.decided_by) or "–"

    @display(description=_("reverses"))
    def undoes(self, waiting: AdjustmentRequest) -> SafeString | str:
        """The entry that would be reversed, as a link."""
        return "–" if waiting.entry is None else link(waiting.entry)

    @display(description=_("points currency"))
    def currency_n(self, waiting: AdjustmentRequest) -> str:
        """What the brand calls its points; other currencies by their code."""
        return currency_words(waiting.currency)

    @display(description=_("points"))
    def signed(self, waiting: AdjustmentRequest) -> SafeString:
        """Given or taken."""
        return number(waiting.points, signed=True)

    @display(description=_("status"), label=LABELS)
    def state(self, waiting: AdjustmentRequest) -> Status:
        """The status, coloured."""
        return status(waiting)
