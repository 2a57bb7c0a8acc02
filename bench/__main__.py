"""`make bench`: each figure beside its floor, measured in the same run on the same durable server."""

import asyncio
import sys

from loyalty.dev import locks
from loyalty.dev.places import Places, up_places
from loyalty.dev.testing import with_services


def main() -> int:
    """Start a durable Postgres and a Redis of the benchmarks' own and measure inside."""
    places = Places(up_places().folder / "bench").make()
    lock = locks.take(places)
    if lock is None:
        print("a benchmark is under way in this checkout already", file=sys.stderr)
        return 1
    with lock:
        command = [sys.executable, "-m", "bench.measure", *sys.argv[1:]]
        return asyncio.run(with_services(places, command, durable=True))


if __name__ == "__main__":
    sys.exit(main())
