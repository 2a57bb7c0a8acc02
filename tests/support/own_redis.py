"""Every process of a test run has databases of its own in Redis: clearing the cache in one disturbs no other.

A plugin (`-p`), because the settings are read before any conftest.
"""

import os

WORKER = os.environ.get("PYTEST_XDIST_WORKER")

if WORKER and "REDIS_URL" in os.environ and "REDIS_CACHE_URL" not in os.environ:
    _server = os.environ["REDIS_URL"].rsplit("/", 1)[0]
    _first = 2 * (int(WORKER.removeprefix("gw")) % 8)  # of the 16 that there are
    os.environ["REDIS_URL"] = f"{_server}/{_first}"
    os.environ["REDIS_CACHE_URL"] = f"{_server}/{_first + 1}"
