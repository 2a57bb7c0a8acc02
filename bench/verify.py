"""Sealing a deep ledger from its first entry on, and `verify_ledger` over it."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection
from psycopg import sql

from bench import books, setting, sweep
from bench.figures import Figure
from bench.ledger import processor_us
from loyalty.lib import clock, verification
from points.services import sealing
from tenants.context import in_brand
from tenants.models import Brand

SAMPLED_EVERY_S = 0.1
PORTIONS = 10
"""Of one call of the sealer, as its task has it."""


def measure() -> list[Figure]:
    """Leaves per second, entries per second through all checks, and the memory of both sides at its peak."""
    began = time.perf_counter()
    brand = books.open_brand(sweep.SLUG, members=sweep.MEMBERS, lots=sweep.LOTS, rounds=sweep.ROUNDS)
    print(f"verify: the ledger stands after {time.perf_counter() - began:.0f} s", flush=True)
    figures = _seal(brand)
    with in_brand(brand), connection.cursor() as cursor:
        cursor.execute("SELECT count(*), pg_total_relation_size('points_entry') FROM points_entry")
        entries, size = cursor.fetchone()
        print(
            f"verify: {entries:,} entries ({size / 2**30:.1f} GB with indexes) of {sweep.MEMBERS:,} members",
            flush=True,
        )
        began = time.perf_counter()
        cursor.execute(
            "SELECT count(*) FROM (SELECT sum(points * direction) FROM points_entry GROUP BY account_id) s"
        )
        floor = time.perf_counter() - began
        backend, spilt = connection.connection.info.backend_pid, _spilt(cursor)
        with _peaks(os.getpid(), backend) as peaks:
            took = _run_all(backend)
        spilt = _spilt(cursor) - spilt
    connection.set_schema_to_public()
    note = f"floor: one GROUP BY; {took:.0f} s in all; {spilt / 2**20:,.0f} MB of temporary files"
    return [
        *figures,
        Figure("verify_ledger, all checks (entries per s)", entries / took, entries / floor, note=note),
        Figure(
            "verify_ledger, memory of the client at its peak (MB)", peaks[0][1], peaks[0][0], at_most=True
        ),
        Figure(
            "verify_ledger, memory of the backend at its peak (MB)", peaks[1][1], peaks[1][0], at_most=True
        ),
    ]


def _run_all(backend: int) -> float:
    """Seconds for all checks, each told with its time by the clock and by the backend's processor time."""
    began = time.perf_counter()
    used = processor_us(backend)
    for ran in verification.run_all():
        before, used = used, processor_us(backend)
        cpu_s = (used - before) / 1e6
        line = f"  {ran.check.code:<6} {ran.took_s:7.1f} s {ran.outcome.rows:>12,} rows"
        print(f"{line}, {cpu_s:.1f} s of the backend", flush=True)
        assert not ran.outcome.violations, ran.outcome.violations
    return time.perf_counter() - began


def _seal(brand: Brand) -> list[Figure]:
    """Give every entry its leaf; nothing to tell where an earlier run did it already."""
    with in_brand(brand):
        connection.ensure_connection()
        used, began = processor_us(connection.connection.info.backend_pid), time.perf_counter()
        own, leaves = time.process_time(), 0
        while added := sealing.seal(now=clock.now(), portions=PORTIONS):
            leaves += added
        took = time.perf_counter() - began
        used = processor_us(connection.connection.info.backend_pid) - used
        own = (time.process_time() - own) * 1e6
    connection.set_schema_to_public()
    with psycopg.connect(setting.dsn(), autocommit=True) as server:  # as autovacuum would have done meanwhile
        server.execute(
            sql.SQL("VACUUM (ANALYZE) {}.points_logleaf").format(sql.Identifier(brand.schema_name))
        )
    if not leaves:
        return []
    note = f"a leaf: {used / leaves:.1f} µs of Postgres, {own / leaves:.1f} µs of Python; floor: that alone"
    return [Figure("sealing (leaves per s)", leaves / took, leaves * 1e6 / (used + own), note=note)]


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
