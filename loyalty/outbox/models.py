"""Domain events, readers' cursors, answers already given to idempotency keys, and jobs under way."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class InsertedAt(models.Func):
    """The moment of the insert, not of the transaction's start as now() would give.

    Who writes about a member holds the member's lock by then, so these moments are in the order of the facts.
    """

    function = "clock_timestamp"
    output_field = models.DateTimeField()


class OutboxEvent(models.Model):
    """A thing that happened, written in the transaction of the fact.

    `position` and `member_seq` are given by the relay once the row is committed; readers go by position.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    type = models.CharField(_("type"), max_length=64)
    payload = models.JSONField(_("content"))
    member_id = models.UUIDField(_("member"), null=True)
    occurred_at = models.DateTimeField(_("happened at"))
    created_at = models.DateTimeField(_("recorded at"), db_default=InsertedAt())
    position = models.BigIntegerField(_("position"), null=True)
    member_seq = models.BigIntegerField(_("number for the member"), null=True)

    class Meta:
        db_table = "outbox_event"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            # Like the indexes: whoever writes an event is spared it.
            models.UniqueConstraint(
                fields=["position"],
                condition=models.Q(position__isnull=False),
                name="outbox_event_position_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at", "id"],
                condition=models.Q(position__isnull=True),
                name="outbox_event_unrelayed",
            ),
            models.Index(
                fields=["member_id", "-member_seq"],
                # Not before the relay has numbered the event: whoever writes it is spared the index.
                condition=models.Q(member_seq__isnull=False),
                name="outbox_event_member_seq",
            ),
        ]

    def __str__(self) -> str:
        return self.type


class Cursor(models.Model):
    """How far a reader of the outbox has come."""

    name = models.CharField(_("reader"), max_length=100, unique=True)
    position = models.BigIntegerField(_("position"), default=0)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)
    # A reader that fails at an event stays before it and tries again, ever more rarely.
    failures = models.IntegerField(_("failures in a row"), default=0)
    retry_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True, default="")

    class Meta:
        db_table = "outbox_cursor"
        verbose_name = _("reader of events")
        verbose_name_plural = _("readers of events")

    def __str__(self) -> str:
        return self.name


class IdempotencyRecord(models.Model):
    """The first answer to an Idempotency-Key (api.md); kept 30 days."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    caller = models.CharField(max_length=80)
    route = models.CharField(max_length=160)
    key = models.CharField(max_length=255)
    digest = models.BinaryField()
    status = models.SmallIntegerField()
    content_type = models.CharField(max_length=60)
    body = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "route", "key"], name="idempotency_key_once"),
        ]


KINDS: Final[Mapping[str, Any]] = {
    "rules.simulation": _("simulation"),
    "orders.batch": _("batch of orders"),
}
"""Kinds of long work in words."""


class Job(models.Model):
    """Long work that a call asked for; `kind` names its runner. The row is the truth, the queue only asks."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    kind = models.CharField(_("kind"), max_length=40)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    params = models.JSONField(_("parameters"), default=dict)
    total = models.BigIntegerField(_("steps in all"))
    done = models.BigIntegerField(_("steps done"), default=0)
    counts = models.JSONField(_("counts"), default=dict)
    problem = models.CharField(_("why it failed"), max_length=200, blank=True, default="")
    # What a job found out, for kinds that answer something; it may be large, so it is read apart.
    result = models.JSONField(_("result"), null=True, blank=True)
    asked_by = models.CharField(_("asked by"), max_length=80)
    created_at = models.DateTimeField(_("asked at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        db_table = "outbox_job"
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["queued", "running"], finished_at__isnull=True)
                | models.Q(status__in=["succeeded", "failed", "cancelled"], finished_at__isnull=False),
                name="outbox_job_status_known",
            ),
            models.CheckConstraint(
                condition=models.Q(done__gte=0, done__lte=models.F("total")), name="outbox_job_done"
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at", "id"],
                condition=models.Q(finished_at__isnull=True),
                name="outbox_job_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.called} · {self.get_status_display()}"

    @property
    def called(self) -> str:
        """What kind of work it is, in words."""
        return str(KINDS.get(self.kind, self.kind))
