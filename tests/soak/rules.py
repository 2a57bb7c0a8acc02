"""`make soak ARGS=rules`: random rule sets and orders, the engine beside the naive evaluator of the tests."""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import random
import time
from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.campaigns.engine import test_naive
from tests.soak.report import Report

PROPERTIES: Final[dict[str, tuple[Callable[..., None], tuple[Any, ...]]]] = {
    "evaluation": (test_naive.test_evaluation, test_naive.ORDERED),
    "returns": (test_naive.test_returns, test_naive.ORDERED),
    "carry": (test_naive.test_carry, test_naive.CARRIED),
}
BATCH: Final = 250


def main(arguments: list[str]) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='rules …'", description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000, help="of each of the three properties")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None, help="of the first batch (default: drawn)")
    parser.add_argument("--quick", action="store_true", help="500 of each")
    chosen = parser.parse_args(arguments)
    wanted = 500 if chosen.quick else chosen.examples
    first = random.randrange(2**31) if chosen.seed is None else chosen.seed
    report = Report(f"rules (seed {first})")
    batches = [
        (name, min(BATCH, wanted - start), first + start // BATCH)
        for name in PROPERTIES
        for start in range(0, wanted, BATCH)
    ]
    ran = dict.fromkeys(PROPERTIES, 0)
    differences: list[str] = []
    cpu = 0.0
    with multiprocessing.Pool(chosen.processes) as pool:
        for name, count, spent, difference in pool.imap_unordered(_batch, batches):
            ran[name] += count
            cpu += spent
            if difference:
                differences.append(difference)
            report.progress(f"{sum(ran.values()):,} of {len(PROPERTIES) * wanted:,} rule sets with an order")
    for name, count in ran.items():
        report.figure(f"rule sets with an order, {name}", count)
    report.figure("CPU", f"{cpu:.0f} s")
    report.must("differences", differences)
    report.must("missing", [f"{name}: {n} of {wanted}" for name, n in ran.items() if n < wanted])
    return report.end()


def _batch(batch: tuple[str, int, int]) -> tuple[str, int, float, str]:
    """The property's name, how many examples it went through, CPU seconds, and the difference found or ''."""
    name, count, seed_ = batch
    began, counted = time.process_time(), [0]
    test, world = PROPERTIES[name]
    inner = test.hypothesis.inner_test  # type: ignore[attr-defined]

    @functools.wraps(inner)
    def counting(*values: Any, **named: Any) -> None:
        counted[0] += 1
        inner(*values, **named)

    chosen = settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        seed(seed_)(chosen(given(*world)(counting)))()
    except Exception as error:  # noqa: BLE001 - whatever it is, the two did not agree
        notes = "\n".join(getattr(error, "__notes__", []))
        told = f"{name}, seed {seed_}: {type(error).__name__}: {error}\n{notes}"
        return name, counted[0], time.process_time() - began, told
    return name, counted[0], time.process_time() - began, ""
