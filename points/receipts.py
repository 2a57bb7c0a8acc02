"""What the transparency log gives to those who check it: receipts, checkpoints, proofs, keys."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785
import structlog
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from loyalty.lib.database import connection
from loyalty.lib.errors import Invalid
from loyalty.lib.instants import text as instant
from points import errors, logstore, merkle, signednote
from points.models import Checkpoint, Consumption, Entry, LogKey, LogLeaf, Lot

FORMAT = "loyalty-receipt-v1"
log = structlog.get_logger(__name__)


def receipt(entry_id: UUID, *, member_id: UUID | None = None, details: bool = True) -> dict[str, Any]:
    """An entry with the proof that it stands in the log; `member_id`: only of this member's own.

    Without `details` the words and names that operators wrote for each other stay hidden behind their hash.
    Raises EntryNotFound and NotSealedYet.
    """
    found = Entry.objects.select_related("account", "leaf").filter(pk=entry_id)
    entry = (found if member_id is None else found.filter(account__member_id=member_id)).first()
    if entry is None:
        raise errors.EntryNotFound
    leaf: LogLeaf | None = getattr(entry, "leaf", None)
    checkpoint = logstore.newest_checkpoint()
    if leaf is None or checkpoint is None or checkpoint.size <= leaf.index:
        raise errors.NotSealedYet(retry_after=errors.SEALED_WITHIN_S)
    salt = bytes(leaf.salt[:16]).hex()
    content, hidden = _as_sealed(entry, leaf, salt)
    if not _is_leaf(content, salt, leaf):
        # It is given out all the same: that it does not verify is what its holder should learn.
        log.error("receipt.entry_was_altered", entry_id=str(entry.pk), leaf=leaf.index)
    proof = merkle.inclusion_proof(logstore.Nodes(checkpoint.size), leaf.index, checkpoint.size)
    key = LogKey.objects.get(pk=checkpoint.key_id)
    return {
        "format": FORMAT,
        "entry": content,
        "salt": salt,
        **({"details": hidden} if details else {}),
        "leaf_index": leaf.index,
        "proof": [b64encode(sibling).decode() for sibling in proof],
        "checkpoint": checkpoint.note,
        "key": signednote.verifier_key(key.origin, bytes(key.public)),
    }


def is_sealed(entry: Entry) -> bool:
    """Whether the entry has a receipt."""
    newest = logstore.newest_checkpoint()
    return newest is not None and LogLeaf.objects.filter(entry=entry, index__lt=newest.size).exists()


def checkpoints() -> QuerySet[Checkpoint]:
    """All checkpoints; page them by `size`."""
    return Checkpoint.objects.all()


def checkpoint() -> Checkpoint:
    """The newest. Raises CheckpointNotFound before the first sealing."""
    found = logstore.newest_checkpoint()
    if found is None:
        raise errors.CheckpointNotFound
    return found


def keys() -> Sequence[LogKey]:
    """The keys of the log, the one that signs first. Raises LogKeyNotFound before the first sealing."""
    found = list(LogKey.objects.order_by("-created_at", "-id"))
    if not found:
        raise errors.LogKeyNotFound
    return found


def consistency(old: int, new: int | None) -> tuple[int, list[bytes]]:
    """The proof that the log of `new` leaves (default: all signed) continues that of `old`, and `new`.

    Raises CheckpointNotFound before the first sealing, Invalid for sizes that the log never had.
    """
    signed = checkpoint().size
    end = signed if new is None else new
    if end > signed:
        raise Invalid.at("/to", "beyond_log", _("The log has %(size)s signed leaves.") % {"size": signed})
    if old > end:
        raise Invalid.at("/from", "order", _("Must not be greater than `to`."))
    return end, merkle.consistency_proof(logstore.Nodes(signed), old, end)


def _as_sealed(entry: Entry, leaf: LogLeaf, salt: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The entry as its leaf says it, and what its details hide: None where there are none."""
    hidden = _details(entry, leaf)
    if not (hidden["actor"] or hidden["reason"] or hidden["explanation"] is not None):
        content = _content(entry, leaf, None)
        if _is_leaf(content, salt, leaf):
            return content, None
        # At first leaves had a hash of such details, too.
    return _content(entry, leaf, hidden), hidden


def _is_leaf(content: dict[str, Any], salt: str, leaf: LogLeaf) -> bool:
    return merkle.leaf_hash(rfc8785.dumps({"entry": content, "salt": salt})) == bytes(leaf.hash)


def _content(entry: Entry, leaf: LogLeaf, hidden: dict[str, Any] | None) -> dict[str, Any]:
    """The entry as its leaf says it; the same as sql/log/leaf.sql."""
    # As in leaf.sql: by the key, and what the index of lots with ids of their own has.
    opened = Lot.objects.filter(Q(pk=entry.pk, entry=entry) | Q(~Q(entry=F("id")), entry=entry))
    taken = Consumption.objects.filter(entry=entry).order_by("id").values_list("lot_id", "points")
    return {
        "account": str(entry.account_id),
        "balance_after": _number(entry.balance_after),
        "cost_centre": entry.cost_centre,
        "currency": entry.account.currency,
        "details": None if hidden is None else hashlib.sha256(rfc8785.dumps(hidden)).hexdigest(),
        "direction": entry.direction,
        "effective_at": _at(entry.effective_at),
        "entry": str(entry.pk),
        "journal": str(entry.journal_id),
        "kind": entry.kind,
        "opened": [
            {
                "earned_at": _at(lot.earned_at),
                "expires_at": _at(lot.original_expires_at) if lot.original_expires_at else None,
                "from": _id(lot.from_lot_id),
                "lot": str(lot.pk),
                "points": lot.points,
            }
            for lot in opened.order_by("id")
        ],
        "points": _number(entry.points),
        "recorded_at": _at(entry.recorded_at),
        "reference": entry.reference,
        "reverses": _id(entry.reverses_id),
        "rule": entry.rule,
        "rule_version": entry.rule_version,
        "seq": entry.seq,
        "source": entry.source,
        "system_account": entry.system_account,
        "taken": [{"lot": str(lot_id), "points": points} for lot_id, points in taken[: leaf.takes]],
    }


def _details(entry: Entry, leaf: LogLeaf) -> dict[str, Any]:
    """What the leaf covers by a hash of its own; the explanation as the database writes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT explanation::text FROM points_entry WHERE id = %s", [entry.pk])
        explanation = cursor.fetchone()[0]
    return {
        "actor": entry.actor,
        "explanation": explanation,
        "reason": entry.reason,
        "salt": bytes(leaf.salt[16:]).hex(),
    }


def _at(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _number(points: int) -> int | str:
    # RFC 8785 knows no whole numbers from 2^53 on: readers would round them. As in leaf.sql.
    return points if abs(points) < 2**53 else str(points)


def _id(key: UUID | None) -> str | None:
    return None if key is None else str(key)


def shape(signed: Checkpoint) -> dict[str, Any]:
    """A checkpoint as the API shows it."""
    return {
        "checkpoint_id": str(signed.pk),
        "size": signed.size,
        "root": b64encode(bytes(signed.root)).decode(),
        "note": signed.note,
        "key_id": str(signed.key_id),
        "signed_at": instant(signed.signed_at),
    }
