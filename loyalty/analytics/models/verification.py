from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class Verification(models.Model):
    """One run of all checks over the brand's books: when, and what each of them found.

    `checks` is a list of `{"code", "title", "rows", "ms", "violations": [text, …]}` in the order of running.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waits for a worker")
        RUNNING = "running", _("is running")
        SOUND = "sound", _("sound")
        VIOLATED = "violated", _("violated")
        BROKEN = "broken", _("could not be finished")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    status = models.CharField(_("result"), max_length=16, choices=Status, default=Status.WAITING)
    asked_by = models.CharField(_("asked for by"), max_length=160, blank=True, default="")
    asked_at = models.DateTimeField(_("asked for"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    checks = models.JSONField(_("checks"), default=list)
    error = models.TextField(_("error"), blank=True, default="")

    class Meta:
        verbose_name = _("verification of the books")
        verbose_name_plural = _("verifications of the books")
        constraints = [
            models.UniqueConstraint(
                fields=["status"],
                name="analytics_verification_one_waits",
                condition=Q(status="waiting"),
            ),
            models.CheckConstraint(
                condition=Q(status="waiting", started_at__isnull=True, finished_at__isnull=True)
                | Q(status="running", started_at__isnull=False, finished_at__isnull=True)
                | Q(
                    status__in=["sound", "violated", "broken"],
                    started_at__isnull=False,
                    finished_at__isnull=False,
                ),
                name="analytics_verification_dates",
            ),
        ]
        indexes = [models.Index(fields=["-started_at"], name="analytics_verification_started")]

    def __str__(self) -> str:
        return str(self.get_status_display())

    @property
    def rows(self) -> int:
        """How many rows all checks looked at together; one that several looked at counts as often."""
        return sum(check["rows"] for check in self.checks)

    @property
    def violated(self) -> list[dict[str, Any]]:
        """The checks that found something."""
        return [check for check in self.checks if check["violations"]]
