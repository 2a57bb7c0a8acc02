"""Short hands for tests of the transparency log: entries as if long committed, damage by a superuser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

from loyalty.lib import checks
from points import logchecks
from points.services import sealing


@contextmanager
def superuser() -> Iterator[None]:
    """Statements of the block run as a superuser who has switched the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = cursor.fetchone()[0]
        cursor.execute("RESET ROLE")
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = origin")
        cursor.execute(f'SET ROLE "{role}"')


def damage(statement: str) -> None:
    """Change rows as a superuser would who wants it unnoticed."""
    with superuser(), connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount != 0


def let_commit() -> None:
    """Number the entries of this test's own transaction, which never ends, as if each had been committed."""
    with superuser(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE points_entry entry SET xid = numbered.xid::text::xid8
               FROM (
                 -- A server that has just begun has not had so many transactions yet.
                 SELECT id, least(
                   100 + row_number() OVER (ORDER BY id),
                   pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1) AS xid
                 FROM points_entry) numbered
               WHERE numbered.id = entry.id AND entry.xid::text <> numbered.xid::text"""
        )


def seal(now: datetime) -> int:
    """Seal all there is."""
    let_commit()
    return sealing.seal(now=now)


def violated() -> dict[str, list[str]]:
    """What verify_ledger says against the log."""
    ours = [check for check in checks.registered() if check.look.__module__ == logchecks.__name__]
    assert [check.code for check in ours] == ["T1", "T2", "T3", "T4"]
    return {check.code: list(found) for check in ours if (found := check.run().violations)}


def let_others_end() -> None:
    """Wait until no transaction of the server, in whichever database, is older than what was written."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute("SELECT bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())) FROM points_entry")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("another transaction of this server has been open for a minute")
