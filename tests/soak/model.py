"""`make soak ARGS=model`: random sequences of ledger operations, compared with the model after every step."""

from __future__ import annotations

import argparse
import multiprocessing
import queue
import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tests.invariants.test_ledger_model import LedgerMachine
from tests.soak import ground
from tests.soak.report import Report
from tests.support import databases

BATCH = 100
SOUND_EVERY = 5


def main(arguments: list[str]) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='model …'", description=__doc__)
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=25, help="operations of one sequence")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None, help="of the first batch (default: drawn)")
    parser.add_argument("--quick", action="store_true", help="400 sequences")
    chosen = parser.parse_args(arguments)
    wanted = 400 if chosen.quick else chosen.sequences
    first = random.randrange(2**31) if chosen.seed is None else chosen.seed
    report = Report(f"model (seed {first})")
    news: multiprocessing.Queue[tuple[str, Any]] = multiprocessing.Queue()
    share = -(-wanted // chosen.processes)
    workers = [
        multiprocessing.Process(
            target=_work, args=(number, share, chosen.steps, first + number * 1_000_000, news), daemon=True
        )
        for number in range(chosen.processes)
    ]
    for worker in workers:
        worker.start()
    done: Counter[str] = Counter()
    divergences: list[str] = []
    spent: list[tuple[float, float]] = []
    while any(worker.is_alive() for worker in workers) or not news.empty():
        try:
            what, told = news.get(timeout=0.5)
        except queue.Empty:
            continue
        if what == "divergence":
            divergences.append(told)
        if what == "spent":
            spent.append(told)
        done.update(told if what == "batch" else {})
        rate = done["sequences"] / report.seconds
        report.progress(f"{done['sequences']:,} of {wanted:,} sequences, {rate:.1f}/s")
    if spent and done["sequences"]:
        seconds, cpu = (sum(part) / done["sequences"] for part in zip(*spent, strict=True))
        report.figure("per sequence and process", f"{1000 * seconds:.0f} ms")
        report.figure("of which CPU of Python", f"{1000 * cpu:.0f} ms")
    _tell(report, done, divergences, wanted, [worker.exitcode for worker in workers])
    return report.end()


def _tell(
    report: Report, done: Counter[str], divergences: list[str], wanted: int, codes: list[int | None]
) -> None:
    ran = done.pop("sequences", 0)
    report.figure("sequences", ran)
    report.figure("comparisons", done.pop("steps", 0))
    for what, count in sorted(done.items()):
        report.figure(f"operations {what}", count)
    report.must("divergences", divergences)
    report.must("sequences missing", [f"{ran} of {wanted}"] if ran < wanted and not divergences else [])
    report.must("processes that broke down", [code for code in codes if code])


def _work(number: int, share: int, steps: int, first: int, news: Any) -> None:
    """One process: batches of sequences in a database of its own until its share is done."""
    connection.close()
    ground.prepare(f"model_{number}")
    done, started, cpu = 0, time.monotonic(), time.process_time()
    try:
        with clock.frozen(datetime(2026, 11, 22, 2, 0, tzinfo=UTC)), in_brand(Brand.objects.get(slug="acme")):
            while done < share:
                counted = Counter[str]()
                machine = counting(counted)
                try:
                    _batch(machine, min(BATCH, share - done), steps, first)
                except Exception as error:  # noqa: BLE001 - whatever it is, a sequence went another way
                    notes = "\n".join(getattr(error, "__notes__", []))
                    news.put(("divergence", f"seed {first}: {type(error).__name__}: {error}\n{notes}"))
                    return
                done += counted["sequences"]
                first += 1
                news.put(("batch", dict(counted)))
                _vacuum()
        spent = time.monotonic() - started, time.process_time() - cpu
        news.put(("spent", spent))
    finally:
        ground.leave()


def counting(counted: Counter[str]) -> type[LedgerMachine]:
    """The machine, which counts its sequences, comparisons and refusals."""

    class Machine(LedgerMachine):
        counts = counted
        sound_every = SOUND_EVERY

        def teardown(self) -> None:
            super().teardown()
            counted["sequences"] += 1

    return Machine


def _batch(machine: type[LedgerMachine], examples: int, steps: int, seed_: int) -> None:
    """Sequences in one transaction that is rolled back; each of them in a savepoint."""
    with transaction.atomic():
        run_state_machine_as_test(
            seed(seed_)(machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                print_blob=False,
                report_multiple_bugs=False,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
        transaction.set_rollback(True)


def _vacuum() -> None:
    """Rolled back rows are left lying; without this every batch would be slower than the one before."""
    with databases.superuser(connection.settings_dict["NAME"]) as server:
        for table in ("account", "entry", "lot", "consumption", "hold", "holdlot"):
            server.execute(f"VACUUM acme.points_{table}")
        server.execute("VACUUM acme.outbox_event")
