"""Campaigns: when rules run together, what they may cost, and what became of them."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.models.rules import Rule
from loyalty.lib import ids, words


class Campaign(models.Model):
    """Rules that run together for a time: a double-points day, a member day, a birthday month.

    It runs from `starts_at` until before `ends_at`, on the brand-local days of `rrule` if there is one.
    `due_at` is when a worker next has to start, end or close it; `ended_at` is when it really ended.
    `given_points` and `given_amount` are what its rules gave so far, counted some seconds later.
    """

    class Kind(models.TextChoices):
        DOUBLE_POINTS = "double_points", _("double-points day")
        MEMBER_DAY = "member_day", _("member day")
        EXCHANGE_DAY = "exchange_day", _("exchange day")
        BIRTHDAY_MONTH = "birthday_month", _("birthday month")
        OTHER = "other", _("other")

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PENDING_APPROVAL = "pending_approval", _("waits for approval")
        SCHEDULED = "scheduled", _("scheduled")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", _("stopped: budget used up")
        ENDED = "ended", pgettext_lazy("campaign", "ended")

    LIVE = ("scheduled", "running", "paused", "stopped")
    UNPLANNED = ("draft", "pending_approval")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.JSONField(_("name"), default=dict)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, default=Kind.OTHER)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.DRAFT)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    rrule = models.CharField(_("days"), max_length=200, blank=True, default="")
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    announcement = models.JSONField(_("announcement"), default=dict, blank=True)
    cost_centre = models.CharField(_("cost centre"), max_length=64, blank=True, default="")
    control_percent = models.PositiveSmallIntegerField(_("control group in per cent"), default=0)
    budget_points = models.BigIntegerField(_("budget in points"), null=True, blank=True)
    budget_amount = models.DecimalField(
        _("budget in money"), max_digits=20, decimal_places=2, null=True, blank=True
    )
    # Of an exchange day: what rewards cost less, `percent` or `points`, of `rewards`, `categories` or all.
    discount = models.JSONField(_("discount on rewards"), null=True, blank=True)
    given_points = models.BigIntegerField(_("points given"), default=0)
    given_amount = models.DecimalField(
        _("cost of points given"), max_digits=26, decimal_places=6, default=Decimal(0)
    )
    # What the redemptions of an exchange day cost: pieces by their own cost, others by that of their points.
    redeemed_amount = models.DecimalField(
        _("cost of redemptions"), max_digits=26, decimal_places=6, default=Decimal(0), db_default=Decimal(0)
    )
    alarmed_at = models.DateTimeField(_("alarm at"), null=True, blank=True)
    reached_at = models.DateTimeField(_("budget used up at"), null=True, blank=True)
    submitted = models.JSONField(_("submitted"), null=True, blank=True)
    submitted_by = models.CharField(_("submitted by"), max_length=120, blank=True, default="")
    approved_by = models.CharField(_("approved by"), max_length=120, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=120, blank=True, default="")
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="campaign_period"),
            models.CheckConstraint(
                condition=(Q(budget_points__isnull=True) | Q(budget_points__gt=0))
                & (Q(budget_amount__isnull=True) | Q(budget_amount__gt=0)),
                name="campaign_budget",
            ),
            models.CheckConstraint(
                condition=Q(given_points__gte=0, given_amount__gte=0), name="campaign_given"
            ),
            models.CheckConstraint(condition=Q(control_percent__lte=50), name="campaign_control"),
            models.CheckConstraint(
                condition=~Q(approved_by=F("submitted_by")) | Q(approved_by=""), name="campaign_four_eyes"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "pending_approval"], due_at__isnull=True)
                | Q(status__in=["scheduled", "running", "paused", "stopped"], due_at__isnull=False)
                | Q(status="ended"),
                name="campaign_due_while_live",
            ),
            models.CheckConstraint(
                condition=Q(status="ended", ended_at__isnull=False)
                | (~Q(status="ended") & Q(ended_at__isnull=True)),
                name="campaign_ended",
            ),
            models.CheckConstraint(
                condition=~Q(status="stopped") | Q(reached_at__isnull=False), name="campaign_stopped_for"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="campaign_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["starts_at", "ends_at"], name="campaign_calendar"),
        ]

    def __str__(self) -> str:
        return words.pick(self.name) or self.code


class CampaignRule(models.Model):
    """A rule that belongs to a campaign: it gives only while the campaign runs."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="bound", verbose_name=_("campaign"))
    rule = models.OneToOneField(
        Rule, models.PROTECT, related_name="campaign_of", verbose_name=_("earning rule")
    )

    class Meta:
        verbose_name = _("rule of a campaign")
        verbose_name_plural = _("rules of campaigns")

    def __str__(self) -> str:
        return f"{self.rule_id}"


class CampaignPause(models.Model):
    """Time in which a campaign gave nothing: purchases from `starts_at` until before `ends_at`."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="pauses", verbose_name=_("campaign"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("pause of a campaign")
        verbose_name_plural = _("pauses of campaigns")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(ends_at__isnull=True), name="campaignpause_one_open"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="campaignpause_period",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at} – {self.ends_at}"


class CampaignStep(models.Model):
    """One step in the life of a campaign: when, who, and why. Only ever inserted."""

    class Kind(models.TextChoices):
        CREATED = "created", _("created")
        CHANGED = "changed", _("changed")
        SUBMITTED = "submitted", _("submitted")
        WITHDRAWN = "withdrawn", _("withdrawn")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        SCHEDULED = "scheduled", _("scheduled")
        STARTED = "started", pgettext_lazy("campaign", "started")
        PAUSED = "paused", _("paused")
        RESUMED = "resumed", _("resumed")
        BUDGET_ALARM = "budget_alarm", _("budget alarm")
        BUDGET_REACHED = "budget_reached", _("budget used up")
        ENDED = "ended", pgettext_lazy("campaign", "ended")
        CLOSED = "closed", _("closed: late orders no longer count")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="steps", verbose_name=_("campaign"))
    kind = models.CharField(_("step"), max_length=16, choices=Kind.choices)
    at = models.DateTimeField(_("at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    actor = models.CharField(_("by"), max_length=120)
    note = models.CharField(_("note"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("step in the life of a campaign")
        verbose_name_plural = _("steps in the life of a campaign")

    def __str__(self) -> str:
        return f"{self.kind} {self.at}"


class ProgrammeBudget(models.Model):
    """How the cost of redemptions stands against what the brand allows for a period; one row a period.

    `spent` is what was redeemed in it so far, `forecast` what it will come to by its end.
    """

    class Status(models.TextChoices):
        WITHIN = "within", _("within the budget")
        ALARM = "alarm", _("nearly used up")
        REACHED = "reached", _("used up")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    starts_at = models.DateTimeField(_("from"), unique=True)
    ends_at = models.DateTimeField(_("until"))
    limit = models.DecimalField(_("limit"), max_digits=20, decimal_places=2)
    spent = models.DecimalField(_("redemption cost"), max_digits=26, decimal_places=6)
    forecast = models.DecimalField(_("forecast"), max_digits=26, decimal_places=6)
    status = models.CharField(_("status"), max_length=8, choices=Status.choices, default=Status.WITHIN)
    computed_at = models.DateTimeField(_("computed at"))

    class Meta:
        verbose_name = _("programme budget")
        verbose_name_plural = _("programme budgets")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="programmebudget_period"),
            models.CheckConstraint(condition=Q(limit__gt=0), name="programmebudget_limit"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at} – {self.ends_at}"


class ProgrammePlan(models.Model):
    """What redemptions may cost: so many per cent of a marketing budget for each month, quarter or year. The
    newest row counts; without an amount there is no limit. Only ever inserted."""

    class Period(models.TextChoices):
        MONTH = "month", _("month")
        QUARTER = "quarter", _("quarter")
        YEAR = "year", _("year")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    period = models.CharField(_("period"), max_length=8, choices=Period.choices)
    amount = models.DecimalField(
        _("marketing budget"), max_digits=20, decimal_places=2, null=True, blank=True
    )
    percent = models.PositiveSmallIntegerField(_("per cent for redemptions"))
    set_at = models.DateTimeField(_("set at"))
    set_by = models.CharField(_("set by"), max_length=120)

    class Meta:
        verbose_name = _("plan of the programme's budget")
        verbose_name_plural = _("plans of the programme's budget")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gt=0), name="programmeplan_amount"
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=1, percent__lte=100), name="programmeplan_percent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % / {self.period}"
