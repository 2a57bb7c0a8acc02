"""What a drill prints: progress while it runs, then a short table, then whether it held."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

EVERY_S = 10.0
MOST_SHOWN = 5


class Report:
    """Figures and violations of one drill."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = time.monotonic()
        self._told = self.started
        self._figures: list[tuple[str, str]] = []
        self._violations: dict[str, list[str]] = {}
        say(title)

    @property
    def seconds(self) -> float:
        """How long the drill has run."""
        return time.monotonic() - self.started

    def progress(self, text: str, *, always: bool = False) -> None:
        """A line about how far it has come; not more often than every ten seconds, unless `always`."""
        now = time.monotonic()
        if always or now - self._told >= EVERY_S:
            self._told = now
            say(f"  {self.seconds:6.0f} s  {text}")

    def figure(self, name: str, value: Any) -> None:
        """A line of the table."""
        self._figures.append((name, f"{value:,}" if isinstance(value, int) else str(value)))

    def must(self, name: str, found: Iterable[Any]) -> None:
        """A line of the table that has to say 0; what was found, in words, is shown below it."""
        lines = [str(one) for one in found]
        self.figure(name, len(lines))
        if lines:
            self._violations[name] = lines

    def end(self) -> int:
        """Print the table; the exit code: 1 when something was violated."""
        self.figure("time", f"{self.seconds:.1f} s")
        width = max(len(name) for name, _value in self._figures)
        say("")
        for name, value in self._figures:
            mark = "✗" if name in self._violations else " "
            say(f"{mark} {name:<{width}}  {value:>14}")
        for name, lines in self._violations.items():
            for line in lines[:MOST_SHOWN]:
                say(f"✗ {name}: {line}")
        say(f"✗ {self.title}: violated" if self._violations else f"✓ {self.title}: held")
        return 1 if self._violations else 0


def say(text: str) -> None:
    """A line for whoever watches, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
