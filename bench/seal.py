"""The sealer beside accruals at full load: how far it is behind, and what it costs them.

*Without sealing* means: nobody seals, and the index on `xid` is dropped, by which the sealer finds what is
new. What stays is the column itself, eight bytes, for the transaction has its number anyway. A round with
sealing is as long as the time between two ticks, and the tick in its middle seals what was written in such a
time: half of it before the round, unmeasured.

With one client the sealer has a core beside it: what an accrual itself pays is seen. With eight on every core
it takes its share of a full machine too. Two rounds differ by three times that share, so beside the accruals
per second stands the processor time that a leaf and an accrual took in the same seconds, clients and Postgres
together (docs/adr/0109-what-sealing-costs.md).
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import fmean, median, quantiles
from typing import Any

if __name__ == "__main__":  # the sealer, a process of its own as a Celery worker is
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    import django

    django.setup()

import psycopg
from django.db import connection
from psycopg import sql

from bench import books, ledger, setting
from bench.figures import Figure
from loyalty.lib import clock
from points import tasks
from points.models import LogPosition
from tenants.context import in_brand
from tenants.models import Brand

CLIENTS = 8
LAG_S = float(os.environ.get("BENCH_SEAL_S", "60"))
TICK_S = 15.0
"""How often the sealer is called in production, and so how long a round is: one tick falls into each."""
ROUNDS = int(os.environ.get("BENCH_SEAL_ROUNDS", "7"))
WITHIN_S = 60.0
"""The longest that an entry may wait for its leaf."""
INDEX = "points_entry_xid"
OLDEST = """
SELECT entry.recorded_at FROM points_entry entry, points_logposition position
WHERE entry.xid >= position.xid AND (entry.xid > position.xid OR entry.id > position.entry_id)
ORDER BY entry.xid, entry.id LIMIT 1
"""


@dataclass(frozen=True)
class Round:
    """Accruals per second, and what one took of processors in µs: of Postgres alone, and with its client.

    `leaf_us` is what the sealer took for a leaf in the same time, its Postgres and its Python.
    """

    per_s: float
    postgres_us: float
    whole_us: float
    leaf_us: float = 0.0


@dataclass(frozen=True)
class Sealer:
    """The processes that seal: the sealer's own, and Postgres's for it."""

    processes: tuple[int, int]

    def spent_us(self) -> float:
        """Their processor time so far."""
        return sum(ledger.processor_us(process) for process in self.processes)


def measure() -> list[Figure]:
    """The age of the oldest entry without a leaf, at most and at 95 %; what an accrual costs with it."""
    brand = books.open_brand(ledger.SLUG, members=setting.ACCOUNTS, lots=3, anew=True)
    _seal_all(brand)
    print(f"seal: {CLIENTS} clients accrue for {LAG_S:.0f} s, the sealer every {TICK_S:.0f} s", flush=True)
    ages, per_s = _lag(brand)
    figures = [
        Figure(
            f"oldest unsealed entry, {name} (s)",
            value,
            WITHIN_S,
            1.0,
            at_most=True,
            note=f"{per_s:.0f} entries/s",
        )
        for name, value in (("at most", max(ages)), ("95 %", quantiles(ages, n=20, method="inclusive")[-1]))
    ]
    return figures + _cost(brand, 1) + _cost(brand, CLIENTS)


def _lag(brand: Brand) -> tuple[list[float], float]:
    """The age in s of the oldest entry without a leaf, at each second of the load; accruals per second."""
    ages, over = [0.0], threading.Event()

    def watch() -> None:
        with in_brand(brand), connection.cursor() as cursor:
            while not over.wait(1):
                cursor.execute(OLDEST)
                row = cursor.fetchone()
                ages.append((clock.now() - row[0]).total_seconds() if row else 0.0)
        connection.close()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with _sealer(brand, TICK_S):
            per_s = _accrue(brand, CLIENTS, LAG_S).per_s
    finally:
        over.set()
        watcher.join()
    return ages, per_s


def _cost(brand: Brand, clients: int) -> list[Figure]:
    pairs: list[tuple[Round, Round]] = []
    for number in range(ROUNDS):
        # Which is first alternates, too.
        order = [_with, _without] if number % 2 else [_without, _with]
        found = {half: half(brand, clients) for half in order}
        sealed, plain = found[_with], found[_without]
        pairs.append((sealed, plain))
        print(
            f"  {_clients(clients)}: {sealed.per_s:6.0f}/s and {sealed.postgres_us:.0f} µs with,"
            f" {plain.per_s:6.0f}/s and {plain.postgres_us:.0f} µs without;"
            f" a leaf {sealed.leaf_us:.1f} µs, an accrual with its client {sealed.whole_us:.0f}",
            flush=True,
        )
    note = f"median of {ROUNDS} pairs; without: no sealer and no index on xid"
    plain_per_s = median(plain.per_s for _sealed, plain in pairs)
    plain_us = median(plain.postgres_us for _sealed, plain in pairs)
    kept = median(sealed.per_s / plain.per_s for sealed, plain in pairs)
    spent = median(sealed.postgres_us / plain.postgres_us for sealed, plain in pairs)
    # Means: a tick falls into whatever moment of its round, and a moment differs more than a round.
    leaf_us = fmean(sealed.leaf_us for sealed, _plain in pairs)
    both_us = fmean(sealed.whole_us for sealed, _plain in pairs) + leaf_us
    figures = [
        Figure(
            f"accruals while sealing, {_clients(clients)} (per s)",
            plain_per_s * kept,
            plain_per_s,
            0.95,
            note=note,
        ),
        Figure(
            f"Postgres CPU of an accrual while sealing, {_clients(clients)} (µs)",
            plain_us * spent,
            plain_us,
            1.05,
            at_most=True,
        ),
    ]
    share = Figure(
        "CPU of a leaf ÷ of accrual, client and leaf (µs)",
        leaf_us,
        both_us,
        0.05,
        at_most=True,
        note=f"{leaf_us / both_us:.1%}",
    )
    # Only where no core is free does a leaf take from the accruals what it takes.
    return [*figures, share] if clients == CLIENTS else figures


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def _with(brand: Brand, clients: int) -> Round:
    _seal_all(brand)
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        _written(server)
    with _sealer(brand, TICK_S) as sealer:
        _accrue(brand, clients, TICK_S / 2)
        before_us, leaves = sealer.spent_us(), _sealed(brand)
        found = _accrue(brand, clients, TICK_S)
        leaf_us = (sealer.spent_us() - before_us) / (_sealed(brand) - leaves)
        return replace(found, leaf_us=leaf_us)


def _without(brand: Brand, clients: int) -> Round:
    index = sql.Identifier(brand.schema_name, INDEX)
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        row = server.execute("SELECT pg_get_indexdef(%s::regclass)", [index.as_string(server)]).fetchone()
        assert row is not None
        server.execute(sql.SQL("DROP INDEX {}").format(index))
        _written(server)
        try:
            _accrue(brand, clients, TICK_S / 2)  # as warm as a round with
            return _accrue(brand, clients, TICK_S)
        finally:
            server.execute(row[0])


def _written(server: psycopg.Connection[Any]) -> None:
    """Write out the pages that an index built anew, or leaves caught up with, left behind: the round that
    follows would pay for them.
    """
    server.execute("CHECKPOINT")


def _accrue(brand: Brand, clients: int, seconds: float) -> Round:
    """Accruals of so many threads."""
    done, used = [0] * clients, [0.0] * clients
    ready = threading.Barrier(clients + 1)
    operation = ledger.OPERATIONS["accrual"]

    def work(place: int) -> None:
        with in_brand(brand):
            operation(place)
            backend = connection.connection.info.backend_pid
            before = ledger.processor_us(backend)
            ready.wait()
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                operation(place)
                done[place] += 1
            used[place] = ledger.processor_us(backend) - before
        connection.close()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    began, before_s = time.monotonic(), time.process_time()
    for thread in threads:
        thread.join()
    clients_us = (time.process_time() - before_s) * 1e6
    return Round(
        sum(done) / (time.monotonic() - began),
        sum(used) / sum(done),
        (sum(used) + clients_us) / sum(done),
    )


def _seal_all(brand: Brand) -> None:
    with in_brand(brand):
        while tasks.seal_log():
            pass
    connection.set_schema_to_public()


def _sealed(brand: Brand) -> int:
    with in_brand(brand):
        size = LogPosition.objects.get().size
    connection.set_schema_to_public()
    return size


@contextmanager
def _sealer(brand: Brand, every_s: float) -> Iterator[Sealer]:
    """A process that calls the sealer's task every so many seconds until the block ends."""
    command = [sys.executable, "-m", "bench.seal", brand.slug, str(every_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Sealer((process.pid, int(process.stdout.readline())))
        finally:
            process.stdin.close()
        assert process.wait() == 0


def main(slug: str, every_s: float) -> None:
    """Seal as a worker does, until standard input is closed."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with in_brand(Brand.objects.get(slug=slug)):
        tasks.seal_log()
        print(connection.connection.info.backend_pid, flush=True)  # ready
        while not over.wait(every_s):
            tasks.seal_log()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
