"""Audiences that a brand names, who is in them, and points or a grant for a whole audience."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.decided import OPEN, Decided
from loyalty.lib import ids, words


class Segment(models.Model):
    """A named audience. Who is in it follows from `definition`, which is data (see campaigns/audience).

    A segment that a rule names is `kept`: its members stand in `SegmentMember`, and `refresh_at` says when
    they are read anew. `size` is how many there were then.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.JSONField(_("name"), default=dict)
    definition = models.JSONField(_("definition"), default=dict)
    archived = models.BooleanField(_("archived"), default=False)
    kept = models.BooleanField(_("named by a rule"), default=False)
    size = models.PositiveIntegerField(_("members"), null=True, blank=True)
    refreshed_at = models.DateTimeField(_("read at"), null=True, blank=True)
    refresh_at = models.DateTimeField(_("read next at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.CharField(_("created by"), max_length=120, blank=True, default="")
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        constraints = [
            models.CheckConstraint(
                condition=Q(kept=True, refresh_at__isnull=False) | Q(kept=False, refresh_at__isnull=True),
                name="segment_due_while_kept",
            ),
        ]
        indexes = [
            models.Index(fields=["refresh_at"], name="segment_due", condition=Q(refresh_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return words.pick(self.name) or self.code


class SegmentMember(models.Model):
    """That a member was in a segment when it was last read; `since` when they were first found in it.

    The code stands in the row, so that an order finds its member's segments by one index.
    """

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey("members.Member", models.CASCADE, related_name="+", db_index=False)
    code = models.CharField(_("segment"), max_length=64, db_index=True)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("member of a segment")
        verbose_name_plural = _("members of segments")
        constraints = [models.UniqueConstraint(fields=["member", "code"], name="segmentmember_once")]


class AudienceGrant(Decided):
    """Points, or a coupon, benefit or chances to draw, for everybody in a segment, once each.

    `cursor` is the last member who was looked at. `given` + `refused` are those who were; what was given
    stands in the ledger under a reference of its own for each member.
    """

    segment = models.ForeignKey(Segment, models.PROTECT, related_name="+", verbose_name=_("segment"))
    points = models.PositiveBigIntegerField(_("points for each"), default=0)
    gift = models.JSONField(_("gift for each"), null=True, blank=True)
    budget = models.PositiveBigIntegerField(_("budget"))
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    cost_centre = models.CharField(_("cost centre"), max_length=64, blank=True, default="")
    at = models.DateTimeField(_("give at"), null=True, blank=True)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    cursor = models.UUIDField(null=True, blank=True, editable=False)
    audience = models.PositiveIntegerField(_("members at the start"), null=True, blank=True)
    given = models.PositiveIntegerField(_("members given"), default=0)
    refused = models.PositiveIntegerField(_("members refused"), default=0)
    spent = models.PositiveBigIntegerField(_("used of the budget"), default=0)
    budget_reached = models.BooleanField(_("stopped at the budget"), default=False)

    class Meta:
        verbose_name = _("audience grant")
        verbose_name_plural = _("audience grants")
        constraints = [
            *Decided.rules("audiencegrant"),
            models.CheckConstraint(condition=Q(spent__lte=F("budget")), name="audiencegrant_within_budget"),
            models.CheckConstraint(
                condition=Q(points__gt=0, gift__isnull=True) | Q(points=0, gift__isnull=False),
                name="audiencegrant_gives_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN, due_at__isnull=False)
                | (~Q(status__in=OPEN) & Q(due_at__isnull=True)),
                name="audiencegrant_due_while_open",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="audiencegrant_due", condition=Q(due_at__isnull=False)),
        ]
