"""Operators stand in their brand's own schema: an account of one brand does not exist in another."""

from datetime import timedelta
from typing import Final

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib.compliance import ACTS, INFANT_TAGS
from loyalty.lib.foureyes import Submitted

ALONE_HOURS: Final = 24
"""How long the owner of a brand without a second operator waits, from the notice on."""
_DELAY: Final = timedelta(hours=ALONE_HOURS)
_UNLOCKED: Final = Q(opens=True, status="published")


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


class ComplianceChange(Submitted):
    """One cell of the compliance matrix, unlocked (`opens`) or locked again; never changes once decided.

    An unlocking says counsel's word and a reason (`note`), and needs a second operator. Of a brand that has
    none it is `alone`: the owner said the password once more, was told, and waits a day from the notice on.
    Locking needs nobody else. `version` says in which order changes reach the shared table.
    """

    tag = models.CharField(_("tag"), max_length=32)
    act = models.CharField(_("act"), max_length=16)
    opens = models.BooleanField(_("unlocks"))
    counsel = models.TextField(_("counsel's note"), blank=True, default="")
    alone = models.BooleanField(_("without a second operator"), default=False)
    stepped_up_at = models.DateTimeField(_("password entered again at"), null=True, blank=True)
    told_at = models.DateTimeField(_("owner told at"), null=True, blank=True)

    class Meta:
        verbose_name = _("change of the compliance matrix")
        verbose_name_plural = _("changes of the compliance matrix")
        constraints = [
            *Submitted.rules("compliancechange", of=None),
            models.UniqueConstraint(fields=["version"], name="compliancechange_in_order"),
            models.UniqueConstraint(
                fields=["tag", "act"],
                condition=Q(status__in=["pending_approval", "scheduled"]),
                name="compliancechange_one_open",
            ),
            models.CheckConstraint(condition=Q(act__in=sorted(ACTS)), name="compliancechange_act"),
            # Whatever anybody agrees to: infant food is never advertised.
            models.CheckConstraint(
                condition=Q(opens=False) | ~Q(tag__in=sorted(INFANT_TAGS)), name="compliancechange_no_infants"
            ),
            models.CheckConstraint(
                condition=Q(opens=False) | ~(Q(counsel="") | Q(note="")),
                name="compliancechange_says_why_open",
            ),
            models.CheckConstraint(
                condition=Q(opens=False)
                | Q(needs_approval=True, alone=False)
                | Q(needs_approval=False, alone=True),
                name="compliancechange_two_or_alone",
            ),
            models.CheckConstraint(
                condition=Q(alone=False) | Q(opens=True, stepped_up_at__isnull=False),
                name="compliancechange_stepped_up",
            ),
            models.CheckConstraint(
                condition=Q(alone=False)
                | ~_UNLOCKED
                | Q(told_at__isnull=False, ended_at__gte=F("told_at") + _DELAY),
                name="compliancechange_a_day_after_notice",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"
