"""What rules give besides points."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from members.models import Member


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
