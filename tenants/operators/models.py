"""Operators stand in their brand's own schema: an account of one brand does not exist in another."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What an operator may do; each role is a Group of the same name in the brand's schema."""

    OWNER = "owner", _("Owner")
    MARKETING = "marketing", _("Marketing")
    CARE = "care", _("Customer care")
    SHOP = "shop", _("Shop")


class Operator(AbstractUser):
    """A person who works in the console of one brand (or of the platform, in the shared schema)."""

    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.CARE)
    language = models.CharField(_("language"), max_length=8, default="zh-hans")

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="operator_role_known"),
        ]
