"""Rules, their drafts and published versions, and who decided about them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from loyalty.lib.foureyes import Submitted


class Rule(models.Model):
    """An earning rule: one code for ever, a draft that is worked on, and the version that runs."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    code = models.CharField(_("code"), max_length=64, unique=True)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.DRAFT)
    draft = models.JSONField(_("draft"), null=True, blank=True)
    current_version = models.PositiveIntegerField(_("version"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=120, blank=True, default="")
    updated_at = models.DateTimeField(_("updated at"))
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)
    retired_by = models.CharField(_("retired by"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="draft", current_version__isnull=True, draft__isnull=False)
                | models.Q(status__in=["published", "retired"], current_version__isnull=False),
                name="rule_status_fits_version",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class RuleVersion(models.Model):
    """What was published, when and by whom. Immutable: the database refuses to change or delete it."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    rule = models.ForeignKey(Rule, models.PROTECT, related_name="versions", verbose_name=_("earning rule"))
    version = models.PositiveIntegerField(_("version"))
    body = models.JSONField(_("content"))
    published_at = models.DateTimeField(_("published at"))
    published_by = models.CharField(_("published by"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("version of a rule")
        verbose_name_plural = _("versions of a rule")
        constraints = [
            models.UniqueConstraint(fields=["rule", "version"], name="ruleversion_once"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="ruleversion_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.version}"


class RuleSubmission(Submitted):
    """A draft as it was put forward, or the end of a rule (`retires`; the content is then what it ends)."""

    rule = models.ForeignKey(Rule, models.PROTECT, related_name="submissions", verbose_name=_("earning rule"))
    retires = models.BooleanField(_("ends the rule"), default=False, db_default=False)

    class Meta:
        verbose_name = _("submission of a rule")
        verbose_name_plural = _("submissions of rules")
        constraints = [
            *Submitted.rules("rulesubmission", of="rule"),
            models.UniqueConstraint(
                fields=["rule"],
                condition=models.Q(status__in=["pending_approval", "scheduled"]),
                name="rulesubmission_one_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["publish_at"],
                condition=models.Q(status="scheduled"),
                name="rulesubmission_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule.code} #{self.number}"


class TierSubmission(Submitted):
    """A tier programme as it was put forward, instead of the version `instead_of` (0: the first one)."""

    instead_of = models.PositiveIntegerField(_("instead of version"))
    # The key of the brand's one programme: at most one submission of it is open.
    program = models.BigIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = _("submission of the tiers")
        verbose_name_plural = _("submissions of the tiers")
        constraints = [
            *Submitted.rules("tiersubmission", of=None),
            models.CheckConstraint(condition=models.Q(program=1), name="tiersubmission_of_the_one"),
            models.UniqueConstraint(
                fields=["program"],
                condition=models.Q(status__in=["pending_approval", "scheduled"]),
                name="tiersubmission_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"


class RuleStep(models.Model):
    """One step in the life of a rule: who, when, and why. Only ever inserted."""

    class Kind(models.TextChoices):
        DRAFTED = "drafted", _("drafted")
        SUBMITTED = "submitted", _("submitted")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        WITHDRAWN = "withdrawn", _("withdrawn")
        REPLACED = "replaced", _("replaced by a later one")
        SCHEDULED = "scheduled", _("scheduled")
        PUBLISHED = "published", _("published")
        FAILED = "failed", _("no longer held when its time came")
        RETIRED = "retired", _("retired")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    rule = models.ForeignKey(Rule, models.PROTECT, related_name="steps", verbose_name=_("earning rule"))
    submission = models.ForeignKey(
        RuleSubmission, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    kind = models.CharField(_("step"), max_length=16, choices=Kind.choices)
    version = models.PositiveIntegerField(_("version"), null=True, blank=True)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("by"), max_length=120, blank=True, default="")
    note = models.CharField(_("note"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("step in the life of a rule")
        verbose_name_plural = _("steps in the life of a rule")

    def __str__(self) -> str:
        return f"{self.rule_id} {self.kind}"


class RulesInForce(models.Model):
    """One row whose revision changes with every publication: processes compare it with what they compiled."""

    id = models.BigIntegerField(primary_key=True, default=1)
    revision = models.UUIDField(default=ids.new)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("rules in force")
        verbose_name_plural = _("rules in force")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="rulesinforce_one_row")]
