"""What they burn for: rewards, the offers they are sold at, stock, and redemptions."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids, words
from members.models import Member
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


class PriceCut(models.Model):
    """What a campaign takes off the prices of rewards while it runs: per cent, or so many points.

    Of the rewards and categories named, or of all where none is. `is_open` is false while the campaign is
    paused, stopped or over.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    campaign = models.CharField(_("campaign"), max_length=64, unique=True)
    percent = models.PositiveSmallIntegerField(_("per cent off"), null=True, blank=True)
    points = models.BigIntegerField(_("points off"), null=True, blank=True)
    rewards = models.JSONField(_("rewards"), default=list, blank=True)
    categories = models.JSONField(_("categories"), default=list, blank=True)
    is_open = models.BooleanField(_("open"))
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("price cut")
        verbose_name_plural = _("price cuts")
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__gte=1, percent__lte=99, points__isnull=True)
                | Q(percent__isnull=True, points__gte=1),
                name="mall_cut_one_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.campaign


class PriceCutSpan(models.Model):
    """A stretch of time in which a price cut holds: from `starts_at` until before `ends_at`."""

    id = models.BigAutoField(primary_key=True)
    cut = models.ForeignKey(PriceCut, on_delete=models.CASCADE, related_name="spans")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("time of a price cut")
        verbose_name_plural = _("times of price cuts")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="mall_cutspan_period"),
        ]
        indexes = [models.Index(fields=["ends_at"], name="mall_cutspan_ends")]

    def __str__(self) -> str:
        return f"{self.starts_at} – {self.ends_at}"


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


class Grant(models.Model):
    """What a rule gave besides points: a coupon, a benefit, a tag, or chances to draw. One row for each.

    `reference` and `source` name what happened, as in the ledger. A tag is kept on the member; `added` says
    of one of the grants of a tag that grants put it there, so that it leaves with the last of them. One that
    is valid for some time is due when it ends.
    """

    class Kind(models.TextChoices):
        COUPON = "coupon", _("coupon")
        BENEFIT = "benefit", _("benefit")
        TAG = "tag", _("tag")
        DRAW = "draw", _("draw chance")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name=_("member")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    code = models.CharField(_("code"), max_length=64)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    used = models.PositiveIntegerField(_("used"), default=0)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    added = models.BooleanField(default=True, editable=False)
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=40)
    reference = models.CharField(_("reference"), max_length=120)
    rule = models.CharField(_("earning rule"), max_length=64)
    rule_version = models.PositiveIntegerField(_("version"))
    granted_at = models.DateTimeField(_("granted at"))
    revoked_at = models.DateTimeField(_("taken back at"), null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = [
            models.UniqueConstraint(fields=["reference", "source", "rule"], name="mall_grant_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="mall_grant_quantity"),
            models.CheckConstraint(condition=Q(used__lte=F("quantity")), name="mall_grant_used"),
            models.CheckConstraint(
                condition=Q(kind__in=["coupon", "benefit", "tag", "draw"]), name="mall_grant_kind"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
                name="mall_grant_period",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-granted_at", "-id"], name="mall_grant_member"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="mall_grant_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"

    def state(self, now: datetime) -> str:
        """`active`, `used`, `expired` or `revoked` at `now`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.used >= self.quantity:
            return "used"
        return "expired" if self.valid_until is not None and self.valid_until <= now else "active"


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
