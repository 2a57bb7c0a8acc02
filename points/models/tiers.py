"""The tier programme, the tier of each member, what qualified them for it, and why it changed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class TierProgram(models.Model):
    """The brand's tiers: one row. `config` is the body of `PUT /tiers` with its defaults filled in."""

    id = models.BigIntegerField(primary_key=True, default=1, editable=False)
    config = models.JSONField(_("configuration"))
    version = models.PositiveIntegerField(_("version"), default=1)
    updated_at = models.DateTimeField(_("changed at"))
    updated_by = models.CharField(_("changed by"), max_length=80, blank=True, default="")

    class Meta:
        verbose_name = _("tier programme")
        verbose_name_plural = _("tier programmes")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="points_tierprogram_one")]

    def __str__(self) -> str:
        return str(self.version)


class TierProgramVersion(models.Model):
    """A programme that was in force from `in_force_at` until the next one was. Only ever inserted.

    Members are judged by each of those that followed the one they were last judged by.
    """

    version = models.BigIntegerField(primary_key=True, editable=False)
    config = models.JSONField()
    in_force_at = models.DateTimeField()

    class Meta:
        verbose_name = _("version of the tier programme")
        verbose_name_plural = _("versions of the tier programme")

    def __str__(self) -> str:
        return str(self.version)


class MemberTier(models.Model):
    """The tier that a member holds. A member without a row holds the lowest.

    `review_at` says when it has to be looked at; `earned_at` lies in the period that justifies it, and is
    null where the tier was granted. `previous` is what stood before, and what was granted besides
    (`services.tierjson`). `program_version` is the programme that it was last judged by.
    """

    member = models.OneToOneField(
        "members.Member",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="tier",
        verbose_name=_("member"),
    )
    code = models.CharField(_("tier"), max_length=32)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    review_at = models.DateTimeField(_("next review"), null=True, blank=True)
    earned_at = models.DateTimeField(_("earned at"), null=True, blank=True)
    previous = models.JSONField(_("held besides"), null=True, blank=True)
    program_version = models.PositiveIntegerField(_("judged by version"), default=0, db_index=True)
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("member's tier")
        verbose_name_plural = _("members' tiers")
        indexes = [
            models.Index(
                fields=["review_at"],
                condition=Q(review_at__isnull=False),
                name="points_membertier_due",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class TierQualification(models.Model):
    """What one business fact adds to the qualifying numbers; negative for a return. Only ever inserted.

    `at` is when the purchase was made, for a return too: it lowers the period that the purchase raised.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("member"),
    )
    at = models.DateTimeField(_("at"))
    points = models.BigIntegerField(_("qualifying points"))
    spend = models.DecimalField(_("qualifying amount"), max_digits=20, decimal_places=6)
    visits = models.SmallIntegerField(_("orders"))
    source = models.CharField(_("source"), max_length=32)
    reference = models.CharField(_("reference"), max_length=255)

    class Meta:
        verbose_name = _("tier qualification")
        verbose_name_plural = _("tier qualifications")
        constraints = [
            models.UniqueConstraint(fields=["source", "reference"], name="points_tierqualification_once"),
        ]
        indexes = [models.Index(fields=["member", "at"], name="points_tierqualification_at")]

    def __str__(self) -> str:
        return f"{self.points:+d} ({self.source} {self.reference})"


class TierNotice(models.Model):
    """That a member was looked at `days` days before a review, and whether they were told of a fall."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+", db_index=False)
    review_at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    told = models.BooleanField()
    noted_at = models.DateTimeField()

    class Meta:
        verbose_name = _("tier notice")
        verbose_name_plural = _("tier notices")
        constraints = [
            models.UniqueConstraint(fields=["member", "review_at", "days"], name="points_tiernotice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.days}"


class TierChange(models.Model):
    """Why a member's tier is what it is: one row for each change. Only ever inserted."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("member"),
    )
    from_code = models.CharField(_("from"), max_length=32, blank=True, default="")
    to_code = models.CharField(_("to"), max_length=32)
    why = models.CharField(_("why"), max_length=16)
    qualifying = models.DecimalField(_("qualifying number"), max_digits=20, decimal_places=6)
    reference = models.CharField(_("reference"), max_length=255, blank=True, default="")
    at = models.DateTimeField(_("took effect"))
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("tier change")
        verbose_name_plural = _("tier changes")
        indexes = [models.Index(fields=["member", "-recorded_at"], name="points_tierchange_member")]

    def __str__(self) -> str:
        return f"{self.from_code} → {self.to_code}"
