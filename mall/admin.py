"""The mall: rewards with their stock, and redemptions on their way to the members."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, Operation, ReadOnlyPage, ReadOnlyTable, ServicePage, actor
from loyalty.lib.display import LABELS, Status, aligned, link, number, status
from loyalty.lib.errors import Text
from mall import services as mall
from mall.models import Offer, Redemption, Reward, StockItem
from mall.rewardform import RewardForm
from mall.steptable import StepTable
from members.models import Member
from members.selectors import found_by
from points.models import Entry


def set_status(new: str, told: Text) -> Callable[..., Text]:
    """An operation that publishes or archives a reward."""

    def run(_admin: Any, _request: HttpRequest, reward: Reward, _data: dict[str, Any]) -> Text:
        mall.update_reward(reward_id=reward.pk, values={"status": new}, now=clock.now())
        return told

    return run


class StockForm(forms.Form):
    """How many pieces come, or are counted away."""

    change = forms.IntegerField(
        label=_("Pieces"),
        min_value=-1_000_000,
        max_value=1_000_000,
        help_text=_("Positive adds pieces, negative counts them away."),
        widget=UnfoldAdminIntegerFieldWidget,
    )


def restock(_admin: Any, request: HttpRequest, reward: Reward, data: dict[str, Any]) -> Text:
    """Change the stock of the reward's article."""
    item = mall.add_stock(sku=reward.sku, change=data["change"], actor=actor(request), now=clock.now())
    return _("%(number)d pieces lie ready now.") % {"number": item.on_hand}


class OfferTable(ReadOnlyTable):
    """Prices of the reward, and to whom they are open."""

    model = Offer
    fields = ("price", "starts_at", "ends_at", "limit_per_member", "tier_min", "enabled", "is_main")
    readonly_fields = ("price",)
    ordering = ("-is_main", "id")

    @display(description=_("points"))
    def price(self, offer: Offer) -> SafeString:
        """What one piece takes."""
        return number(offer.points)


@admin.register(Reward)
class RewardAdmin(ServicePage):
    """What members can have for their points."""

    form = RewardForm
    list_display = ("title", "kind", "state", "price", "left", "category", "updated_at")
    list_filter = ("status", "kind")
    search_fields = ("sku", "name")
    search_help_text = _("Name or SKU")
    ordering = ("status", "sort", "-id")
    inlines = (OfferTable,)
    readonly_fields = ("title", "state", "left", "sku", "published_at")
    operations = (
        Operation(
            "publish",
            _("Publish"),
            _("Members see the reward in the catalogue and can redeem it."),
            "mall.publish_reward",
            set_status(Reward.Status.PUBLISHED, _("Published.")),
            icon="publish",
            shown=lambda reward: reward.status != Reward.Status.PUBLISHED,
        ),
        Operation(
            "archive",
            _("Archive"),
            _("The reward leaves the catalogue. What was redeemed stays."),
            "mall.archive_reward",
            set_status(Reward.Status.ARCHIVED, _("Archived.")),
            icon="archive",
            danger=True,
            shown=lambda reward: reward.status != Reward.Status.ARCHIVED,
        ),
        Operation(
            "restock",
            _("Stock"),
            _("Pieces that come in, or are counted away."),
            "mall.restock_reward",
            restock,
            icon="inventory_2",
            form=StockForm,
            shown=lambda reward: bool(reward.sku),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reward]:
        """With stock and offers, for the list."""
        found: QuerySet[Reward] = super().get_queryset(request)
        return found.select_related("stock").prefetch_related("offers")

    def get_fieldsets(self, request: HttpRequest, obj: Reward | None = None) -> Any:
        """Texts, price and conditions; of a known reward its state first."""
        texts = (
            ("name_zh", "name_en"),
            ("description_zh", "description_en"),
            ("kind", "category"),
            "image",
            "tags",
        )
        offer = (("points", "limit_per_member"), "starts_at", "ends_at", "tier_min")
        parts = [(None, {"fields": texts}), (_("Main offer"), {"fields": offer})]
        if obj is None:
            return [*parts, (_("Stock"), {"fields": (("sku", "stock"),)})]
        state = (("state", "left"), ("sku", "published_at"))
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ("title", *state, ("kind", "category"))})]
        return [(None, {"fields": state}), *parts]

    def get_readonly_fields(self, request: HttpRequest, obj: Reward | None = None) -> tuple[str, ...]:
        """The article stays; on an empty page nothing is computed."""
        return self.readonly_fields if obj else ()

    @display(description=_("name"))
    def title(self, reward: Reward) -> str:
        """In the language of the page."""
        return str(reward)

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, reward: Reward) -> Status:
        """The status, coloured."""
        return status(reward)

    @display(description=_("points"))
    def price(self, reward: Reward) -> SafeString:
        """Of the main offer."""
        main = next((offer for offer in reward.offers.all() if offer.is_main), None)
        return number(main.points if main else None)

    @display(description=_("on hand"))
    def left(self, reward: Reward) -> SafeString:
        """How many pieces lie ready."""
        return number(reward.stock.on_hand) if reward.stock else aligned(_("unlimited"))


class ShipForm(forms.Form):
    """How it was sent."""

    carrier = forms.CharField(
        label=_("Carrier"), max_length=60, required=False, widget=UnfoldAdminTextInputWidget
    )
    tracking_number = forms.CharField(
        label=_("Tracking number"), max_length=80, required=False, widget=UnfoldAdminTextInputWidget
    )


class AddressForm(forms.Form):
    """Where an article is to be sent."""

    name = forms.CharField(label=_("Recipient"), max_length=80, widget=UnfoldAdminTextInputWidget)
    phone = forms.CharField(label=_("Phone"), max_length=32, widget=UnfoldAdminTextInputWidget)
    detail = forms.CharField(
        label=_("Address"), max_length=400, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=400, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def ship(_admin: Any, request: HttpRequest, redemption: Redemption, data: dict[str, Any]) -> Text:
    """Say that it was sent."""
    mall.ship(redemption_id=redemption.pk, actor=actor(request), now=clock.now(), **data)
    return _("Marked as shipped.")


def complete(_admin: Any, request: HttpRequest, redemption: Redemption, _data: dict[str, Any]) -> Text:
    """Say that the member has it."""
    mall.complete(redemption_id=redemption.pk, actor=actor(request), now=clock.now())
    return _("Completed.")


def cancel(_admin: Any, request: HttpRequest, redemption: Redemption, data: dict[str, Any]) -> Text:
    """Points back to their lots, pieces back to stock."""
    done = mall.cancel(
        redemption_id=redemption.pk, actor=actor(request), reason=data["reason"], now=clock.now()
    )
    return _("Cancelled. The member's balance is now %(balance)s.") % {"balance": done.account.balance}


def set_address(_admin: Any, _request: HttpRequest, redemption: Redemption, data: dict[str, Any]) -> Text:
    """Where it is to be sent."""
    mall.set_address(redemption_id=redemption.pk, address=data, now=clock.now())
    return _("The address is recorded.")


def possible(action: str) -> Callable[[Redemption], bool]:
    """Whether the redemption allows this step now."""
    return lambda redemption: action in redemption.actions


@admin.register(Redemption)
class RedemptionAdmin(EndlessPage):
    """Points given for a reward, until the member has it."""

    list_display = ("reference", "who", "what", "quantity_n", "points_n", "state", "placed_at")
    list_filter = ("status", "reward__kind")
    list_select_related = ("member", "reward")
    search_fields = ("=reference", "=code", "=tracking_number")
    search_help_text = _("Reference, coupon code, tracking number, or the member's phone or card")
    ordering = ("-placed_at", "-id")
    inlines = (StepTable,)
    fields = (
        ("reference", "status"),
        ("who", "what"),
        ("quantity", "points_n"),
        ("placed_at", "shipped_at"),
        ("completed_at", "cancelled_at"),
        ("carrier", "tracking_number"),
        ("where", "code"),
        ("burn", "reversal"),
    )
    readonly_fields = ("who", "what", "points_n", "where", "burn", "reversal")
    operations = (
        Operation(
            "address",
            _("Set the address"),
            _("Where the article is to be sent."),
            "mall.fulfil_redemption",
            set_address,
            icon="home_pin",
            form=AddressForm,
            shown=possible("set_address"),
        ),
        Operation(
            "ship",
            _("Mark as shipped"),
            _("The article is on its way to the member."),
            "mall.fulfil_redemption",
            ship,
            icon="local_shipping",
            form=ShipForm,
            shown=possible("ship"),
        ),
        Operation(
            "complete",
            _("Complete"),
            _("The member has it: handed over, delivered, used."),
            "mall.fulfil_redemption",
            complete,
            icon="task_alt",
            shown=possible("complete"),
        ),
        Operation(
            "cancel",
            _("Cancel the redemption"),
            _("The points go back to the very lots that they came from, the pieces back to stock."),
            "mall.cancel_redemption",
            cancel,
            icon="undo",
            danger=True,
            form=ReasonForm,
            shown=possible("cancel"),
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Redemption], search_term: str
    ) -> tuple[QuerySet[Redemption], bool]:
        """By its own marks, else by its member's."""
        found, several = super().get_search_results(request, queryset, search_term)
        if search_term.strip() and not found.exists():
            members = Member.objects.filter(found_by(search_term.strip()))
            return queryset.filter(member__in=members), False
        return found, several

    @display(description=_("member"))
    def who(self, redemption: Redemption) -> SafeString | str:
        """Whose it is."""
        return link(redemption.member)

    @display(description=_("reward"))
    def what(self, redemption: Redemption) -> SafeString | str:
        """What it is for."""
        return link(redemption.reward)

    @display(description=_("quantity"))
    def quantity_n(self, redemption: Redemption) -> SafeString:
        """How many pieces."""
        return number(redemption.quantity)

    @display(description=_("points"), ordering="points")
    def points_n(self, redemption: Redemption) -> SafeString:
        """What they took."""
        return number(redemption.points)

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, redemption: Redemption) -> Status:
        """The status, coloured."""
        return status(redemption)

    @display(description=_("address"))
    def where(self, redemption: Redemption) -> str:
        """Where it goes, on one line."""
        return ", ".join(str(part) for part in (redemption.address or {}).values() if part) or "–"

    @display(description=_("burn entry"))
    def burn(self, redemption: Redemption) -> SafeString | str:
        """The entry that took the points."""
        return entry_link(redemption.entry_id)

    @display(description=_("reversing entry"))
    def reversal(self, redemption: Redemption) -> SafeString | str:
        """The entry that gave them back."""
        return entry_link(redemption.reversal_id)


def entry_link(entry_id: UUID | None) -> SafeString | str:
    """A ledger entry by its points, as a link."""
    entry = Entry.objects.filter(pk=entry_id).first() if entry_id else None
    return link(entry, number(entry.signed_points, signed=True)) if entry else "–"


@admin.register(StockItem)
class StockItemAdmin(ReadOnlyPage):
    """How many pieces of each article lie ready; changed on the page of the reward."""

    empty_words = _("Articles with a limited number of pieces show here, with what is left.")
    list_display = ("sku", "on_hand_n", "taken_n", "low_n", "updated_at")
    search_fields = ("sku",)
    ordering = ("sku",)
    fields = ("sku", "on_hand_n", "received", "taken_n", "low_n", "updated_at")
    readonly_fields = ("on_hand_n", "taken_n", "low_n")

    @display(description=_("on hand"), ordering="on_hand")
    def on_hand_n(self, item: StockItem) -> SafeString:
        """Ready."""
        return number(item.on_hand)

    @display(description=_("taken"), ordering="taken")
    def taken_n(self, item: StockItem) -> SafeString:
        """By redemptions."""
        return number(item.taken)

    @display(description=_("low at"), ordering="low_at")
    def low_n(self, item: StockItem) -> SafeString:
        """When the brand is told."""
        return number(item.low_at)
