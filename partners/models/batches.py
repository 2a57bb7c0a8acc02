"""Lines of order batches: kept as they came before they are answered, so that none is ever lost."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.outbox.models import Job


class BatchLine(models.Model):
    """One line of a batch. `content` is dropped once the line was taken; that of a failed one is kept."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        TAKEN = "taken", _("taken")
        FAILED = "failed", _("failed")

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, models.CASCADE, related_name="+", db_index=False)
    line = models.IntegerField(_("line"))
    content = models.BinaryField(null=True)
    status = models.CharField(_("status"), max_length=7, choices=Status.choices, db_default=Status.WAITING)
    outcome = models.CharField(_("outcome"), max_length=10, db_default="")
    # The order's or return's number where the line could be read that far.
    reference = models.CharField(_("reference"), max_length=100, db_default="")
    problem = models.JSONField(_("problem"), null=True)

    class Meta:
        verbose_name = _("batch line")
        verbose_name_plural = _("batch lines")
        constraints = [
            models.UniqueConstraint(fields=["job", "line"], name="partners_batchline_once"),
            models.CheckConstraint(
                condition=models.Q(status="waiting", outcome="")
                | models.Q(status="taken", problem__isnull=True)
                | models.Q(status="failed", problem__isnull=False),
                name="partners_batchline_status_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["job", "line"], condition=models.Q(status="failed"), name="partners_batchline_failed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line} {self.status}"
