"""The sealer beside accruals: how far it is behind, and what it costs them.

With eight clients no core is free. A tick seals for two or three seconds what was written in fifteen,
and accruals are fewer in these than in those around them: what is missing, of all that come between two
ticks, is what sealing costs. Seconds beside each other have the same neighbours on the machine, which two
rounds of a load have not. Beside it stands what a leaf and an accrual took of processors in the same run,
clients and Postgres together.

With one client the sealer has a core beside it, so only what an accrual itself pays is seen, in pairs of
rounds. *Without sealing* means there: nobody seals, and the index on `xid` is dropped, by which the sealer
finds what is new. What stays is the column itself, eight bytes, for the transaction has its number anyway.
A round with sealing is as long as the time between two ticks, and the tick in its middle seals what was
written in such a time: half of it before the round, unmeasured (docs/adr/0109-what-sealing-costs.md).
"""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
LOAD_S = float(os.environ.get("BENCH_SEAL_S", "300"))
TICK_S = 15.0
"""How often the sealer is called in production, and so how long a round is: one tick falls into each."""
AFTER_S = 1.0
"""What a tick left to others, as pages to write, counts as its cost for so long."""
TENTHS = 10
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

    `tenths` says how many ended in which tenth of a second of the machine's monotonic clock.
    """

    per_s: float
    postgres_us: float
    whole_us: float
    tenths: Counter[int]

    def rate(self, begin_s: float, end_s: float) -> float:
        """Accruals per second between two times of that clock."""
        first, after = round(begin_s * TENTHS), round(end_s * TENTHS)
        return sum(self.tenths[tenth] for tenth in range(first, after)) * TENTHS / (after - first)


@dataclass(frozen=True)
class Tick:
    """When a tick began and ended by the monotonic clock, and how many leaves it wrote."""

    begin_s: float
    end_s: float
    leaves: int


@dataclass(frozen=True)
class Sealer:
    """The processes that seal, the sealer's own and Postgres's for it; its ticks, once it has ended."""

    processes: tuple[int, int]
    ticks: list[Tick] = field(default_factory=list)

    def spent_us(self) -> float:
        """Their processor time so far."""
        return sum(ledger.processor_us(process) for process in self.processes)


def measure() -> list[Figure]:
    """The age of the oldest entry without a leaf, at most and at 95 %; what an accrual costs with it."""
    brand = books.open_brand(ledger.SLUG, members=setting.ACCOUNTS, lots=3, anew=True)
    _seal_all(brand)
    return _full(brand) + _beside(brand)


def _full(brand: Brand) -> list[Figure]:
    """With every core full: lag and cost."""
    print(f"seal: {CLIENTS} clients accrue for {LOAD_S:.0f} s, the sealer every {TICK_S:.0f} s", flush=True)
    with _sealer(brand) as sealer, _watched(brand) as ages:
        before_us, leaves = sealer.spent_us(), _sealed(brand)
        load = _accrue(brand, CLIENTS, LOAD_S)
        leaf_us = (sealer.spent_us() - before_us) / (_sealed(brand) - leaves)
    # One that begins when the load is over would have seconds without accruals before it.
    ticks = [tick for tick in sealer.ticks if tick.begin_s * TENTHS <= max(load.tenths)]
    kept = [_kept(load, *three) for three in zip(ticks, ticks[1:], ticks[2:], strict=False)]
    if not kept:
        raise SystemExit("BENCH_SEAL_S is too short: three ticks must fall into it, so at least 60")
    between = fmean(rate for rate, _all in kept)
    lag = (("at most", max(ages)), ("95 %", quantiles(ages, n=20, method="inclusive")[-1]))
    return [
        *(
            Figure(
                f"oldest unsealed entry, {name} (s)",
                value,
                WITHIN_S,
                1.0,
                at_most=True,
                note=f"{load.per_s:.0f} entries/s",
            )
            for name, value in lag
        ),
        Figure(
            f"accruals with the sealer's ticks, {CLIENTS} clients (per s)",
            fmean(all_in for _rate, all_in in kept),
            between,
            0.95,
            note=f"{len(kept)} ticks; floor: between them",
        ),
        Figure(
            f"CPU of a leaf ÷ of accrual, client and leaf, {CLIENTS} clients (µs)",
            leaf_us,
            load.whole_us + leaf_us,
            0.05,
            at_most=True,
            note=f"{leaf_us / (load.whole_us + leaf_us):.1%}",
        ),
    ]


def _kept(load: Round, before: Tick, tick: Tick, after: Tick) -> tuple[float, float]:
    """Accruals per second outside of the middle tick, before and after it, and with it."""
    settled = tick.end_s + AFTER_S
    length_s = settled - tick.begin_s
    rate = fmean([load.rate(before.end_s + AFTER_S, tick.begin_s), load.rate(settled, after.begin_s)])
    during, share = load.rate(tick.begin_s, settled), length_s / (after.begin_s - tick.begin_s)
    print(
        f"  a tick of {tick.leaves} leaves: {during:.0f}/s for {length_s:.1f} s, else {rate:.0f}/s",
        flush=True,
    )
    return rate, share * during + (1 - share) * rate


@contextmanager
def _watched(brand: Brand) -> Iterator[list[float]]:
    """The age in s of the oldest entry without a leaf, at each second until the block ends."""
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
        yield ages
    finally:
        over.set()
        watcher.join()


def _beside(brand: Brand) -> list[Figure]:
    """With a core for the sealer: what one client's accruals pay."""
    pairs: list[tuple[Round, Round]] = []
    for number in range(ROUNDS):
        # Which is first alternates, too.
        order = [_with, _without] if number % 2 else [_without, _with]
        found = {half: half(brand) for half in order}
        sealed, plain = found[_with], found[_without]
        pairs.append((sealed, plain))
        print(
            f"  1 client: {sealed.per_s:6.0f}/s and {sealed.postgres_us:.0f} µs with,"
            f" {plain.per_s:6.0f}/s and {plain.postgres_us:.0f} µs without",
            flush=True,
        )
    plain_per_s = median(plain.per_s for _sealed, plain in pairs)
    plain_us = median(plain.postgres_us for _sealed, plain in pairs)
    kept = median(sealed.per_s / plain.per_s for sealed, plain in pairs)
    spent = median(sealed.postgres_us / plain.postgres_us for sealed, plain in pairs)
    return [
        Figure(
            "accruals while sealing, 1 client (per s)",
            plain_per_s * kept,
            plain_per_s,
            0.95,
            note=f"median of {ROUNDS} pairs; without: no sealer and no index on xid",
        ),
        Figure(
            "Postgres CPU of an accrual while sealing, 1 client (µs)",
            plain_us * spent,
            plain_us,
            1.05,
            at_most=True,
        ),
    ]


def _with(brand: Brand) -> Round:
    _seal_all(brand)
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        _written(server)
    with _sealer(brand):
        _accrue(brand, 1, TICK_S / 2)
        return _accrue(brand, 1, TICK_S)


def _without(brand: Brand) -> Round:
    index = sql.Identifier(brand.schema_name, INDEX)
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        row = server.execute("SELECT pg_get_indexdef(%s::regclass)", [index.as_string(server)]).fetchone()
        assert row is not None
        server.execute(sql.SQL("DROP INDEX {}").format(index))
        _written(server)
        try:
            _accrue(brand, 1, TICK_S / 2)  # as warm as a round with
            return _accrue(brand, 1, TICK_S)
        finally:
            server.execute(row[0])


def _written(server: psycopg.Connection[Any]) -> None:
    """Write out the pages that an index built anew, or leaves caught up with, left behind: the round that
    follows would pay for them.
    """
    server.execute("CHECKPOINT")


def _accrue(brand: Brand, clients: int, seconds: float) -> Round:
    """Accruals of so many threads."""
    used = [0.0] * clients
    tenths: list[Counter[int]] = [Counter() for _client in range(clients)]
    ready = threading.Barrier(clients + 1)
    operation = ledger.OPERATIONS["accrual"]

    def work(place: int) -> None:
        mine = tenths[place]
        with in_brand(brand):
            operation(place)
            backend = connection.connection.info.backend_pid
            before = ledger.processor_us(backend)
            ready.wait()
            now = time.monotonic()
            ends = now + seconds
            while now < ends:
                operation(place)
                now = time.monotonic()
                mine[int(now * TENTHS)] += 1
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
    whole: Counter[int] = sum(tenths, Counter())
    done = whole.total()
    return Round(done / (time.monotonic() - began), sum(used) / done, (sum(used) + clients_us) / done, whole)


def _sealed(brand: Brand) -> int:
    with in_brand(brand):
        size = LogPosition.objects.get().size
    connection.set_schema_to_public()
    return size


def _seal_all(brand: Brand) -> None:
    with in_brand(brand):
        while tasks.seal_log():
            pass
    connection.set_schema_to_public()


@contextmanager
def _sealer(brand: Brand) -> Iterator[Sealer]:
    """A process that calls the sealer's task as often as production does until the block ends."""
    command = [sys.executable, "-m", "bench.seal", brand.slug, str(TICK_S)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        sealer = Sealer((process.pid, int(process.stdout.readline())))
        try:
            yield sealer
        finally:
            process.stdin.close()
        for line in process.stdout:
            begin, end, leaves = line.split()
            sealer.ticks.append(Tick(float(begin), float(end), int(leaves)))
        assert process.wait() == 0


def main(slug: str, every_s: float) -> None:
    """Seal as a worker does, until standard input is closed; tell each tick."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with in_brand(Brand.objects.get(slug=slug)):
        tasks.seal_log()
        print(connection.connection.info.backend_pid, flush=True)  # ready
        while not over.wait(every_s):
            began = time.monotonic()
            leaves = tasks.seal_log()
            print(began, time.monotonic(), leaves, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
