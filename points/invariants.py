"""The ledger's invariants I1–I9; the queries in `points/sql/invariants/` select violations in words.

Each goes through its tables a stretch of ids at a time. Those of the transparency log, T1–T4, stand in
`logchecks.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from loyalty.lib import stretches
from loyalty.lib.checks import MOST_SHOWN, Outcome, Tell, invariant, silent
from loyalty.lib.stretches import Column, Search
from points import logchecks  # noqa: F401 - registers T1 to T4
from tenants.context import current_brand

FOLDER = Path(__file__).parent / "sql" / "invariants"
PAGE = 50_000
"""How many entries of the index on references are looked at together."""
ACCOUNTS: Final = Column("points_account", "id")
ENTRIES: Final = Column("points_entry", "id")
ENTRIES_OF_ACCOUNTS: Final = Column("points_entry", "account_id")
LOTS: Final = Column("points_lot", "id")


def query(name: str, *columns: Column) -> Search:
    """The named query, which bounds these columns."""
    return Search(_text(name), columns)


def look(rows: int, tell: Tell, *searches: Search, values: Mapping[str, Any] | None = None) -> Outcome:
    """What the queries find, over so many rows."""
    return Outcome(rows, stretches.search(searches, tell, values))


def _text(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@invariant("I1", "entries of an account = available + pending + held − debt; lots and holds agree")
def balances(tell: Tell = silent) -> Outcome:
    """Each account against the sum and the last of its entries, its pending lots and its open holds."""
    return look(stretches.rows("points_entry"), tell, query("balances", ACCOUNTS, ENTRIES_OF_ACCOUNTS))


@invariant("I2", "available, pending, held and debt are never negative; debt leaves nothing available")
def signs(tell: Tell = silent) -> Outcome:
    """The four numbers of each account."""
    return look(stretches.rows("points_account"), tell, query("signs", ACCOUNTS))


@invariant("I3", "remaining of unfinished lots = available + pending + held; no lot gave more than it got")
def lots(tell: Tell = silent) -> Outcome:
    """Each account against its lots; each lot against its consumptions; each credit against its lots."""
    return look(
        stretches.rows("points_lot"),
        tell,
        query("standing", ACCOUNTS, ENTRIES_OF_ACCOUNTS),
        query("lots", LOTS, Column("points_consumption", "lot_id")),
        query("opened", ENTRIES, LOTS),
    )


@invariant("I4", "every hold ends exactly once: captured + released = held")
def holds(tell: Tell = silent) -> Outcome:
    """Each hold against its lots and its capture; each lot's reservation against the open holds."""
    count = stretches.rows("points_hold")
    searches = [
        query("holds", Column("points_hold", "id"), Column("points_holdlot", "hold_id")),
        query("reserved", ACCOUNTS, ENTRIES_OF_ACCOUNTS),
    ]
    first, second = stretches.parts(tell, stretches.extent(searches), count)
    found = stretches.search(searches, first)
    if len(found) < MOST_SHOWN:
        found += stretches.passes(_text("captured"), count, second)
    return Outcome(count, found[:MOST_SHOWN])


@invariant("I5", "(kind, source, reference, rule) is unique")
def references(tell: Tell = silent) -> Outcome:
    """Entries that share their reference, whatever the index says."""
    count, done = stretches.rows("points_entry"), 0
    names = ("reference", "source", "kind", "rule")
    found: list[str] = []
    start: tuple[str, ...] | None = ("", "", "", "")
    while start is not None and len(found) < MOST_SHOWN:
        values = {"limit": PAGE, **dict(zip(names, start, strict=True))}
        [(entries, *last, shared)] = stretches.by_index(_text("references"), values)
        found += shared
        done += entries
        tell(min(done, count), count)
        start = tuple(last) if entries == PAGE and tuple(last) != start else None
    return Outcome(count, found[:MOST_SHOWN])


@invariant("I6", "the reversals of an entry never exceed it")
def reversals(tell: Tell = silent) -> Outcome:
    """Each reversed entry against the sum of its reversals, which run the other way on the same account."""
    count = stretches.rows("points_entry", "reverses_id")
    return look(count, tell, query("reversals", Column("points_entry", "reverses_id")))


@invariant("I7", "every debit = what it took from lots + its uncovered debt")
def debits(tell: Tell = silent) -> Outcome:
    """Each debit and each giving back against its consumptions; each account's debt against its clawbacks."""
    return look(
        stretches.rows("points_consumption"),
        tell,
        query("debits", ENTRIES, Column("points_consumption", "entry_id")),
        query("debts", ACCOUNTS, ENTRIES_OF_ACCOUNTS),
    )


@invariant("I8", "members' balances = the other side: issued + opening − redeemed − expired ± adjusted")
def system_accounts(tell: Tell = silent) -> Outcome:
    """For each currency, what members hold against what the system accounts gave."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for currency, *amounts in stretches.sums(_text("system_accounts"), (ACCOUNTS, ENTRIES_OF_ACCOUNTS), tell):
        totals[currency] = [before + more for before, more in zip(totals[currency], amounts, strict=True)]
    found = [
        f"{currency}: members hold {held}, system accounts gave {given}, transfers {transferred}"
        for currency, (held, given, transferred) in sorted(totals.items())
        if held != given or transferred
    ]
    return Outcome(stretches.rows("points_account"), found[:MOST_SHOWN])


@invariant("I9", "a transfer moved as many points as it took, with the same expiry dates")
def transfers(tell: Tell = silent) -> Outcome:
    """Both sides of each transfer, and each lot that it opened against the lot that it came from."""
    count = stretches.rows("points_entry", where="kind = 'transfer'")
    return Outcome(count, stretches.passes(_text("transfers"), count, tell))


@invariant("due", "nothing falls due before the account's next_due_at")
def due(tell: Tell = silent) -> Outcome:
    """Each account's earliest expiry, activation and end of a hold against the time it is looked at again."""
    return look(
        stretches.rows("points_account", "next_due_at"),
        tell,
        query("due", ACCOUNTS, ENTRIES_OF_ACCOUNTS),
        values={"tz": current_brand().timezone},
    )


@invariant("merges", "who was merged holds nothing; both sides of every move are equal")
def merges(tell: Tell = silent) -> Outcome:
    """Each merged member's accounts, where they moved to, and the entries by which their points moved."""
    moved = stretches.rows("points_account", "moved_to_id")
    entries = stretches.rows("points_entry", where="system_account = 'transfer' AND source = 'merge'")
    searches = [query("merges", ACCOUNTS)]
    first, second = stretches.parts(tell, stretches.extent(searches), entries)
    found = stretches.search(searches, first)
    if len(found) < MOST_SHOWN:
        found += stretches.passes(_text("moves"), entries, second)
    return Outcome(moved, found[:MOST_SHOWN])
