"""`make soak ARGS=kills`: orders and burns arrive without pause while a part of the platform is killed -9.

Afterwards every acknowledged call stands in the ledger with the points of its answer, none twice, and the
books are in order.
"""

import argparse
import signal
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

from loyalty.dev import processes, up
from loyalty.dev.drill_audit import audit
from loyalty.dev.drill_instance import BRAND, DrillError, Instance, start, wait
from loyalty.dev.drill_traffic import Traffic
from loyalty.dev.places import ROOT

# Each part, and how often it is killed in a full run and in a quick one.
PARTS = {"postgres": (20, 2), "web": (5, 1), "worker": (3, 1), "redis": (3, 1)}

# A busy machine takes its time; how long it took is in the table.
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Recovery:
    """Seconds from a kill to a new process, to a green /readyz, to the first call acknowledged after it."""

    process: float
    ready: float
    acknowledged: float
    worker: float


def kill(instance: Instance, traffic: Traffic, part: str) -> Recovery:
    """Kill one part with traffic running, wait until everything works again, and say how long it took."""
    before = instance.pid(part)
    moment = time.monotonic()
    processes.signal_process(before, signal.SIGKILL)
    wait(lambda: _replaced(instance, part, before), PATIENCE_S, f"{part} started again")
    replaced = time.monotonic() - moment
    wait(lambda: up.readiness(instance.values)[0], PATIENCE_S, f"/readyz green after {part} was killed")
    ready = time.monotonic() - moment
    wait(lambda: traffic.silence_after(moment) is not None, PATIENCE_S, f"a call after {part} was killed")
    wait(instance.worker_answers, PATIENCE_S, f"the worker answers after {part} was killed")
    return Recovery(replaced, ready, traffic.silence_after(moment) or 0.0, time.monotonic() - moment)


def _replaced(instance: Instance, part: str, before: int) -> bool:
    now = instance.pid(part)
    return now != before and processes.born(now) is not None


def drill(kills: list[str], threads: int, seconds_between: float) -> int:
    """The whole drill; 0 when nothing was lost or counted twice."""
    print("kills: starting a private instance below var/soak", flush=True)
    started = time.monotonic()
    instance = start(ROOT / "var" / "soak")
    traffic: Traffic | None = None
    recoveries: dict[str, list[Recovery]] = defaultdict(list)
    try:
        instance.manage("create_brand", BRAND, "--name", "Drill", "--template", "retail", owner=True)
        key = instance.manage("create_api_key", BRAND, "--name", "drill", "--scopes", "*").splitlines()[-1]
        traffic = Traffic(f"http://127.0.0.1:{instance.values['PORT']}", key, threads)
        traffic.start()
        wait(lambda: traffic is not None and traffic.count() > 20, PATIENCE_S, "the first orders")
        for number, part in enumerate(kills, 1):
            done = traffic.count()
            wait(lambda start=done: traffic.count() > start, PATIENCE_S, "orders")  # type: ignore[misc]
            time.sleep(seconds_between)
            recovery = kill(instance, traffic, part)
            recoveries[part].append(recovery)
            print(
                f"  {time.monotonic() - started:6.0f} s  {number} of {len(kills)} kills: {part}, first call"
                f" acknowledged after {recovery.acknowledged:.2f} s; {traffic.count():,} acknowledged",
                flush=True,
            )
        time.sleep(seconds_between)
        traffic.stop()
        return _verdict(instance, traffic, recoveries, started)
    finally:
        if traffic is not None:
            traffic.ask_to_stop()
        instance.end()


def _verdict(
    instance: Instance, traffic: Traffic, recoveries: dict[str, list[Recovery]], started: float
) -> int:
    """Compare answers with the database, and print what was found."""
    print(f"\n  {'killed':<10}{'times':>6}   recovery in s, median and longest, until")
    print(f"  {'':<16}   {'a new process':>16}{'/readyz':>16}{'an answer':>16}{'the worker':>16}")
    for part, told in recoveries.items():
        columns = (
            [getattr(one, name) for one in told] for name in ("process", "ready", "acknowledged", "worker")
        )
        shown = "".join(f"{statistics.median(c):>9.2f}{max(c):>7.2f}" for c in columns)
        print(f"  {part:<10}{len(told):>6}   {shown}")
    print(f"\n  orders acknowledged                 {len(traffic.orders):>9,}")
    print(f"  burns acknowledged                  {len(traffic.burns):>9,}")
    print(f"  burns refused for want of points    {len(traffic.poor):>9,}")
    for how, count in sorted(traffic.broken.items()):
        print(f"  broken off and repeated: {how:<24}{count:>9,}")
    found = audit(instance.values["DATABASE_OWNER_URL"], BRAND, traffic.orders, traffic.burns, traffic.poor)
    found += [f"refused: {line}" for line in traffic.refused[:5]]
    found += [f"{count} × {how}" for how, count in traffic.broken.items() if how.startswith("500")]
    if not any(body["points"]["accrued"] for body in traffic.orders.values()) or not traffic.burns:
        found.append("no order earned points or none were burned: the drill has shown nothing")
    try:
        print(f"  {instance.manage('verify_ledger', '--brand', BRAND, owner=True).splitlines()[-1]}")
    except DrillError as trouble:
        found.append(str(trouble))
    print(f"  time                                {time.monotonic() - started:>7.0f} s")
    for line in found:
        print(f"✗ {line}")
    print("✗ kills: violated" if found else "✓ kills: none lost, none doubled", flush=True)
    return 1 if found else 0


def main() -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='kills …'", description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one (may be repeated)")
    parser.add_argument("--kills", type=int, help="how often each chosen part is killed")
    parser.add_argument("--threads", type=int, default=4, help="how many partners post at once")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds of traffic before each kill")
    parser.add_argument("--quick", action="store_true", help="Postgres twice, the others once")
    chosen = parser.parse_args()
    times = {
        part: chosen.kills or PARTS[part][1 if chosen.quick else 0] for part in chosen.part or list(PARTS)
    }
    # In turn, so that no part is killed only in a young instance.
    kills = [part for turn in range(max(times.values())) for part, most in times.items() if turn < most]
    try:
        return drill(kills, chosen.threads, chosen.pause)
    except DrillError as trouble:
        print(f"✗ {trouble}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
