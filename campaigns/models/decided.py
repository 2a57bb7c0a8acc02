"""What reaches many members is decided on in four eyes: the life that wake-ups and audience grants share."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids, words

OPEN: Final = ("scheduled", "running")
"""States in which the worker has something to do, now or later."""


class Decided(models.Model):
    """draft → submitted → scheduled → running → done; cancelled or, while it is submitted, turned down.

    Where nobody else needs to agree a draft is scheduled when it is submitted.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("waits for approval")
        SCHEDULED = "scheduled", _("scheduled")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.JSONField(_("name"), default=dict)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.DRAFT)
    needs_approval = models.BooleanField(_("needs a second operator"), default=False)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=120, blank=True, default="")
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    submitted_by = models.CharField(_("submitted by"), max_length=120, blank=True, default="")
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    approved_by = models.CharField(_("approved by"), max_length=120, blank=True, default="")
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    ended_by = models.CharField(_("ended by"), max_length=120, blank=True, default="")
    note = models.CharField(_("note"), max_length=500, blank=True, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return words.pick(self.name) or self.code

    @staticmethod
    def rules(table: str) -> list[models.CheckConstraint]:
        """The constraints of this life, named after the table."""
        return [
            models.CheckConstraint(
                condition=~Q(approved_by=F("submitted_by")) | Q(approved_by=""), name=f"{table}_four_eyes"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[*OPEN, "done"]) | Q(needs_approval=False) | ~Q(approved_by=""),
                name=f"{table}_approved",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["done", "cancelled"], ended_at__isnull=False)
                | (~Q(status__in=["done", "cancelled"]) & Q(ended_at__isnull=True)),
                name=f"{table}_ended",
            ),
        ]
