"""`make soak`: the long drills by name. Each prints a table of figures and fails when a promise was broken.

make soak                              all of them, one after another
make soak ARGS=list                    what there is
make soak ARGS="bank --minutes 1"      one, with its options (bank --help)
make soak ARGS=--quick                 all of them, short
"""

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass

from loyalty.dev import locks
from loyalty.dev.places import ROOT, Places, up_places
from loyalty.dev.postgres import PostgresError
from loyalty.dev.testing import with_services
from loyalty.dev.valkey import ValkeyError


@dataclass(frozen=True)
class Drill:
    """One drill: what runs it, and on which servers."""

    name: str
    about: str
    command: str  # after `python -m`
    minutes: int  # of a full run on two quiet cores, about
    durable: bool = False
    own_instance: bool = False


DRILLS = (
    Drill("model", "10,000 random sequences of ledger operations against the model", "tests.soak model", 12),
    Drill("races", "200 burns of a balance for one, one key 100 times, at once", "tests.soak races", 3),
    Drill("bank", "50 clients move points among 10 accounts; the book is read", "tests.soak bank", 10, True),
    Drill(
        "kills",
        "Postgres, web, worker and Redis killed -9 under load",
        "loyalty.dev.kill_drill",
        8,
        own_instance=True,
    ),
    Drill("faults", "deadlocks, serialization failures, lock waits, lost replies", "tests.soak faults", 6),
    Drill("rules", "10,000 random rule sets and orders against a naive evaluator", "tests.soak rules", 8),
    Drill(
        "replay",
        "real purchases as batches, twice, and one by one (--data DIR)",
        "tests.soak replay",
        20,
    ),
    Drill(
        "wakeup", "a wake-up and a grant to 100,000 members, workers killed -9", "tests.soak wakeup", 5, True
    ),
    Drill("fair", "a large brand's backlog beside 13 small ones, two beats, a kill", "tests.soak fair", 4),
    Drill("mutations", "each guard taken away: its test goes red", "tests.mutations", 10),
)


def main(arguments: list[str]) -> int:
    """Run the drill that is named, or all; the exit code."""
    named = {drill.name: drill for drill in DRILLS}
    first = arguments[0] if arguments else "all"
    if first in ("list", "help", "-h", "--help"):
        print(__doc__)
        return _list()
    if first in named:
        return run(named[first], arguments[1:])
    if first == "all" or first.startswith("--"):
        return _all([argument for argument in arguments if argument != "all"])
    print(f"There is no drill {first}.", file=sys.stderr)
    _list()
    return 2


def _list() -> int:
    for drill in DRILLS:
        print(f"  {drill.name:<10} {drill.minutes:>3} min  {drill.about}")
    return 0


def _all(options: list[str]) -> int:
    """Every drill, whatever became of the ones before; then one line for each."""
    _list()
    outcomes = []
    for drill in DRILLS:
        print(flush=True)
        started = time.monotonic()
        outcomes.append((drill, run(drill, options), time.monotonic() - started))
    print()
    for drill, code, seconds in outcomes:
        print(f"{'✗' if code else '✓'} {drill.name:<10} {seconds / 60:6.1f} min")
    return max(code for _drill, code, _seconds in outcomes)


def run(drill: Drill, options: list[str]) -> int:
    """One drill, on servers of its own beside a running `make up`; its exit code."""
    command = [sys.executable, "-m", *drill.command.split(), *options]
    if drill.own_instance or "--help" in options or "-h" in options:
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    places = Places(up_places().folder / ("drills-durable" if drill.durable else "drills")).make()
    lock = locks.take(places)
    if lock is None:
        print("a drill is under way in this checkout already", file=sys.stderr)
        return 1
    try:
        with lock:
            return asyncio.run(with_services(places, command, durable=drill.durable))
    except (PostgresError, ValkeyError) as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
