"""The ledger's invariants I1–I9; each query in `points/sql/invariants/` selects violations in words.

Those of the transparency log, T1–T4, stand in `logchecks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loyalty.lib.checks import Outcome, invariant
from loyalty.lib.database import connection
from points import logchecks  # noqa: F401 - registers T1 to T4
from tenants.context import current_brand

FOLDER = Path(__file__).parent / "sql" / "invariants"


def look(name: str, rows: str, values: Mapping[str, Any] | None = None) -> Outcome:
    """How many rows `rows` counts, and the violations that the named query selects."""
    with connection.cursor() as cursor:
        cursor.execute(rows)
        count = cursor.fetchone()[0]
        cursor.execute((FOLDER / f"{name}.sql").read_text(encoding="utf-8"), values)
        return Outcome(count, [row[0] for row in cursor.fetchall()])


@invariant("I1", "entries of an account = available + pending + held − debt; lots and holds agree")
def balances() -> Outcome:
    """Each account against the sum and the last of its entries, its pending lots and its open holds."""
    return look("balances", "SELECT count(*) FROM points_entry")


@invariant("I2", "available, pending, held and debt are never negative; debt leaves nothing available")
def signs() -> Outcome:
    """The four numbers of each account."""
    return look("signs", "SELECT count(*) FROM points_account")


@invariant("I3", "remaining of unfinished lots = available + pending + held; no lot gave more than it got")
def lots() -> Outcome:
    """Each account against its lots; each lot against its consumptions; each credit against its lots."""
    return look("lots", "SELECT count(*) FROM points_lot")


@invariant("I4", "every hold ends exactly once: captured + released = held")
def holds() -> Outcome:
    """Each hold against its lots and its capture; each lot's reservation against the open holds."""
    return look("holds", "SELECT count(*) FROM points_hold")


@invariant("I5", "(kind, source, reference, rule) is unique")
def references() -> Outcome:
    """Entries that share their reference, whatever the index says."""
    return look("references", "SELECT count(*) FROM points_entry")


@invariant("I6", "the reversals of an entry never exceed it")
def reversals() -> Outcome:
    """Each reversed entry against the sum of its reversals, which run the other way on the same account."""
    return look("reversals", "SELECT count(*) FROM points_entry WHERE reverses_id IS NOT NULL")


@invariant("I7", "every debit = what it took from lots + its uncovered debt")
def debits() -> Outcome:
    """Each debit and each giving back against its consumptions; each account's debt against its clawbacks."""
    return look("debits", "SELECT count(*) FROM points_consumption")


@invariant("I8", "members' balances = the other side: issued + opening − redeemed − expired ± adjusted")
def system_accounts() -> Outcome:
    """For each currency, what members hold against what the system accounts gave."""
    return look("system_accounts", "SELECT count(*) FROM points_account")


@invariant("I9", "a transfer moved as many points as it took, with the same expiry dates")
def transfers() -> Outcome:
    """Both sides of each transfer, and each lot that it opened against the lot that it came from."""
    return look("transfers", "SELECT count(*) FROM points_entry WHERE kind = 'transfer'")


@invariant("due", "nothing falls due before the account's next_due_at")
def due() -> Outcome:
    """Each account's earliest expiry, activation and end of a hold against the time it is looked at again."""
    return look(
        "due",
        "SELECT count(*) FROM points_account WHERE next_due_at IS NOT NULL",
        {"tz": current_brand().timezone},
    )


@invariant("merges", "who was merged holds nothing; both sides of every move are equal")
def merges() -> Outcome:
    """Each merged member's accounts, where they moved to, and the entries by which their points moved."""
    return look("merges", "SELECT count(*) FROM points_account WHERE moved_to_id IS NOT NULL")
