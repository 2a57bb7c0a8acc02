from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from points.models.accounts import Account
from points.models.ledger import Lot


class Hold(models.Model):
    """Points reserved for a while: ends exactly once, captured, voided or expired."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CAPTURED = "captured", _("captured")
        VOIDED = "voided", _("voided")
        EXPIRED = "expired", _("expired")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="holds",
        db_constraint=False,
        db_index=False,
        verbose_name=_("account"),
    )
    points = models.BigIntegerField(_("points"))
    captured = models.BigIntegerField(_("captured"), default=0, db_default=0)
    released = models.BigIntegerField(_("released"), default=0, db_default=0)
    status = models.TextField(_("status"), choices=Status, default=Status.OPEN)
    source = models.TextField(_("source"), default="hold")
    reference = models.TextField(_("reference"))
    reason = models.TextField(_("reason"), default="", db_default="", blank=True)
    actor = models.TextField(_("actor"), default="", db_default="", blank=True)
    expires_at = models.DateTimeField(_("ends by itself"))
    created_at = models.DateTimeField(_("placed"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(fields=["source", "reference"], name="points_hold_reference"),
            models.CheckConstraint(condition=Q(points__gt=0), name="points_hold_points"),
            models.CheckConstraint(
                condition=Q(status="open", captured=0, released=0, ended_at__isnull=True)
                | Q(
                    ~Q(status="open"),
                    ended_at__isnull=False,
                    captured__gte=0,
                    released__gte=0,
                    points=F("captured") + F("released"),
                ),
                name="points_hold_ends_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["account", "expires_at"],
                name="points_hold_open",
                condition=Q(status="open"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points} {self.status}"


class HoldLot(models.Model):
    """How much of a hold stands on which lot, as reserved when it was placed."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="lots", db_constraint=False)
    lot = models.ForeignKey(
        Lot,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    points = models.BigIntegerField(_("points"))

    class Meta:
        verbose_name = _("held lot")
        verbose_name_plural = _("held lots")
        constraints = [models.CheckConstraint(condition=Q(points__gt=0), name="points_holdlot_points")]

    def __str__(self) -> str:
        return f"{self.points}"
