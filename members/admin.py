"""Members and their orders. The console registers the member's page with the panels of the rooms above."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from loyalty.lib.console import EndlessPage, Page, ReadOnlyPage, ReadOnlyTable
from loyalty.lib.display import LABELS, Status, code, link, money, pretty, status
from members.models import Member, ParkedReturn, Purchase, PurchaseLine, PurchaseReturn
from members.selectors import found_by, named
from members.wording import channel_words, source_words

KINDS: Mapping[str, Promise] = {
    "phone": _("phone"),
    "card_no": _("card"),
    "external_id": _("external id"),
    "email": _("e-mail"),
    "openid": _("WeChat openid"),
    "unionid": _("WeChat unionid"),
    "alipay_open_id": _("Alipay"),
}
"""What the kinds of identities are called; others are called by their provider."""


class MemberAdmin(Page):
    """A member: profile and identities. Balances and orders are panels of the console."""

    list_display = ("who", "state", "region", "came_from", "enrolled_at")
    list_filter = ("status",)
    search_fields = ("name",)
    search_help_text = _("Phone, card number, order number, external id, referral code or name")
    ordering = ("-enrolled_at", "-id")
    readonly_fields = (
        "status",
        "came_from",
        "referral_code",
        "referrer",
        "merged_into",
        "enrolled_at",
        "ident",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "birthday"),
                    ("region", "locale"),
                    ("status", "enrolled_at"),
                    ("came_from", "referral_code"),
                    ("referrer", "merged_into"),
                    "ident",
                )
            },
        ),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A member's name is a person's; the language is one of ours."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "name":
            field.label = _("Full name")
        if db_field.name == "locale":
            choices = [("", "–"), *settings.LANGUAGES]
            return forms.ChoiceField(
                label=field.label, required=False, choices=choices, widget=UnfoldAdminSelectWidget
            )
        return field

    @display(description=_("id"))
    def ident(self, member: Member) -> SafeString:
        """The id by which the APIs know the member."""
        return code(member.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Members enrol through the APIs, with an identity."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Member], search_term: str
    ) -> tuple[QuerySet[Member], bool]:
        """An exact match by identity, order or code; else by the beginning of the name."""
        term = search_term.strip()
        if not term:
            return queryset, False
        exact = queryset.filter(self.meant(term))
        return (exact, False) if exact.exists() else (queryset.filter(named(term)), False)

    def meant(self, term: str) -> Q:
        """Whom an exact term means. The console's page knows more kinds of terms."""
        return found_by(term)

    @display(description=_("member"), ordering="name")
    def who(self, member: Member) -> str:
        """The name, or the end of the id."""
        return str(member)

    @display(description=_("source"), ordering="source")
    def came_from(self, member: Member) -> str:
        """Where the member enrolled."""
        return source_words(member.source)

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, member: Member) -> Status:
        """The status, coloured."""
        return status(member)


class LineTable(ReadOnlyTable):
    """What was bought."""

    model = PurchaseLine
    fields = ("line_id", "sku", "name", "category", "quantity_n", "returned_n", "price", "off")
    readonly_fields = fields
    per_page = 50

    @display(description=_("quantity"))
    def quantity_n(self, line: PurchaseLine) -> SafeString:
        """How many, without trailing zeros."""
        return money(line.quantity.normalize(), "", places=None)

    @display(description=_("returned"))
    def returned_n(self, line: PurchaseLine) -> SafeString:
        """How many came back."""
        return money(line.returned.normalize(), "", places=None)

    @display(description=_("unit price"))
    def price(self, line: PurchaseLine) -> SafeString:
        """The price of one."""
        return money(line.unit_price, "")

    @display(description=_("discount"))
    def off(self, line: PurchaseLine) -> SafeString:
        """What was taken off the line."""
        return money(line.discount, "")


class ReturnTable(ReadOnlyTable):
    """What came back of it."""

    model = PurchaseReturn
    fields = ("return_id", "returned_at", "recorded_at")
    ordering = ("-returned_at",)


class PurchaseAdmin(EndlessPage):
    """An order and its lines. The console registers it with what the rules made of it."""

    list_display = ("order_id", "buyer", "state", "ordered_at", "channel_n", "store_id", "total")
    list_filter = ("status",)
    search_fields = ("=order_id",)
    search_help_text = _("Order number")
    list_select_related = ("member",)
    ordering = ("-recorded_at", "-id")
    inlines = (LineTable, ReturnTable)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("order_id", "buyer"),
                    ("status", "total"),
                    ("ordered_at", "recorded_at"),
                    ("completed_at", "revision"),
                    ("channel_n", "store_id"),
                    ("region", "journal"),
                )
            },
        ),
    )
    readonly_fields = ("buyer", "total", "channel_n", "journal")

    @display(description=_("member"))
    def buyer(self, purchase: Purchase) -> SafeString | str:
        """Who bought, as a link; a guest order has nobody."""
        return link(purchase.member) if purchase.member else str(_("guest"))

    @display(description=_("channel"))
    def channel_n(self, purchase: Purchase) -> str:
        """Where it was bought, in words where we have some."""
        return channel_words(purchase.channel) or "–"

    @display(description=_("journal"))
    def journal(self, purchase: Purchase) -> SafeString:
        """The id that its entries in the ledger share."""
        return code(purchase.journal_id or "–")

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, purchase: Purchase) -> Status:
        """The status, coloured."""
        return status(purchase)

    @display(description=_("amount"), ordering="amount")
    def total(self, purchase: Purchase) -> SafeString:
        """The amount with its currency."""
        return money(purchase.amount, purchase.currency)


@admin.register(ParkedReturn)
class ParkedReturnAdmin(ReadOnlyPage):
    """Returns that wait for their order."""

    list_display = ("return_id", "order_id", "parked_at", "applied_at", "dropped_at")
    search_fields = ("=order_id", "=return_id")
    ordering = ("-parked_at",)
    fields = ("return_id", "order_id", "parked_at", "applied_at", "dropped_at", "content")
    readonly_fields = ("content",)

    @display(description=_("content"))
    def content(self, parked: ParkedReturn) -> SafeString:
        """The return as it was sent."""
        return pretty(parked.body)
