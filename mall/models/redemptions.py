"""What members gave their points for, and every step on its way."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from mall.models.catalogue import Offer, Reward, StockItem
from members.models import Member
from points.postings import DEFAULT_CURRENCY


class Redemption(models.Model):
    """A member's points given for a reward: one burn in the ledger, and one reversal if it was cancelled."""

    class Status(models.TextChoices):
        PLACED = "placed", _("placed")
        PAID = "paid", _("paid")
        SHIPPED = "shipped", _("shipped")
        COMPLETED = "completed", _("completed")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    reference = models.CharField(_("reference"), max_length=255, unique=True)
    content_hash = models.CharField(max_length=64, editable=False)
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="redemptions",
        db_index=False,
        verbose_name=_("member"),
    )
    reward = models.ForeignKey(
        Reward, on_delete=models.PROTECT, related_name="redemptions", verbose_name=_("reward")
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="+", verbose_name=_("offer"))
    stock = models.ForeignKey(
        StockItem,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="redemptions",
        verbose_name=_("taken from"),
    )
    quantity = models.PositiveIntegerField(_("quantity"))
    points = models.BigIntegerField(_("points"))
    currency = models.CharField(_("points currency"), max_length=40, default=DEFAULT_CURRENCY)
    # What it would have been without the price cut of `campaign`; null where there was none.
    full_points = models.BigIntegerField(_("points without the price cut"), null=True, blank=True)
    campaign = models.CharField(_("campaign"), max_length=64, blank=True, default="", db_default="")
    # What a piece cost the brand when it was redeemed; null = what its points cost.
    unit_cost = models.DecimalField(
        _("cost of a piece"), max_digits=16, decimal_places=4, null=True, blank=True
    )
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.PLACED)
    entry_id = models.UUIDField(_("burn entry"), unique=True)
    reversal_id = models.UUIDField(_("reversing entry"), unique=True, null=True, blank=True)
    code = models.CharField(_("code"), max_length=20, unique=True, null=True, blank=True)
    address = models.JSONField(_("address"), null=True, blank=True)
    carrier = models.CharField(_("carrier"), max_length=60, blank=True, default="")
    tracking_number = models.CharField(_("tracking number"), max_length=80, blank=True, default="")
    actor = models.CharField(_("placed by"), max_length=80)
    placed_at = models.DateTimeField(_("placed at"))
    shipped_at = models.DateTimeField(_("shipped at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="mall_redemption_quantity"),
            models.CheckConstraint(condition=Q(points__gt=0), name="mall_redemption_points"),
            models.CheckConstraint(
                condition=Q(full_points__isnull=True, campaign="")
                | (Q(full_points__gt=F("points")) & ~Q(campaign="")),
                name="mall_redemption_cut",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["placed", "paid", "shipped", "completed", "cancelled"]),
                name="mall_redemption_status",
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled", reversal_id__isnull=False, cancelled_at__isnull=False)
                | Q(~Q(status="cancelled"), reversal_id__isnull=True, cancelled_at__isnull=True),
                name="mall_redemption_cancelled",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-placed_at", "-id"], name="mall_redemption_member"),
            models.Index(fields=["-placed_at", "-id"], name="mall_redemption_placed"),
            models.Index(
                fields=["cancelled_at"],
                condition=Q(cancelled_at__isnull=False),
                name="mall_redemption_undone",
            ),
            models.Index(
                fields=["member", "reward"],
                condition=~Q(status="cancelled"),
                name="mall_redemption_counted",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def actions(self) -> list[str]:
        """What may be done with the redemption next, by the brand."""
        open_now = self.status in (self.Status.PLACED, self.Status.PAID)
        if self.status == self.Status.SHIPPED:
            return ["complete"]
        if not open_now:
            return []
        if self.reward.kind == Reward.Kind.PHYSICAL:
            return ["set_address", "ship", "complete", "cancel"]
        return ["complete", "cancel"]

    @property
    def member_actions(self) -> list[str]:
        """What the member may do with it next. A code that may be in use is taken back by the brand only."""
        if self.code is not None:
            return []
        return [action for action in self.actions if action in ("set_address", "cancel")]


class RedemptionStep(models.Model):
    """One step in the life of a redemption. Only ever inserted."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    redemption = models.ForeignKey(
        Redemption, on_delete=models.PROTECT, related_name="steps", verbose_name=_("redemption")
    )
    from_status = models.CharField(_("from"), max_length=16, blank=True, default="")
    to_status = models.CharField(_("to"), max_length=16)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("by"), max_length=80)
    note = models.CharField(_("note"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("step of a redemption")
        verbose_name_plural = _("steps of redemptions")
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"
