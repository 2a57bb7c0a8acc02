from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class NoticePolicy(models.Model):
    """Whether points may end unannounced: one row, or none. `days` null: they may.

    Else they end only if a notice went out `days` full days before; the ledger functions read it. It stands
    here and not among the brand's settings so that they can, and so that it moves with the brand's schema.
    """

    id = models.BigIntegerField(primary_key=True, default=1, editable=False)
    days = models.PositiveSmallIntegerField(_("days of notice"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed at"))
    updated_by = models.CharField(_("changed by"), max_length=80, blank=True, default="")

    class Meta:
        verbose_name = _("notice policy")
        verbose_name_plural = _("notice policies")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="points_noticepolicy_one"),
            models.CheckConstraint(
                condition=Q(days__isnull=True) | Q(days__gte=1, days__lte=90), name="points_noticepolicy_days"
            ),
        ]

    def __str__(self) -> str:
        return "–" if self.days is None else str(self.days)


class NoticeLook(models.Model):
    """How far the accounts have been looked through for points that are about to expire: one row, or none.

    `asked` names the day and the stages; while it stands only accounts that changed `since` then are
    looked at (null: all). `after` is the last account of a look under way, `position` that of the newest
    event when it began.
    """

    id = models.BigIntegerField(primary_key=True, default=1, editable=False)
    asked = models.CharField(max_length=200, blank=True, default="")
    began_at = models.DateTimeField()
    since = models.DateTimeField(null=True, blank=True)
    after = models.UUIDField(null=True, blank=True)
    position = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("look for expiring points")
        verbose_name_plural = _("looks for expiring points")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="points_noticelook_one")]

    def __str__(self) -> str:
        return self.asked
