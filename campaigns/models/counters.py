"""What has been used of the rules' caps, and what is carried to the next order."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CapCounter(models.Model):
    """What a member has used of a rule's cap in one period. Written under the lock on the member."""

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey("members.Member", models.PROTECT, related_name="+", db_index=False)
    rule = models.CharField(_("earning rule"), max_length=64)
    kind = models.CharField(_("kind"), max_length=8)
    period = models.CharField(_("period"), max_length=64)
    used = models.BigIntegerField(_("used"))

    class Meta:
        verbose_name = _("cap counter")
        verbose_name_plural = _("cap counters")
        constraints = [
            models.UniqueConstraint(fields=["member", "rule", "kind", "period"], name="capcounter_once"),
            models.CheckConstraint(condition=models.Q(used__gte=0), name="capcounter_not_negative"),
        ]


class CapTotal(models.Model):
    """What all members together have used of a rule's ``total``."""

    id = models.BigAutoField(primary_key=True)
    rule = models.CharField(_("earning rule"), max_length=64, unique=True)
    used = models.BigIntegerField(_("used"), default=0)

    class Meta:
        verbose_name = _("total of a rule")
        verbose_name_plural = _("totals of rules")
        constraints = [models.CheckConstraint(condition=models.Q(used__gte=0), name="captotal_not_negative")]


class Carry(models.Model):
    """The fraction of a point that flooring left to a member, under the policy ``rounding: carry``."""

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey("members.Member", models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(_("points currency"), max_length=32, default="points")
    fraction = models.CharField(_("fraction"), max_length=200, default="0")

    class Meta:
        verbose_name = _("carried fraction")
        verbose_name_plural = _("carried fractions")
        constraints = [models.UniqueConstraint(fields=["member", "currency"], name="carry_once")]
