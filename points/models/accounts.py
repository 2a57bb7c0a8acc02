from __future__ import annotations

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Least
from django.db.models.lookups import GreaterThanOrEqual
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class Account(models.Model):
    """What one member holds in one points currency.

    The columns are a cache of entries, lots and holds. Only the ledger functions write them,
    in the transaction of the entry that they follow from.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        related_name="points_accounts",
        db_index=False,
        verbose_name=_("member"),
    )
    currency = models.TextField(_("points currency"), default="points")
    available = models.BigIntegerField(_("available"), default=0, db_default=0)
    pending = models.BigIntegerField(_("pending"), default=0, db_default=0)
    held = models.BigIntegerField(_("held"), default=0, db_default=0)
    debt = models.BigIntegerField(_("debt"), default=0, db_default=0)
    lifetime_accrued = models.BigIntegerField(_("accrued in total"), default=0, db_default=0)
    last_seq = models.BigIntegerField(_("number of entries"), default=0, db_default=0)
    last_activity_at = models.DateTimeField(_("last accrual or burn"), null=True, blank=True)
    next_due_at = models.DateTimeField(_("next due"), null=True, blank=True)
    earn_frozen = models.BooleanField(_("earning frozen"), default=False, db_default=False)
    burn_frozen = models.BooleanField(_("spending frozen"), default=False, db_default=False)
    freeze_reason = models.TextField(_("reason of the freeze"), default="", db_default="", blank=True)
    opened_at = models.DateTimeField(_("opened"))
    updated_at = models.DateTimeField(_("last changed"))
    # Where the points are since the member was merged into another; always the last of a chain.
    moved_to = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="moved_in",
        db_constraint=False,
        db_index=False,
        verbose_name=_("merged into"),
    )
    moved_at = models.DateTimeField(_("merged at"), null=True, blank=True)
    # Where they went at `moved_at`, whoever was merged later: what was held in between is read along these.
    first_moved_to = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="first_moved_in",
        db_constraint=False,
        db_index=False,
        verbose_name=_("first merged into"),
    )

    class Meta:
        verbose_name = _("points account")
        verbose_name_plural = _("points accounts")
        constraints = [
            models.UniqueConstraint(fields=["member", "currency"], name="points_account_member_currency"),
            # One short constraint: it is read and prepared anew for every statement.
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Least("available", "pending", "held", "debt"), Value(0)),
                name="points_account_not_negative",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_due_at"],
                name="points_account_due",
                condition=Q(next_due_at__isnull=False),
            ),
            models.Index(
                fields=["moved_to"],
                name="points_account_moved",
                condition=Q(moved_to__isnull=False),
            ),
            models.Index(
                fields=["first_moved_to"],
                name="points_account_first_moved",
                condition=Q(first_moved_to__isnull=False),
            ),
            # Empty where a brand has one currency: sealing need not look at any account then.
            models.Index(
                fields=["id"],
                name="points_account_other",
                condition=~Q(currency="points"),
            ),
        ]

    def __str__(self) -> str:
        return str(self.member) if self.currency == "points" else f"{self.member} · {self.currency}"

    @property
    def balance(self) -> int:
        """available + pending + held − debt, in points: what `balance_after` of the last entry says."""
        return self.available + self.pending + self.held - self.debt


class ExpiryNotice(models.Model):
    """That a member was told of points about to expire: once per account, day of expiry and stage."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    expires_on = models.DateField(_("last valid day"))
    days_before = models.PositiveSmallIntegerField(_("days before"))
    points = models.BigIntegerField(_("points"))
    announced_at = models.DateTimeField(_("announced"))

    class Meta:
        verbose_name = _("expiry notice")
        verbose_name_plural = _("expiry notices")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "expires_on", "days_before"],
                name="points_expirynotice_once",
            ),
            models.CheckConstraint(condition=Q(points__gt=0), name="points_expirynotice_points"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.expires_on} -{self.days_before}"


class AdjustmentRequest(models.Model):
    """An adjustment or a reversal above the brand's threshold that waits for a second operator."""

    class Status(models.TextChoices):
        PENDING_APPROVAL = "pending_approval", _("waits for approval")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("member"),
    )
    currency = models.TextField(_("points currency"), default="points")
    points = models.BigIntegerField(_("points"))
    reason = models.TextField(_("reason"))
    # The entry that is reversed; none: an adjustment.
    entry = models.ForeignKey(
        "points.Entry",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("reverses"),
    )
    source = models.TextField(_("source"), default="adjustment")
    reference = models.TextField(_("reference"))
    status = models.TextField(_("status"), choices=Status, default=Status.PENDING_APPROVAL)
    requested_by = models.TextField(_("requested by"))
    requested_at = models.DateTimeField(_("requested"))
    decided_by = models.TextField(_("decided by"), default="", blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("adjustment request")
        verbose_name_plural = _("adjustment requests")
        constraints = [
            models.UniqueConstraint(
                fields=["source", "reference"],
                name="points_adjustmentrequest_reference",
            ),
            models.CheckConstraint(condition=~Q(points=0), name="points_adjustmentrequest_points"),
            models.CheckConstraint(
                condition=~Q(decided_by=F("requested_by")) | Q(decided_by=""),
                name="points_adjustmentrequest_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["status", "requested_at"], name="points_adjustment_open")]

    def __str__(self) -> str:
        return f"{self.member} {self.points:+d}"
