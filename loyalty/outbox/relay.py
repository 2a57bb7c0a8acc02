"""The relay: committed events get a gapless position, and the number of the event for its member.

Only committed rows are seen, and positions are given by one relay at a time (an advisory lock for the
brand, held by the transaction), so a reader that goes by position never meets a gap that is filled later.
A relay that is killed has done all of a batch or none of it.
"""

import hashlib

from django.db import transaction

from loyalty.lib.database import connection
from loyalty.outbox.models import Cursor

CURSOR = "relay"
BATCH = 2_000

# The lock only where there is something to do: an idle brand costs one look. Without bitmap scans the next
# statement walks the index of unnumbered events in order instead of sorting all of a backlog for each batch.
_TURN = """
SELECT CASE WHEN EXISTS (SELECT 1 FROM outbox_event WHERE position IS NULL)
    AND set_config('enable_bitmapscan', 'off', true) = 'off'
    THEN pg_try_advisory_xact_lock(%s) ELSE false END
"""
# The moments of insertion are in the order of the facts for each member (see InsertedAt); ids break ties.
_ASSIGN = """
WITH fresh AS MATERIALIZED (
    SELECT id, member_id, created_at FROM outbox_event
    WHERE position IS NULL ORDER BY created_at, id LIMIT %(limit)s
), last_of_member AS MATERIALIZED (
    SELECT m.member_id, coalesce(last.member_seq, 0) AS member_seq
    FROM (SELECT DISTINCT member_id FROM fresh WHERE member_id IS NOT NULL) m
    LEFT JOIN LATERAL (
        SELECT e.member_seq FROM outbox_event e
        WHERE e.member_id = m.member_id AND e.member_seq IS NOT NULL
        ORDER BY e.member_seq DESC LIMIT 1
    ) last ON true
), numbered AS (
    SELECT f.id,
        row_number() OVER (ORDER BY f.created_at, f.id) AS place,
        l.member_seq + row_number() OVER (PARTITION BY f.member_id ORDER BY f.created_at, f.id) AS member_seq
    FROM fresh f LEFT JOIN last_of_member l USING (member_id)
), assigned AS (
    UPDATE outbox_event e SET position = c.position + n.place, member_seq = n.member_seq
    FROM numbered n, outbox_cursor c
    WHERE e.id = n.id AND c.name = %(cursor)s
    RETURNING 1
)
UPDATE outbox_cursor SET position = position + (SELECT count(*) FROM assigned), updated_at = now()
WHERE name = %(cursor)s
RETURNING (SELECT count(*) FROM assigned)
"""


def run(*, batch: int = BATCH, max_batches: int = 100) -> int:
    """Give positions to the current brand's new events; returns how many.

    Zero also when another relay is at it. A batch is one transaction.
    """
    done = 0
    for _number in range(max_batches):
        count = _one_batch(batch)
        done += count
        if count < batch:
            break
    return done


def head() -> int:
    """The highest position given so far in the current brand."""
    cursor = Cursor.objects.filter(name=CURSOR).first()
    return cursor.position if cursor is not None else 0


def lock_key(name: str) -> int:
    """The advisory lock of this name for the current brand: such locks are shared by a whole database."""
    digest = hashlib.sha256(f"{connection.schema_name}\noutbox.{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _one_batch(limit: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TURN, [lock_key(CURSOR)])
        if not cursor.fetchone()[0]:
            return 0
        # A statement of its own: it must not read from a snapshot older than the lock.
        cursor.execute(_ASSIGN, {"limit": limit, "cursor": CURSOR})
        row = cursor.fetchone()
        if row is None:
            Cursor.objects.bulk_create([Cursor(name=CURSOR)], ignore_conflicts=True)
            cursor.execute(_ASSIGN, {"limit": limit, "cursor": CURSOR})
            row = cursor.fetchone()
        return int(row[0])
