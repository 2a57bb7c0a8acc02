from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Abs
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from points.models.accounts import Account
from points.models.fields import TransactionIdField

# References between the hot tables carry no foreign key in the database: their rows are written by
# the ledger functions alone and never deleted, `verify_ledger` looks for orphans, and the four checks
# of an accrual cost a fifth of it (docs/adr/0010-ledger-in-functions.md).


class Entry(models.Model):
    """One immutable movement of `points > 0` between a member's account and a system account."""

    class Kind(models.TextChoices):
        ACCRUAL = "accrual", _("accrual")
        BURN = "burn", _("burn")
        CAPTURE = "capture", _("capture")
        EXPIRY = "expiry", _("expiry")
        REVERSAL = "reversal", _("reversal")
        CLAWBACK = "clawback", _("clawback")
        ADJUSTMENT = "adjustment", _("adjustment")
        TRANSFER = "transfer", _("transfer")
        OPENING = "opening", _("opening balance")

    class Direction(models.IntegerChoices):
        CREDIT = 1, _("to the member")
        DEBIT = -1, _("from the member")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    journal_id = models.UUIDField(_("journal"))
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
        verbose_name=_("account"),
    )
    seq = models.BigIntegerField(_("number within the account"))
    system_account = models.TextField(_("system account"))
    direction = models.SmallIntegerField(_("direction"), choices=Direction)
    points = models.BigIntegerField(_("points"))
    kind = models.TextField(_("kind"), choices=Kind)
    source = models.TextField(_("source"))
    reference = models.TextField(_("reference"))
    rule = models.TextField(_("rule"), default="", db_default="", blank=True)
    rule_version = models.IntegerField(_("rule version"), null=True, blank=True)
    reverses = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
        db_constraint=False,
        db_index=False,
        verbose_name=_("reverses"),
    )
    effective_at = models.DateTimeField(_("effective"))
    recorded_at = models.DateTimeField(_("recorded"))
    balance_after = models.BigIntegerField(_("balance after"))
    xid = TransactionIdField(editable=False, db_default=Func(function="pg_current_xact_id"))
    cost_centre = models.TextField(_("cost centre"), default="", db_default="", blank=True)
    actor = models.TextField(_("actor"), default="", db_default="", blank=True)
    reason = models.TextField(_("reason"), default="", db_default="", blank=True)
    explanation = models.JSONField(_("explanation"), null=True, blank=True)
    # The lot that has the entry's own id, to be read by `select_related`; it is no column.
    own_lot = models.ForeignObject(
        "points.Lot",
        on_delete=models.DO_NOTHING,
        from_fields=["id"],
        to_fields=["id"],
        null=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "source", "kind", "rule"],
                name="points_entry_reference",
            ),
            models.UniqueConstraint(fields=["account", "seq"], name="points_entry_account_seq"),
            models.CheckConstraint(
                condition=Q(Exact(Abs("direction"), Value(1)), points__gt=0),  # type: ignore[arg-type]
                name="points_entry_moves_points",
            ),
        ]
        indexes = [
            models.Index(
                fields=["reverses"],
                name="points_entry_reverses",
                condition=Q(reverses__isnull=False),
            ),
            BrinIndex(fields=["recorded_at"], name="points_entry_recorded"),
            # Where the sealer of the transparency log goes on (docs/adr/0061-how-entries-are-sealed.md).
            models.Index(fields=["xid"], name="points_entry_xid"),
        ]

    def __str__(self) -> str:
        sign = "−" if self.direction < 0 else "+"
        return f"{sign}{self.points:,d} · {self.reference}"

    @property
    def signed_points(self) -> int:
        """The points from the member's side: positive where the member gains."""
        return self.points * self.direction


class Lot(models.Model):
    """The batch of points that an earning entry opened; `remaining − held` of it can be spent.

    A lot that its entry opened alone has the entry's id; the lots of a transfer have ids of their own.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="lots",
        db_constraint=False,
        db_index=False,
        verbose_name=_("account"),
    )
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="opened_lots",
        db_constraint=False,
        db_index=False,
        verbose_name=_("entry"),
    )
    from_lot = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("transferred from"),
    )
    points = models.BigIntegerField(_("points"))
    remaining = models.BigIntegerField(_("remaining"))
    held = models.BigIntegerField(_("held"), default=0, db_default=0)
    state = models.TextField(_("state"), choices=State)
    earned_at = models.DateTimeField(_("earned"))
    available_at = models.DateTimeField(_("available"), null=True, blank=True)
    waits_for = models.TextField(_("waits for"), null=True, blank=True)
    waits_ref = models.TextField(_("waits for (reference)"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    original_expires_at = models.DateTimeField(_("expires, when opened"), null=True, blank=True)
    inactivity_months = models.SmallIntegerField(_("months of inactivity"), null=True, blank=True)
    # When points were given back with grace after its end. What older holds have of it gets none.
    graced_at = models.DateTimeField(_("given grace"), null=True, blank=True)

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        constraints = [
            # Short, because a constraint is read and prepared anew for every statement; that the state and
            # the dates fit is for `verify_ledger`.
            models.CheckConstraint(
                condition=Q(held__gte=0, remaining__gte=F("held"), points__gte=F("remaining")),
                name="points_lot_bounds",
            ),
        ]
        indexes = [
            models.Index(
                "account_id",
                F("expires_at").asc(nulls_last=True),
                "id",
                name="points_lot_open",
                condition=~Q(state="closed"),
            ),
            models.Index(
                fields=["waits_for", "waits_ref"],
                name="points_lot_waits",
                condition=Q(state="pending", waits_for__isnull=False),
            ),
            # A lot of its entry alone is found by the id that they share (see selectors.opened_lots).
            models.Index(fields=["entry"], name="points_lot_received", condition=~Q(entry=F("id"))),
        ]

    def __str__(self) -> str:
        return f"{self.remaining}/{self.points}"

    @property
    def free(self) -> int:
        """The points that are neither consumed nor held."""
        return self.remaining - self.held


class Consumption(models.Model):
    """Which entry took how many points from which lot; negative where it gave them back.

    Recorded with its entry, but for the repayment of a debt: that comes later than its clawback.
    """

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="consumptions",
        db_constraint=False,
        verbose_name=_("entry"),
    )
    lot = models.ForeignKey(
        Lot,
        on_delete=models.PROTECT,
        related_name="consumptions",
        db_constraint=False,
        verbose_name=_("lot"),
    )
    points = models.BigIntegerField(_("points"))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("lot consumption")
        verbose_name_plural = _("lot consumptions")
        constraints = [models.CheckConstraint(condition=~Q(points=0), name="points_consumption_points")]

    def __str__(self) -> str:
        return f"{self.points:+d}"
