"""What can be had: articles in stock, rewards, and the offers they are sold at."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids, words
from points.postings import DEFAULT_CURRENCY


class StockItem(models.Model):
    """How many pieces of an article lie ready. `on_hand` = `received` − `taken`, in the database itself.

    `received` is what operators put in (or counted away), `taken` what redemptions that were not cancelled
    took. Only conditional updates write these three, so that the last piece goes once.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    sku = models.CharField(_("SKU"), max_length=64, unique=True)
    on_hand = models.BigIntegerField(_("on hand"), default=0)
    received = models.BigIntegerField(_("received"), default=0)
    taken = models.BigIntegerField(_("taken"), default=0)
    low_at = models.PositiveIntegerField(_("low at"), default=5)
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("stock item")
        verbose_name_plural = _("stock")
        constraints = [
            models.CheckConstraint(condition=Q(on_hand__gte=0), name="mall_stock_on_hand"),
            models.CheckConstraint(condition=Q(taken__gte=0), name="mall_stock_taken"),
            models.CheckConstraint(condition=Q(on_hand=F("received") - F("taken")), name="mall_stock_sum"),
        ]

    def __str__(self) -> str:
        return f"{self.sku}: {self.on_hand}"


class Reward(models.Model):
    """What a member can have. Without a stock item there is as much of it as wanted."""

    class Kind(models.TextChoices):
        PHYSICAL = "physical", _("article")
        COUPON = "coupon", _("coupon")
        VIRTUAL = "virtual", _("virtual good")
        DONATION = "donation", _("donation")

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        ARCHIVED = "archived", _("archived")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    name = models.JSONField(_("name"))
    description = models.JSONField(_("description"), default=dict, blank=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, default=Kind.PHYSICAL)
    sku = models.CharField(_("SKU"), max_length=64, blank=True, default="", db_index=True)
    stock = models.ForeignKey(
        StockItem,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rewards",
        verbose_name=_("stock"),
    )
    image = models.CharField(_("image"), max_length=500, blank=True, default="")
    category = models.CharField(_("category"), max_length=100, blank=True, default="")
    tags = models.JSONField(_("tags"), default=list, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.DRAFT)
    sort = models.IntegerField(_("order"), default=0)
    # What a piece costs the brand; null = what its points cost.
    unit_cost = models.DecimalField(
        _("cost of a piece"), max_digits=16, decimal_places=4, null=True, blank=True
    )
    cost_currency = models.CharField(
        _("currency of the cost"), max_length=3, blank=True, default="", db_default=""
    )
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "archived"]), name="mall_reward_status"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["physical", "coupon", "virtual", "donation"]), name="mall_reward_kind"
            ),
            models.CheckConstraint(
                condition=Q(unit_cost__isnull=True, cost_currency="")
                | (Q(unit_cost__gte=0) & ~Q(cost_currency="")),
                name="mall_reward_cost",
            ),
        ]
        indexes = [
            models.Index(fields=["sort", "-id"], condition=Q(status="published"), name="mall_reward_catalog"),
        ]

    def __str__(self) -> str:
        return words.pick(self.name)

    @property
    def actions(self) -> list[str]:
        """What may be done with the reward next."""
        return {
            self.Status.DRAFT: ["publish", "archive"],
            self.Status.PUBLISHED: ["archive"],
            self.Status.ARCHIVED: ["publish"],
        }[self.Status(self.status)]


class Offer(models.Model):
    """A price of a reward and to whom it is open. `is_main` is the one that the reward's own form edits."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    reward = models.ForeignKey(
        Reward, on_delete=models.CASCADE, related_name="offers", verbose_name=_("reward")
    )
    points = models.BigIntegerField(_("points"))
    currency = models.CharField(_("points currency"), max_length=40, default=DEFAULT_CURRENCY)
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    limit_per_member = models.PositiveIntegerField(_("limit for each member"), null=True, blank=True)
    tier_min = models.CharField(_("from tier"), max_length=32, blank=True, default="")
    enabled = models.BooleanField(_("enabled"), default=True)
    is_main = models.BooleanField(_("main offer"), default=False)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="mall_offer_points"),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="mall_offer_period",
            ),
            models.CheckConstraint(
                condition=Q(limit_per_member__isnull=True) | Q(limit_per_member__gt=0),
                name="mall_offer_limit",
            ),
            models.UniqueConstraint(fields=["reward"], condition=Q(is_main=True), name="mall_offer_one_main"),
        ]

    def __str__(self) -> str:
        return f"{self.points} {self.currency}"

    def is_live(self, now: datetime) -> bool:
        """Whether the offer is open at `now`: from `starts_at` on, until before `ends_at`."""
        begun = self.starts_at is None or self.starts_at <= now
        return self.enabled and begun and (self.ends_at is None or now < self.ends_at)
