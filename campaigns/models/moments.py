"""What happens to a member once, and the kinds of activities that a brand knows."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class Moment(models.Model):
    """Something that happens to a member once and that rules give points for: a due row, judged once.

    The member enrols, has a birthday or an anniversary, or is the friend whom `referrer` brought. `reference`
    tells moments of one trigger apart: the member, with the year where it comes again, or the first order.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        GIVEN = "given", _("judged")
        REFUSED = "refused", _("refused")
        UNDOING = "undoing", _("being taken back")
        UNDONE = "undone", _("taken back")

    class Refused(models.TextChoices):
        MEMBER_CLOSED = "member_closed", _("the member closed the account")
        REFERRER_CLOSED = "referrer_closed", _("the referrer closed the account")
        SELF_REFERRAL = "self_referral", _("both are one person, by a merge or by their device")
        RING = "ring", _("the friend had referred the referrer")
        ORDER_RETURNED = "order_returned", _("the first order came back")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    trigger = models.CharField(_("trigger"), max_length=40)
    reference = models.CharField(_("reference"), max_length=100)
    member = models.ForeignKey("members.Member", models.PROTECT, related_name="+", verbose_name=_("member"))
    referrer = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("referrer")
    )
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.WAITING)
    occurred_at = models.DateTimeField(_("happened at"))
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    refused_for = models.CharField(
        _("refused because"), max_length=40, choices=Refused.choices, blank=True, default=""
    )
    evaluation = models.JSONField(_("evaluation"), default=dict, blank=True)
    settled_at = models.DateTimeField(_("judged at"), null=True, blank=True)

    class Meta:
        verbose_name = _("moment")
        verbose_name_plural = _("moments")
        constraints = [
            models.UniqueConstraint(fields=["trigger", "reference"], name="moment_once"),
            models.UniqueConstraint(
                fields=["member"],
                condition=models.Q(trigger="referral.first_order", status__in=["waiting", "given"]),
                name="moment_one_first_order",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["waiting", "undoing"], due_at__isnull=False)
                | models.Q(status__in=["given", "refused", "undone"], due_at__isnull=True),
                name="moment_due_while_open",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="moment_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.trigger} {self.reference}"


class ActivityType(models.Model):
    """A type of activity that the brand registered: its name, and the JSON Schema of its attributes."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    code = models.CharField(_("code"), max_length=40, unique=True)
    name = models.JSONField(_("name"), default=dict)
    attributes_schema = models.JSONField(_("schema of the attributes"), default=dict, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    updated_at = models.DateTimeField(_("changed at"))
    updated_by = models.CharField(_("changed by"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("type of activity")
        verbose_name_plural = _("types of activities")

    def __str__(self) -> str:
        return self.code
