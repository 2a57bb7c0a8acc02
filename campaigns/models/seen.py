"""Which categories, SKUs and stores orders had so far: read in their place when a rule names one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before the first order."""


class SeenName(models.Model):
    """A name that some order had; of a category every part of its path from the top, too."""

    class Kind(models.TextChoices):
        CATEGORY = "category", _("category")
        SKU = "sku", _("SKU")
        STORE = "store", _("store")

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    value = models.CharField(_("name"), max_length=200)

    class Meta:
        verbose_name = _("name that orders had")
        verbose_name_plural = _("names that orders had")
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="seenname_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class SeenUntil(models.Model):
    """One row: the orders that were recorded until then were looked through."""

    id = models.BigIntegerField(primary_key=True, default=1)
    recorded_at = models.DateTimeField(_("recorded at"), default=BEGINNING)

    class Meta:
        verbose_name = _("orders looked through")
        verbose_name_plural = _("orders looked through")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="seenuntil_one_row")]
