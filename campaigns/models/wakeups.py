"""Wake-up pushes: what is sent to whom and when, each run of it, and what became of every member."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.audiences import Segment
from campaigns.models.decided import OPEN, Decided
from loyalty.lib import ids


class Wakeup(Decided):
    """A journey of one step: an audience, a message, when it goes out, and who is held out to compare.

    `variants` are message templates by name with their share; `task` points wait for who orders for
    `task_min_spend` or more within `task_days`, as far as `task_budget` goes.
    """

    class Every(models.TextChoices):
        ONCE = "once", _("once")
        DAILY = "daily", _("every day")
        WEEKLY = "weekly", _("every week")

    segment = models.ForeignKey(Segment, models.PROTECT, related_name="+", verbose_name=_("segment"))
    channel = models.CharField(_("channel"), max_length=32)
    variants = models.JSONField(_("messages"), default=list)
    every = models.CharField(_("how often"), max_length=8, choices=Every.choices, default=Every.ONCE)
    at = models.DateTimeField(_("send at"), null=True, blank=True)
    time_of_day = models.TimeField(_("time of day"), null=True, blank=True)
    weekdays = models.JSONField(_("days of the week"), default=list, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    holdout_percent = models.PositiveSmallIntegerField(_("held out, in percent"), default=10)
    repeat_days = models.PositiveSmallIntegerField(_("again after days"), null=True, blank=True)
    return_days = models.PositiveSmallIntegerField(_("days in which a return counts"), default=7)
    task_points = models.PositiveBigIntegerField(_("points for coming back"), default=0)
    task_days = models.PositiveSmallIntegerField(_("days to come back"), default=0)
    task_min_spend = models.DecimalField(
        _("for an order of at least"), max_digits=16, decimal_places=2, default=0, db_default=0
    )
    task_budget = models.PositiveBigIntegerField(_("budget for coming back"), default=0)
    task_spent = models.PositiveBigIntegerField(_("used of the budget"), default=0)
    next_run_at = models.DateTimeField(_("next run at"), null=True, blank=True)

    class Meta:
        verbose_name = _("wake-up")
        verbose_name_plural = _("wake-ups")
        constraints = [
            *Decided.rules("wakeup"),
            models.CheckConstraint(condition=Q(task_spent__lte=F("task_budget")), name="wakeup_task_budget"),
            models.CheckConstraint(condition=Q(holdout_percent__lte=90), name="wakeup_holdout"),
            models.CheckConstraint(
                condition=Q(task_points=0, task_days=0) | Q(task_points__gt=0, task_days__gt=0),
                name="wakeup_task_whole",
            ),
            models.CheckConstraint(condition=Q(task_min_spend__gte=0), name="wakeup_task_min_spend"),
            models.CheckConstraint(
                condition=Q(next_run_at__isnull=True) | Q(status__in=OPEN), name="wakeup_due_while_open"
            ),
        ]
        indexes = [
            models.Index(fields=["next_run_at"], name="wakeup_due", condition=Q(next_run_at__isnull=False)),
        ]


class WakeupRun(models.Model):
    """One time that a wake-up goes out. `cursor` is the last member who was looked at: it moves in the
    transaction that queues their messages, so a run that is cut off goes on where it stood."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    wakeup = models.ForeignKey(Wakeup, models.PROTECT, related_name="runs", verbose_name=_("wake-up"))
    number = models.PositiveIntegerField(_("number"))
    slot = models.DateTimeField(_("meant for"))
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    cursor = models.UUIDField(null=True, blank=True, editable=False)
    audience = models.PositiveIntegerField(_("audience"), default=0)
    held_out = models.PositiveIntegerField(_("held out"), default=0)

    class Meta:
        verbose_name = _("run of a wake-up")
        verbose_name_plural = _("runs of wake-ups")
        constraints = [
            models.UniqueConstraint(fields=["wakeup", "slot"], name="wakeuprun_slot_once"),
            models.UniqueConstraint(fields=["wakeup", "number"], name="wakeuprun_number_once"),
            models.CheckConstraint(
                condition=Q(status="running", due_at__isnull=False, finished_at__isnull=True)
                | (~Q(status="running") & Q(due_at__isnull=True, finished_at__isnull=False)),
                name="wakeuprun_due_while_running",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="wakeuprun_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.wakeup.code} #{self.number}"


class WakeupRecipient(models.Model):
    """What a run did with one member: held out, or a message was queued with one of the variants.

    Where coming back is rewarded, `task` says how far the member has come; `paid` names the order.
    """

    class Task(models.TextChoices):
        NONE = "none", _("none")
        OPEN = "open", _("open")
        PAID = "paid", _("paid")
        TAKEN_BACK = "taken_back", _("taken back")
        EXPIRED = "expired", _("not in time")
        NO_BUDGET = "no_budget", _("budget used up")

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(WakeupRun, models.PROTECT, related_name="recipients", db_index=False)
    wakeup = models.ForeignKey(Wakeup, models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey("members.Member", models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(_("at"))
    held_out = models.BooleanField(_("held out"))
    variant = models.CharField(_("variant"), max_length=8, blank=True, default="")
    task = models.CharField(_("task"), max_length=12, choices=Task.choices, default=Task.NONE)
    task_until = models.DateTimeField(_("until"), null=True, blank=True)
    paid_points = models.PositiveBigIntegerField(_("points paid"), default=0)
    paid_entry = models.UUIDField(null=True, blank=True, editable=False)
    paid_for = models.UUIDField(_("order"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("recipient of a wake-up")
        verbose_name_plural = _("recipients of wake-ups")
        constraints = [
            models.UniqueConstraint(fields=["run", "member"], name="wakeuprecipient_once"),
            models.CheckConstraint(
                condition=~Q(task__in=["paid", "taken_back"])
                | Q(paid_points__gt=0, paid_entry__isnull=False, paid_for__isnull=False),
                name="wakeuprecipient_paid_for",
            ),
            models.CheckConstraint(condition=Q(held_out=False) | Q(task="none"), name="wakeuprecipient_held"),
        ]
        indexes = [
            models.Index(fields=["member", "wakeup", "-at"], name="wakeuprecipient_latest"),
            models.Index(
                fields=["task", "task_until"],
                condition=Q(task__in=["open", "paid"]),
                name="wakeuprecipient_task",
            ),
        ]
