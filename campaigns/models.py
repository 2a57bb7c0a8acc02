"""Rules, their published versions, and what has been used of their caps."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


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


class RuleSubmission(models.Model):
    """A draft as it was put forward: its content is frozen, somebody else decides, and it is published now
    or at its time. What was decided never changes; the database refuses it."""

    class Status(models.TextChoices):
        PENDING_APPROVAL = "pending_approval", _("waits for approval")
        SCHEDULED = "scheduled", _("scheduled")
        PUBLISHED = "published", _("published")
        REJECTED = "rejected", _("rejected")
        WITHDRAWN = "withdrawn", _("withdrawn")
        REPLACED = "replaced", _("replaced by a later one")
        FAILED = "failed", _("no longer held when its time came")

    OPEN = ("pending_approval", "scheduled")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    rule = models.ForeignKey(Rule, models.PROTECT, related_name="submissions", verbose_name=_("earning rule"))
    number = models.PositiveIntegerField(_("number"))
    body = models.JSONField(_("content"))
    status = models.CharField(_("status"), max_length=16, choices=Status.choices)
    needs_approval = models.BooleanField(_("needs a second operator"))
    publish_at = models.DateTimeField(_("publish at"), null=True, blank=True)
    submitted_at = models.DateTimeField(_("submitted at"))
    submitted_by = models.CharField(_("submitted by"), max_length=120)
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    approved_by = models.CharField(_("approved by"), max_length=120, blank=True, default="")
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    version = models.PositiveIntegerField(_("version"), null=True, blank=True)

    class Meta:
        verbose_name = _("submission of a rule")
        verbose_name_plural = _("submissions of rules")
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="rulesubmission_once"),
            models.UniqueConstraint(
                fields=["rule"],
                condition=models.Q(status__in=["pending_approval", "scheduled"]),
                name="rulesubmission_one_open",
            ),
            models.CheckConstraint(
                condition=~models.Q(approved_by=models.F("submitted_by")) | models.Q(approved_by=""),
                name="rulesubmission_four_eyes",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["scheduled", "published"])
                | models.Q(needs_approval=False)
                | ~models.Q(approved_by=""),
                name="rulesubmission_approved",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending_approval", "scheduled"], ended_at__isnull=True)
                | (
                    ~models.Q(status__in=["pending_approval", "scheduled"]) & models.Q(ended_at__isnull=False)
                ),
                name="rulesubmission_ended",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="scheduled") | models.Q(publish_at__isnull=False),
                name="rulesubmission_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="rejected") | ~models.Q(reason=""),
                name="rulesubmission_says_why",
            ),
            models.CheckConstraint(
                condition=models.Q(status="published", version__isnull=False)
                | (~models.Q(status="published") & models.Q(version__isnull=True)),
                name="rulesubmission_version",
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


class CapCounter(models.Model):
    """What a member has used of a rule's cap in one period. Written under the lock on the member."""

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey("members.Member", models.PROTECT, related_name="+", db_index=False)
    rule = models.CharField(_("earning rule"), max_length=64)
    kind = models.CharField(_("kind"), max_length=8)
    period = models.CharField(_("period"), max_length=64)
    used = models.BigIntegerField(_("used"))

    class Meta:
        verbose_name = _("cap counter")
        verbose_name_plural = _("cap counters")
        constraints = [
            models.UniqueConstraint(fields=["member", "rule", "kind", "period"], name="capcounter_once"),
            models.CheckConstraint(condition=models.Q(used__gte=0), name="capcounter_not_negative"),
        ]


class CapTotal(models.Model):
    """What all members together have used of a rule's ``total``."""

    id = models.BigAutoField(primary_key=True)
    rule = models.CharField(_("earning rule"), max_length=64, unique=True)
    used = models.BigIntegerField(_("used"), default=0)

    class Meta:
        verbose_name = _("total of a rule")
        verbose_name_plural = _("totals of rules")
        constraints = [models.CheckConstraint(condition=models.Q(used__gte=0), name="captotal_not_negative")]


class Carry(models.Model):
    """The fraction of a point that flooring left to a member, under the policy ``rounding: carry``."""

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey("members.Member", models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(_("points currency"), max_length=32, default="points")
    fraction = models.CharField(_("fraction"), max_length=200, default="0")

    class Meta:
        verbose_name = _("carried fraction")
        verbose_name_plural = _("carried fractions")
        constraints = [models.UniqueConstraint(fields=["member", "currency"], name="carry_once")]


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
