"""Runs the benchmarks that are named (default: all) and prints one table."""

import os
import sys
from collections.abc import Callable

# The login of the benchmarks may do everything; roles are switched as in production.
os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"

import django

django.setup()

from bench import (  # noqa: E402
    bulk,
    cpu,
    engine,
    ledger,
    messages,
    seal,
    setting,
    simulate,
    sweep,
    verify,
    wakeup,
    web,
    webhooks,
)
from bench.figures import Figure  # noqa: E402

ALL: dict[str, Callable[[], list[Figure]]] = {
    "ledger": ledger.measure,
    "cpu": cpu.measure,
    "engine": engine.measure,
    "simulate": simulate.measure,
    "web": web.measure,
    "webhooks": webhooks.measure,
    "bulk": bulk.measure,
    "seal": seal.measure,
    "messages": messages.measure,
    "verify": verify.measure,
    "sweep": sweep.sweep,
    "wakeup": wakeup.measure,
}


def main(names: list[str]) -> int:
    """Measure, print, and answer 1 if a gate was missed."""
    unknown = set(names) - set(ALL)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(ALL)}", file=sys.stderr)
        return 2
    setting.prepare()
    figures = [figure for name in names or ALL for figure in ALL[name]()]
    print(f"\n{'figure':58} {'measured':>10} {'floor':>10} {'ratio':>7} {'gate':>6} {'stretch':>8}")
    for figure in figures:
        print(figure.line())
    return 1 if any(figure.missed for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
