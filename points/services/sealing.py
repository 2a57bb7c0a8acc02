"""Sealing: committed entries become leaves of the brand's transparency log, and the brand signs it.

Never in the hot path: a tick looks for what was committed since, in an order in which nothing turns up later
before what was sealed (docs/adr/0061-how-entries-are-sealed.md).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from loyalty.lib import ids, plans
from loyalty.lib.database import connection
from loyalty.lib.instants import text as instant
from loyalty.outbox.services import publish
from points import locks, logstore, merkle, signednote
from points.models import Checkpoint, Entry, LogNode, LogPosition
from points.services import logkeys

PORTION = 20_000
"""Leaves of one transaction: about half a second, and a few megabytes of memory."""
NOBODY = UUID(int=0)
# In the order of the index, or a planner that expects many would read the table from its sealed beginning.
_FOLLOWS = """
SELECT 1 FROM points_entry WHERE xid >= %s::text::xid8 AND (xid > %s::text::xid8 OR id > %s)
ORDER BY xid LIMIT 1
"""
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


def seal(*, now: datetime, portions: int | None = None) -> int:
    """Add what was committed to the log and sign it; returns the number of new leaves.

    At most `portions` of PORTION leaves each. May be cut off anywhere and run twice at a time. On another
    database server than before, where transactions are numbered anew, it looks through all entries first.
    """
    added = 0
    with transaction.atomic():
        moved = locks.log_position(_here()).cluster != _here()
    if moved:
        added += seal_missed(now=now, since=ALWAYS)
    done = False
    while not done and portions != 0:
        with transaction.atomic():
            position = locks.log_position(_here())
            values = {"xid": str(position.xid), "entry_id": position.entry_id, "limit": PORTION}
            read, leaves, last = _write(position, "next", values)
            if last is not None:
                position.xid, position.entry_id = last
                position.save(update_fields=["size", "xid", "entry_id"])
            added += leaves
            done = read < PORTION
            portions = None if portions is None else portions - 1
            if done or portions == 0:
                _sign(position, now)
    return added


def is_behind(_now: datetime) -> bool:
    """Whether `seal` has something to do: entries that follow the last one, whose transactions have ended or
    not; leaves that nobody signed; or another database server than before."""
    position = LogPosition.objects.filter(pk=1).first()
    if position is None:
        return Entry.objects.exists()
    newest = logstore.newest_checkpoint()
    if position.size != (newest.size if newest else 0) or position.cluster != _here():
        return True
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOWS, [position.xid, position.xid, position.entry_id])
        return cursor.fetchone() is not None


def is_any_since(since: datetime) -> bool:
    """Whether entries were recorded since then: else `seal_missed` would find none."""
    # By the index of the time: the newest rows stand at the table's end.
    with transaction.atomic(), plans.without(plans.WHOLE_TABLES):
        return Entry.objects.filter(recorded_at__gte=since).exists()


def seal_missed(*, now: datetime, since: datetime) -> int:
    """Seal entries recorded since `since` that the sealer passed by, and sign; returns how many there were.

    Those of a restored copy, whose transactions have other numbers here. Reads every entry since then.
    """
    added, read = 0, PORTION
    before = _oldest_running()
    while read == PORTION:
        with transaction.atomic():
            position = locks.log_position(_here())
            read, leaves, _last = _write(
                position, "missed", {"since": since, "before": before, "limit": PORTION}
            )
            added += leaves
            if read < PORTION and since == ALWAYS and position.cluster != _here():
                # All that is older than the transactions that ran when the search began is sealed.
                position.xid, position.entry_id, position.cluster = int(before), NOBODY, _here()
            position.save(update_fields=["size", "xid", "entry_id", "cluster"])
            if read < PORTION:
                _sign(position, now)
    return added


def _write(
    position: LogPosition, batch: str, values: Mapping[str, Any]
) -> tuple[int, int, tuple[int, UUID] | None]:
    """Leaves and nodes for one batch: entries looked at, leaves written, the last entry looked at."""
    with connection.cursor() as cursor:
        # A portion's entries, below 20 MB, stay in memory; compiling for one portion would not pay.
        cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
    # What was just written is one row to the planner: it would compare each entry with each leaf. And a table
    # that it takes for small it would read whole, comparing each row with each key of an array.
    with plans.without(plans.ROW_WITH_ROW, plans.WHOLE_TABLES):
        found = logstore.rows(
            "seal", {**values, "size": position.size, "seed": secrets.token_bytes(32)}, batch=batch
        )
    if not found:
        return 0, 0, None
    read, joined, xid, entry_id = found[0]
    hashes = logstore.split(bytes(joined))
    growing = merkle.frontier(logstore.Nodes(position.size), position.size)
    LogNode.objects.bulk_create(
        LogNode(level=node.level, index=node.index, hash=node.hash) for node in growing.extend(hashes)
    )
    position.size = growing.size
    return read, len(hashes), (int(xid), entry_id)


def _sign(position: LogPosition, now: datetime) -> None:
    """Sign the log as it stands and publish that, unless that was done. The position is locked."""
    newest = logstore.newest_checkpoint()
    if position.size == (newest.size if newest else 0):
        return
    # Or a key that is changed meanwhile would sign after its successor was told.
    locks.log_keys()
    key = logkeys.signing_key(now=now)
    root = merkle.root(logstore.Nodes(position.size), position.size)
    text = signednote.Checkpoint(key.origin, position.size, root).text()
    signature = logkeys.sign(key, text)
    note = signednote.note(text, name=key.origin, public=bytes(key.public), signature=signature)
    signed = Checkpoint.objects.create(
        id=ids.new(), size=position.size, root=root, key=key, signature=signature, note=note, signed_at=now
    )
    publish(
        type="ledger.checkpoint_signed",
        payload={
            "checkpoint_id": str(signed.id),
            "origin": key.origin,
            "size": signed.size,
            "root": base64.b64encode(root).decode(),
            "note": note,
            "signed_at": instant(now),
        },
        occurred_at=now,
    )


def _here() -> str:
    """The identifier of this database server; it changes with a restored dump and with a move."""
    return _value("SELECT system_identifier::text FROM pg_control_system()")


def _oldest_running() -> str:
    return _value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")


def _value(query: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return str(cursor.fetchone()[0])
