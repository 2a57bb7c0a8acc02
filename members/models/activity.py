"""What members did beside buying: check-ins, reviews, surveys …"""

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from members.models.identity import Member

CHECK_IN: Final = "check-in"
"""The type that counts once a day."""


class Activity(models.Model):
    """One activity of a member, as it was sent, with the evaluation that was made of it."""

    class Status(models.TextChoices):
        RECORDED = "recorded", _("recorded")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    activity_id = models.CharField(_("activity number"), max_length=100, unique=True)
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="activities",
        db_index=False,
        verbose_name=_("member"),
    )
    type = models.CharField(_("type"), max_length=40)
    occurred_at = models.DateTimeField(_("happened at"))
    occurred_on = models.DateField(_("day"))
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    evaluation = models.JSONField(_("evaluation"), default=dict, blank=True)
    journal_id = models.UUIDField(_("journal"), null=True, blank=True)
    repeats = models.BooleanField(
        _("repeats"),
        default=False,
        db_default=False,
        help_text=_("A check-in of a day that has one already: it gives nothing."),
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.RECORDED)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True, default="")
    decision_reason = models.CharField(_("reason"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="recorded", decided_at__isnull=True)
                | models.Q(status__in=["approved", "rejected"], decided_at__isnull=False),
                name="activity_decided_at",
            ),
            models.UniqueConstraint(
                fields=["member", "occurred_on"],
                condition=models.Q(type=CHECK_IN, repeats=False) & ~models.Q(status="rejected"),
                name="activity_one_check_in_a_day",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "type", "-occurred_on"], name="activity_member_days"),
            models.Index(fields=["-recorded_at", "-id"], name="activity_recorded"),
        ]

    def __str__(self) -> str:
        return self.activity_id
