"""What finance sets and what it has closed; both are written once."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class UnitCost(models.Model):
    """What one point of a points currency costs the brand from an instant on.

    The row with the latest `valid_from` holds; of two with the same, the one set later.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    points_currency = models.TextField(_("points currency"))
    cost = models.DecimalField(_("cost of a point"), max_digits=14, decimal_places=6)
    currency = models.CharField(_("currency"), max_length=3)
    valid_from = models.DateTimeField(_("valid from"))
    set_at = models.DateTimeField(_("set"))
    actor = models.TextField(_("actor"))

    class Meta:
        verbose_name = _("unit cost")
        verbose_name_plural = _("unit costs")
        constraints = [
            models.CheckConstraint(condition=Q(cost__gte=Decimal(0)), name="analytics_unitcost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.points_currency} {self.cost.normalize():f} {self.currency}"


class MonthClose(models.Model):
    """The reports of a closed month as they stood when it was closed.

    `content` is JSON in one canonical spelling and `digest` its SHA-256, so that a recomputation can be
    compared byte for byte.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    month = models.DateField(_("month"), unique=True)
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    content = models.TextField(_("content"))
    digest = models.CharField(_("digest"), max_length=64)
    locked_at = models.DateTimeField(_("closed"))
    actor = models.TextField(_("actor"))

    class Meta:
        verbose_name = _("month-end close")
        verbose_name_plural = _("month-end closes")

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
