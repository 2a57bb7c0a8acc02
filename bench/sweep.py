"""The expiry sweep against a bare UPDATE of as many lots, and `verify_ledger` over the same deep ledger."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection
from psycopg import sql

from bench import books, setting
from bench.figures import Figure
from loyalty.lib import verification
from points import services as points
from points.models import Account
from tenants.context import in_brand
from tenants.models import Brand

SLUG = "deep"
MEMBERS = int(os.environ.get("BENCH_MEMBERS", "100_000"))
LOTS = 50
ROUNDS = 10
"""How many lots of each member end at the same instant."""
ACCOUNTS_AT_ONCE = 500
SAMPLED_EVERY_S = 0.1
SEALED_LATER = "T"
"""Codes of the transparency log's checks: nothing seals what the benchmark filled in."""


def sweep() -> list[Figure]:
    """Lots expired per second by `points.expire_due`, beside an UPDATE of the next 1/5 that is undone."""
    brand = books.open_brand(SLUG, members=MEMBERS, lots=LOTS, rounds=ROUNDS)
    with in_brand(brand):
        first = Account.objects.order_by("next_due_at").values_list("next_due_at", flat=True).first()
        last = Account.objects.order_by("-next_due_at").values_list("next_due_at", flat=True).first()
        if first is None or first != last:  # swept to the end, or cut off in the middle by an earlier run
            books.open_brand(SLUG, members=MEMBERS, lots=LOTS, rounds=ROUNDS, anew=True)
            connection.set_tenant(brand)
            first = Account.objects.values_list("next_due_at", flat=True).first()
        assert first is not None
        due = MEMBERS * ROUNDS
        print(
            f"sweep: {due:,} due of {MEMBERS * LOTS:,} lots over {MEMBERS:,} members, {ROUNDS} of a member"
            f" at one instant; {ACCOUNTS_AT_ONCE} accounts a transaction",
            flush=True,
        )
        began = time.perf_counter()
        while points.expire_due(now=first, limit=ACCOUNTS_AT_ONCE):
            pass
        took = time.perf_counter() - began
    connection.set_schema_to_public()
    lots, floor = _bare_update(brand)
    return [Figure("expiry sweep (lots per s)", due / took, lots / floor, 0.17, 0.30)]


def _bare_update(brand: Brand) -> tuple[int, float]:
    """How many lots end next, and the seconds in which a bare UPDATE closes them; it is undone."""
    with psycopg.connect(setting.dsn()) as server:
        server.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(brand.schema_name)))
        server.execute("SET enable_indexscan = off")
        began = time.perf_counter()
        done = server.execute(
            "UPDATE points_lot SET remaining = 0, state = 'closed' WHERE state <> 'closed' AND expires_at <="
            " (SELECT min(next_due_at) FROM points_account)"
        )
        took = time.perf_counter() - began
        server.rollback()
    return done.rowcount, took


def verify() -> list[Figure]:
    """Entries per second through all checks, and the memory of both sides at its peak."""
    brand = books.open_brand(SLUG, members=MEMBERS, lots=LOTS, rounds=ROUNDS)
    with in_brand(brand), connection.cursor() as cursor:
        cursor.execute("SELECT count(*), pg_total_relation_size('points_entry') FROM points_entry")
        entries, size = cursor.fetchone()
        print(f"verify: {entries:,} entries ({size / 2**30:.1f} GB with indexes) of {MEMBERS:,}", flush=True)
        began = time.perf_counter()
        cursor.execute(
            "SELECT count(*) FROM (SELECT sum(points * direction) FROM points_entry GROUP BY account_id) s"
        )
        floor = time.perf_counter() - began
        backend, spilt = connection.connection.info.backend_pid, _spilt(cursor)
        with _peaks(os.getpid(), backend) as peaks:
            began = time.perf_counter()
            for ran in verification.run_all():
                print(f"  {ran.check.code:<4} {ran.took_s:7.1f} s {ran.outcome.rows:>12,} rows", flush=True)
                if not ran.check.code.startswith(SEALED_LATER):
                    assert not ran.outcome.violations, ran.outcome.violations
            took = time.perf_counter() - began
        spilt = _spilt(cursor) - spilt
    connection.set_schema_to_public()
    note = f"floor: one GROUP BY; {spilt / 2**20:,.0f} MB of temporary files"
    return [
        Figure("verify_ledger, all checks (entries per s)", entries / took, entries / floor, note=note),
        Figure(
            "verify_ledger, memory of the client at its peak (MB)", peaks[0][1], peaks[0][0], at_most=True
        ),
        Figure(
            "verify_ledger, memory of the backend at its peak (MB)", peaks[1][1], peaks[1][0], at_most=True
        ),
    ]


def _spilt(cursor: object) -> int:
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot(), temp_bytes FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    return int(cursor.fetchone()[2])  # type: ignore[attr-defined]


@contextmanager
def _peaks(*processes: int) -> Iterator[list[list[float]]]:
    """Private memory in MB of each process before the block (the floor) and at most within it (Linux)."""
    peaks = [[_private_mb(process)] * 2 for process in processes]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLED_EVERY_S):
            for peak, process in zip(peaks, processes, strict=True):
                peak[1] = max(peak[1], _private_mb(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _private_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0
