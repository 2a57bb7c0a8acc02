"""`make soak ARGS=faults`: the load of the bank while database and wire make trouble, kind after kind."""

from __future__ import annotations

import argparse
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from tests.faults import injection
from tests.soak import ground, load, proxy
from tests.soak.report import Report

CUT_SHARE = 0.2
RAISED_SHARE = 5  # one in so many entries


def main(arguments: list[str]) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='faults …'", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="of each kind of trouble")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this one (may be repeated)")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="ten seconds of each")
    chosen = parser.parse_args(arguments)
    seconds = 10.0 if chosen.quick else chosen.minutes * 60
    ground.prepare("faults")
    report = Report("faults")
    bank = load.Bank(report, clients=chosen.clients, patient=True)
    bank.open()
    for kind in chosen.kind or KINDS:
        with ExitStack() as trouble:
            # The trouble first, because settings count for new connections only.
            trouble.enter_context(KINDS[kind](bank))
            address = trouble.enter_context(ground.server(ground.log(f"faults-{kind}")))
            if kind == "lost-replies":
                address, cuts = trouble.enter_context(proxy.cutting(address, CUT_SHARE))
            before = load.server_counts()
            bank.run(address, seconds, kind)
            after = load.server_counts()
        report.figure(f"{kind}: repeated by the server", repeated(ground.log(f"faults-{kind}")))
        if kind == "deadlocks":
            report.figure(f"{kind}: seen by Postgres", after["deadlocks"] - before["deadlocks"])
        if kind == "lost-replies":
            report.figure(f"{kind}: answers swallowed", cuts[0])
        report.must(f"{kind}: wrong so far", [*bank.lost(), *bank.errors, *ground.unsound()])
    bank.tell()
    report.must("500", [outcome for outcome in bank.answers if outcome.startswith("500")])
    ground.leave()
    return report.end()


def repeated(log: Path) -> int:
    """How many transactions the web server began again, by its log."""
    return log.read_text(errors="replace").count("transaction_retried")


@contextmanager
def serialization(_bank: load.Bank) -> Iterator[None]:
    """Every transaction is serializable, which sixteen of them on ten accounts cannot all be."""
    with injection.setting("default_transaction_isolation", "serializable"):
        yield


@contextmanager
def raised(_bank: load.Bank) -> Iterator[None]:
    """One entry in five fails, with a deadlock's SQLSTATE."""
    with injection.raising(injection.DEADLOCK, table="points_entry", every=RAISED_SHARE):
        yield


@contextmanager
def deadlocks(bank: load.Bank) -> Iterator[None]:
    """Others lock two accounts at a time against the order of everybody else."""

    def against_the_order(server: psycopg.Connection, draw: random.Random) -> None:
        low, high = sorted(draw.sample(bank.account_ids, 2))
        with server.transaction():
            for account in (high, low):
                server.execute("SELECT 1 FROM acme.points_account WHERE id = %s FOR UPDATE", [account])

    with injection.setting("deadlock_timeout", "20ms"), beside(against_the_order, times=2):
        yield


@contextmanager
def lock_waits(bank: load.Bank) -> Iterator[None]:
    """Locks are waited for 30 ms at most, while others sit on an account for 100 ms at a time."""

    def sit(server: psycopg.Connection, draw: random.Random) -> None:
        with server.transaction():
            server.execute("SET LOCAL lock_timeout = 0")
            server.execute(
                "SELECT pg_sleep(0.1) FROM acme.points_account WHERE id = %s FOR UPDATE",
                [draw.choice(bank.account_ids)],
            )

    with injection.setting("lock_timeout", "30ms"), beside(sit, times=2):
        yield


@contextmanager
def lost_replies(_bank: load.Bank) -> Iterator[None]:
    """Nothing is wrong with the database: the wire is cut (see `main`)."""
    yield


@contextmanager
def beside(work: Callable[[psycopg.Connection, random.Random], None], *, times: int) -> Iterator[None]:
    """Connections that do `work` over and over until the block ends, whatever the database says to it."""
    stop = threading.Event()

    def run(number: int) -> None:
        draw = random.Random(number)
        with injection.database() as server:
            while not stop.is_set():
                try:
                    work(server, draw)
                except psycopg.OperationalError:
                    continue

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(times)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


KINDS = {
    "serialization": serialization,
    "raised": raised,
    "deadlocks": deadlocks,
    "lock-waits": lock_waits,
    "lost-replies": lost_replies,
}
