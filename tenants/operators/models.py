"""Operators stand in their brand's own schema: an account of one brand does not exist in another."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib.foureyes import Submitted


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


class PolicyChange(Submitted):
    """A change of the brand's policies: new values by name, and those `before`; never changes once decided.

    Its number says in which order changes reach the shared table that policies are read from.
    """

    before = models.JSONField(_("before"))
    # Of the brand's one set of policies: at most one change is open.
    policies = models.BigIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = _("change of policies")
        verbose_name_plural = _("changes of policies")
        constraints = [
            *Submitted.rules("policychange", of=None),
            models.CheckConstraint(condition=models.Q(policies=1), name="policychange_of_the_one"),
            models.UniqueConstraint(
                fields=["policies"],
                condition=models.Q(status__in=["pending_approval", "scheduled"]),
                name="policychange_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"
