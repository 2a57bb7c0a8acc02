"""What members bought and gave back, as it was sent, with the evaluation that was made of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from members.models.identity import Member


class Purchase(models.Model):
    """An order. `evaluation` keeps rule versions, facts and points, so that a return can re-evaluate it."""

    class Status(models.TextChoices):
        RECORDED = "recorded", _("recorded")
        COMPLETED = "completed", _("completed")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    order_id = models.CharField(_("order number"), max_length=100, unique=True)
    member = models.ForeignKey(
        Member,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="purchases",
        db_index=False,
        verbose_name=_("member"),
    )
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.RECORDED)
    ordered_at = models.DateTimeField(_("ordered at"))
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    channel = models.CharField(_("channel"), max_length=40, blank=True, default="")
    store_id = models.CharField(_("store"), max_length=64, blank=True, default="")
    region = models.CharField(_("region"), max_length=32, blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    amount = models.DecimalField(_("amount"), max_digits=16, decimal_places=2)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    payments = models.JSONField(_("payments"), default=list, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    revision = models.PositiveIntegerField(_("revision"), default=1)
    evaluation = models.JSONField(_("evaluation"), default=dict, blank=True)
    journal_id = models.UUIDField(_("journal"), null=True, blank=True)
    # Whether the order exists for base earning and for bonuses: false once wholly returned, and where
    # compliance blocks every line. Counts of orders and recency read nothing else.
    visible_earn = models.BooleanField(default=True, db_default=True, editable=False)
    visible_bonus = models.BooleanField(default=True, db_default=True, editable=False)
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [
            models.Index(fields=["member", "-ordered_at"], name="purchase_member_time"),
            models.Index(fields=["-recorded_at", "-id"], name="purchase_recorded"),
            models.Index(
                fields=["ordered_at"], condition=models.Q(status="recorded"), name="purchase_not_completed"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["recorded", "completed", "cancelled"]),
                name="purchase_status_known",
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="purchase_amount_not_negative"),
        ]

    def __str__(self) -> str:
        return self.order_id


class PurchaseLine(models.Model):
    """One line of an order; `returned` is how much of `quantity` came back so far."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="lines", db_index=False)
    line_id = models.CharField(_("line"), max_length=64)
    position = models.PositiveIntegerField()
    sku = models.CharField(_("SKU"), max_length=64, blank=True, default="")
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    category = models.CharField(_("category"), max_length=200, blank=True, default="")
    brand = models.CharField(_("brand"), max_length=80, blank=True, default="")
    product_line = models.CharField(_("product line"), max_length=80, blank=True, default="")
    tags = models.JSONField(_("tags"), default=list, blank=True)
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3)
    returned = models.DecimalField(_("returned"), max_digits=14, decimal_places=3, default=0)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=4)
    discount = models.DecimalField(_("discount"), max_digits=14, decimal_places=2, default=0)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["purchase", "line_id"], name="purchase_line_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="purchase_line_quantity_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(returned__gte=0) & models.Q(returned__lte=models.F("quantity")),
                name="purchase_line_returned_within",
            ),
            models.CheckConstraint(
                condition=models.Q(unit_price__gte=0) & models.Q(discount__gte=0), name="purchase_line_prices"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.name or self.sku}"


class PurchaseReturn(models.Model):
    """A return that was applied, and its answer."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="returns")
    # A caller's has at most 100; a cancellation is the return `cancel:<order_id>`.
    return_id = models.CharField(_("return number"), max_length=107, unique=True)
    returned_at = models.DateTimeField(_("returned at"))
    lines = models.JSONField(_("lines"))
    content_hash = models.CharField(max_length=64, editable=False)
    result = models.JSONField(_("result"))
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        indexes = [models.Index(fields=["recorded_at"], name="purchasereturn_recorded")]

    def __str__(self) -> str:
        return self.return_id


class ParkedReturn(models.Model):
    """A return that came before its order: applied when the order comes, dropped after 30 days."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    order_id = models.CharField(_("order number"), max_length=100, db_index=True)
    return_id = models.CharField(_("return number"), max_length=100, unique=True)
    body = models.JSONField(_("content"))
    content_hash = models.CharField(max_length=64, editable=False)
    parked_at = models.DateTimeField(_("parked at"))
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    dropped_at = models.DateTimeField(_("dropped at"), null=True, blank=True)
    problem = models.JSONField(_("why it could not be applied"), null=True, blank=True)

    class Meta:
        verbose_name = _("parked return")
        verbose_name_plural = _("parked returns")
        indexes = [
            models.Index(
                fields=["parked_at"],
                condition=models.Q(applied_at__isnull=True, dropped_at__isnull=True),
                name="parkedreturn_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.return_id
