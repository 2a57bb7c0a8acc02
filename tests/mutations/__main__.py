"""Takes the ledger's guards away, one at a time, and sees the named test go red.

    python -m tests.mutations [--jobs N] [part of a guard's name …]

Needs the environment of the tests (LOYALTY_ENV=test, DATABASE_URL): `make soak ARGS=mutations` brings it.
Exits with 1 if a guard can be missing without its test noticing, or if the database has a guard that no
mutation takes away.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent.parent
EVERY = "whole or not whole"
"""Those tests too that not every run runs."""


def copy(to: Path) -> None:
    """The files under version control, as they stand."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def survives(number: int) -> str | None:
    """Why the mutation went unnoticed, or None where its test failed as it should."""
    from tests.mutations.catalogue import MUTATIONS  # noqa: PLC0415 - Django must stand
    from tests.mutations.ways import Source  # noqa: PLC0415 - as above

    mutation = MUTATIONS[number]
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        at = ROOT
        if isinstance(mutation.way, Source):
            at = Path(folder)
            copy(at)
            file = at / mutation.way.file
            before = file.read_text()
            if mutation.way.old not in before:
                return "could not be applied, the code has moved on"
            file.write_text(before.replace(mutation.way.old, mutation.way.new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider"]
        command += ["-m", EVERY, "-p", "no:xdist", "-p", "tests.mutations.plugin", mutation.test]
        run = subprocess.run(
            command,
            cwd=at,
            env={**os.environ, "PYTHONPATH": str(at), "LOYALTY_MUTATION": str(number)},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    if run.returncode == 1 and (" failed" in run.stdout or " error" in run.stdout):
        return None
    return (run.stdout[-300:] or run.stderr[-300:]).strip()


def red_already(tests: list[str]) -> bool:
    """Whether one of the tests fails with every guard in its place: then its redness proves nothing."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=short", "-m", EVERY, "-p", "no:xdist"]
    command += tests
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    sys.stdout.write(run.stdout[-2000:] if run.returncode else f"green with all guards: {len(tests)} tests\n")
    sys.stdout.flush()
    return run.returncode != 0


def main(arguments: list[str]) -> int:
    """Runs the mutations whose guard contains one of the words, or all. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='mutations …'", description=__doc__)
    parser.add_argument("words", nargs="*", help="part of a guard's name")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--quick", action="store_true", help="those without threads")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
    django.setup()
    from tests.mutations.catalogue import MUTATIONS  # noqa: PLC0415 - Django must stand
    from tests.mutations.listing import unproven  # noqa: PLC0415 - as above

    started = time.monotonic()
    wanted = [
        number
        for number, mutation in enumerate(MUTATIONS)
        if (not chosen.words or any(word in mutation.guard for word in chosen.words))
        and not (chosen.quick and "concurrency" in mutation.test)
    ]
    if red_already(sorted({MUTATIONS[number].test for number in wanted})):
        return 1
    missed = 0
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for number, why in zip(wanted, pool.map(survives, wanted), strict=True):
            mutation = MUTATIONS[number]
            missed += why is not None
            outcome = "red   " if why is None else "MISSED"
            sys.stdout.write(f"{outcome} {mutation.guard}: {mutation.test}{f' — {why}' if why else ''}\n")
            sys.stdout.flush()
    left = unproven() if not chosen.words else []
    for name in left:
        sys.stdout.write(f"MISSED no mutation takes away {name}\n")
    seconds = time.monotonic() - started
    sys.stdout.write(
        f"\n  guards taken away   {len(wanted):>6}\n  tests gone red      {len(wanted) - missed:>6}\n"
        f"  guards without one  {len(left):>6}\n  time                {seconds:>6.0f} s\n"
    )
    sys.stdout.write("✗ mutations: violated\n" if missed or left else "✓ mutations: held\n")
    return 1 if missed or left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
