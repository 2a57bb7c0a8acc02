from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from points.models.fields import TransactionIdField
from points.models.ledger import Entry

# The transparency log (docs/adr/0060-the-transparency-log.md). All but the position is only ever inserted.


class LogKey(models.Model):
    """The Ed25519 key by which the brand signs checkpoints; the newest signs.

    `origin` names the log and, in signatures, the key. It stays whatever becomes of the brand's hosts.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    origin = models.TextField(_("log"))
    public = models.BinaryField(_("public key"))
    secret = models.TextField(_("private key, encrypted"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("key of the log")
        verbose_name_plural = _("keys of the log")

    def __str__(self) -> str:
        return self.origin


class LogLeaf(models.Model):
    """An entry in the log: its place, the hash that says what it was, and the salt that hides it.

    `takes` is how many consumptions the entry had when it was sealed; repayments of a debt come later.
    """

    index = models.BigIntegerField(_("number"), primary_key=True)
    entry = models.OneToOneField(
        Entry,
        on_delete=models.PROTECT,
        related_name="leaf",
        db_constraint=False,
        verbose_name=_("ledger entry"),
    )
    salt = models.BinaryField(_("salt"))
    takes = models.IntegerField(_("consumptions"))
    hash = models.BinaryField(_("hash"))

    class Meta:
        verbose_name = _("leaf of the log")
        verbose_name_plural = _("leaves of the log")

    def __str__(self) -> str:
        return str(self.index)


class LogNode(models.Model):
    """The hash of a complete subtree of 2**level leaves, on every eighth level (points/merkle.py)."""

    id = models.BigAutoField(primary_key=True)
    level = models.SmallIntegerField(_("level"))
    index = models.BigIntegerField(_("number"))
    hash = models.BinaryField(_("hash"))

    class Meta:
        verbose_name = _("node of the log")
        verbose_name_plural = _("nodes of the log")
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="points_lognode_place")]

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class Checkpoint(models.Model):
    """What the brand signed: the log had so many leaves, and this root over them."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    size = models.BigIntegerField(_("leaves"), unique=True)
    root = models.BinaryField(_("root"))
    key = models.ForeignKey(
        LogKey, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("key of the log")
    )
    signature = models.BinaryField(_("signature"))
    note = models.TextField(_("signed note"))
    signed_at = models.DateTimeField(_("signed at"))

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")

    def __str__(self) -> str:
        return str(self.size)


class LogPosition(models.Model):
    """How far the sealer has come: entries up to (xid, entry) are sealed. Its row is the sealer's lock.

    `cluster` is the database server's own identifier: transaction ids mean nothing beside another one.
    """

    id = models.BigIntegerField(primary_key=True, default=1, editable=False)
    size = models.BigIntegerField(_("leaves"), default=0)
    xid = TransactionIdField()
    entry_id = models.UUIDField(_("ledger entry"))
    cluster = models.TextField(_("database server"))

    class Meta:
        verbose_name = _("position of the log")
        verbose_name_plural = _("positions of the log")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="points_logposition_one")]

    def __str__(self) -> str:
        return str(self.size)
