from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class ClosedMonth(models.Model):
    """A calendar month of the brand into which nothing is recorded any more. Written once.

    A trigger on entries and consumptions refuses a `recorded_at` before the latest `ends_at`
    (docs/adr/0062-how-a-month-is-closed.md).
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    month = models.DateField(_("month"), unique=True)
    ends_at = models.DateTimeField(_("ends"), unique=True)
    closed_at = models.DateTimeField(_("closed"))
    actor = models.TextField(_("actor"))

    class Meta:
        verbose_name = _("closed month")
        verbose_name_plural = _("closed months")

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
