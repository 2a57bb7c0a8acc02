"""Servers of a test's own: an embedded Postgres that nobody else uses."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from loyalty.dev import environment, ports, postgres, services
from loyalty.dev.places import Places
from loyalty.dev.postgres import Postgres


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that another process does; fails when it has not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.01)


def run(story: Awaitable[None]) -> None:
    """Run an asynchronous story to its end."""

    async def main() -> None:
        await story

    asyncio.run(main())


class Cluster:
    """A Postgres of one test module, started as the supervisor starts it."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.secrets = environment.secrets(places)
        self.server: Postgres = postgres.place(places, port=ports.choose(places, "postgres"), durable=False)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Create it when it is not there, start it and wait until it answers."""
        self.server.initialise(self.secrets["postgres"])
        service = services.postgres(self.server)
        service.before_start()
        self.process = subprocess.Popen(
            service.argv,
            cwd=service.cwd,
            env=dict(service.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **service.account,
        )
        self.server.wait_ready(self.secrets["postgres"])

    def end(self, number: int = signal.SIGINT) -> None:
        """End it cleanly, or with another signal."""
        if self.process is not None:
            os.kill(self.process.pid, number)
            self.process.wait(20)
            self.process = None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running Postgres with nothing in it. Its folder is one that root's `nobody` cannot reach."""
    own = Cluster(Places(tmp_path_factory.mktemp("cluster") / "var").make())
    own.start()
    yield own
    own.end()
    postgres.remove_outside(own.places)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """The folder of an instance that exists for one test."""
    return Places(tmp_path / "var").make()
