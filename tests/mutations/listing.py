"""The guards that the database has, by its own catalogue: none may be without a mutation."""

from __future__ import annotations

from django.db import connection

from tests.mutations.catalogue import MUTATIONS, NOT_PROVEN
from tests.support import databases

TABLES = (
    "points_account",
    "points_entry",
    "points_lot",
    "points_consumption",
    "points_hold",
    "points_holdlot",
    "points_adjustmentrequest",
    "points_expirynotice",
    "outbox_idempotencyrecord",
)
TRIGGERS = """
SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = ANY(%s::regclass[])
"""
CONSTRAINTS = """
SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u') AND conrelid = ANY(%s::regclass[])
"""
LOCKS = """
SELECT proname || ' ' || place
FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace,
  generate_series(1, (SELECT count(*) FROM regexp_matches(prosrc, 'FOR UPDATE', 'g'))) place
WHERE nspname = %s AND proname LIKE 'points\\_%%'
"""


def guards() -> set[str]:
    """Triggers, CHECKs, unique keys and row locks of the ledger: names, and `function n` for a FOR UPDATE."""
    before = connection.settings_dict["NAME"]
    databases.use(databases.copy_for("guards"))
    try:
        with databases.superuser(connection.settings_dict["NAME"]) as server:
            tables = [f"acme.{table}" for table in TABLES]
            rows = [
                *server.execute(TRIGGERS, [tables]).fetchall(),
                *server.execute(CONSTRAINTS, [tables]).fetchall(),
                *server.execute(LOCKS, ["acme"]).fetchall(),
            ]
        return {row[0] for row in rows}
    finally:
        name = connection.settings_dict["NAME"]
        databases.use(before)
        with databases.superuser() as server:
            databases._drop(server, name)


def unproven() -> list[str]:
    """The guards that no mutation takes away, but for those whose reason is written down."""
    covered = {name for mutation in MUTATIONS for name in mutation.covers}
    return sorted(guards() - covered - set(NOT_PROVEN))
