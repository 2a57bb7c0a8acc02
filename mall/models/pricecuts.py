"""What campaigns take off the prices of rewards, and when."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


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
