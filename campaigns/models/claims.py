"""What members say is missing: the receipt of a guest order, or points that did not come."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.lib import ids


class Claim(models.Model):
    """A member says that a receipt is theirs: order number, total, and day or store as printed on it.

    A guest order that fits becomes the member's at once. Otherwise the claim stays open: until `waits_until`
    it is applied by itself when the order comes, and an operator may decide at any time. `finding` is what
    was found when it was last looked at; members are not told it.
    """

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("claim", "open")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Outcome(models.TextChoices):
        ORDER = "order", _("the order was linked to the member")
        ADJUSTMENT = "adjustment", _("points were given by hand")

    class Finding(models.TextChoices):
        UNKNOWN = "unknown", _("No order of this number has come yet.")
        FITS = "fits", _("A guest order of this number fits the receipt.")
        DIFFERS = "differs", _("A guest order of this number says something else than the receipt.")
        GUESSED = "guessed", _("A guest order of this number was guessed at too often.")
        TOO_OLD = "too_old", _("The guest order is older than members may claim.")
        RETURNED = "returned", _("All of the guest order came back.")
        TAKEN = "taken", _("The order belongs to another member.")
        OWN = "own", _("The order is the member's own already.")
        FROZEN = "frozen", _("The member's account does not earn at present.")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", db_index=False, verbose_name=_("member")
    )
    order_id = models.CharField(_("order number"), max_length=100)
    amount = models.DecimalField(_("amount"), max_digits=16, decimal_places=2)
    ordered_on = models.DateField(_("day of the receipt"), null=True, blank=True)
    store_id = models.CharField(_("store"), max_length=64, blank=True, default="")
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.OPEN)
    finding = models.CharField(_("finding"), max_length=16, choices=Finding.choices, default=Finding.UNKNOWN)
    filed_at = models.DateTimeField(_("filed at"))
    waits_until = models.DateTimeField(_("waits for the order until"), null=True, blank=True)
    purchase = models.ForeignKey(
        "members.Purchase",
        models.PROTECT,
        related_name="+",
        db_index=False,
        null=True,
        blank=True,
        verbose_name=_("order"),
    )
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices, blank=True, default="")
    points = models.BigIntegerField(_("points given"), null=True, blank=True)
    # The adjustment request of points by hand that wait for a second operator: the claim is open until then.
    adjustment_id = models.UUIDField(_("adjustment request"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    reason = models.CharField(
        _("reason"), max_length=500, blank=True, default="", help_text=_("The member reads it.")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = pgettext_lazy("of a member", "claim")
        verbose_name_plural = pgettext_lazy("of members", "claims")
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", decided_at__isnull=True)
                | Q(status__in=["accepted", "rejected", "withdrawn"], decided_at__isnull=False),
                name="claim_decided",
            ),
            models.CheckConstraint(
                condition=(~Q(status="accepted") & Q(outcome=""))
                | Q(status="accepted", outcome="order", purchase__isnull=False, points__isnull=False)
                | Q(status="accepted", outcome="adjustment", points__gt=0),
                name="claim_outcome",
            ),
            models.CheckConstraint(condition=~Q(status="rejected") | ~Q(reason=""), name="claim_says_why"),
            models.CheckConstraint(
                condition=Q(status="open") | Q(waits_until__isnull=True), name="claim_waits_while_open"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="claim_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(ordered_on__isnull=False) | ~Q(store_id=""), name="claim_says_when_or_where"
            ),
            models.UniqueConstraint(
                fields=["member", "order_id"], condition=Q(status="open"), name="claim_once_open"
            ),
            models.UniqueConstraint(
                fields=["purchase"],
                condition=Q(status="accepted", outcome="order"),
                name="claim_order_given_once",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-filed_at"], name="claim_member"),
            models.Index(fields=["order_id"], name="claim_order"),
            models.Index(fields=["-filed_at", "-id"], name="claim_filed"),
            models.Index(
                fields=["waits_until"], condition=Q(waits_until__isnull=False), name="claim_waiting"
            ),
        ]

    def __str__(self) -> str:
        return self.order_id
