"""What the terminal shows: steps with their time, and the lines of every child behind its name."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from loyalty.dev import processes
from loyalty.dev.places import ROOT

COLOURS = {
    "web": "36",
    "worker": "32",
    "reader": "92",
    "beat": "33",
    "webhooks": "35",
    "postgres": "34",
    "redis": "31",
    "wechat": "93",
    "channels": "94",
    "mail": "96",
    "receiver": "95",
    "up": "1",
}
WIDTH = 9
LOG_LIMIT_BYTES = 10_000_000


class StepError(Exception):
    """A step of the start ended with an error; its output has been shown."""


class Output:
    """The terminal of one instance, and the copy of it in a file."""

    def __init__(self, log: Path | None = None, *, show_lines: bool = True) -> None:
        self.show_lines = show_lines
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()
        self._file: IO[str] | None = None
        if log is not None:
            mode = "w" if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES else "a"
            self._file = log.open(mode, encoding="utf-8", errors="replace")

    def line(self, name: str, text: str) -> None:
        """One line of the child `name`."""
        stamp = time.strftime("%H:%M:%S")
        if self.show_lines:
            self._write(f"{stamp} {self._paint(COLOURS.get(name, '37'), f'{name:<{WIDTH}}│')} {text}")
        if self._file is not None:
            with self._lock:
                self._file.write(f"{time.strftime('%Y-%m-%d')} {stamp} {name:<{WIDTH}}| {text}\n")
                self._file.flush()

    def say(self, text: str = "") -> None:
        """A line to the person at the terminal."""
        self._write(text)

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                print(text, flush=True)
            except OSError:  # the terminal is gone; ending everything cleanly matters more
                sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Announce a step, tell every five seconds that it goes on, and how long it took."""
        started = time.monotonic()
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(5):
                self.say(f"    … {what} ({time.monotonic() - started:.0f} s)")

        threading.Thread(target=tick, daemon=True).start()
        try:
            yield
        except BaseException:
            ended.set()
            self.say(self._paint("31", f"  ✗ {what} ({time.monotonic() - started:.1f} s)"))
            raise
        ended.set()
        self.say(f"  {self._paint('32', '✓')} {what} ({time.monotonic() - started:.1f} s)")

    async def run(self, what: str, command: list[str], env: Mapping[str, str]) -> None:
        """Run a command as a step, showing its lines. Raises StepError when it fails.

        When the waiting for it is broken off the command is ended with all below it.
        """
        with self.step(what):
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                env=dict(env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                if process.stdout is not None:
                    async for raw in process.stdout:
                        self.say(f"    {self._paint('2', raw.decode(errors='replace').rstrip())}")
                code = await process.wait()
            except BaseException:
                processes.kill_session(process.pid)
                raise
            if code:
                raise StepError(f"{what} failed with exit code {code}.")


def pump(output: Output, name: str, stream: IO[bytes]) -> None:
    """Show every line of a child until its end is closed; a line without end is cut after 64 kB."""
    with stream:
        while raw := stream.readline(65_536):
            output.line(name, raw.decode(errors="replace").rstrip())
