"""How far a long command has come: a line that is written over on a terminal, elsewhere one now and then."""

import time
from collections.abc import Callable
from typing import Any

ON_A_TERMINAL_S = 0.2
ELSEWHERE_S = 10.0
CLEAR = "\r\x1b[K"


class Progress:
    """Writes `label  42 %  1,234 of 5,678 rows  900 rows/s` to `out`, at most every so many seconds."""

    def __init__(self, out: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out, clock
        self._terminal = bool(getattr(out, "isatty", bool)())
        self._label, self._began, self._written_at, self._shown = "", 0.0, 0.0, False

    def begin(self, label: str) -> None:
        """What is told from now on is about this."""
        self._label = label
        self._began = self._written_at = self._clock()

    def tell(self, done: int, of: int) -> None:
        """So many rows have been gone through, of so many."""
        now = self._clock()
        if now - self._written_at < (ON_A_TERMINAL_S if self._terminal else ELSEWHERE_S):
            return
        self._written_at = now
        per_s = done / max(now - self._began, 1e-9)
        share = f"{100 * done // of:>3} %" if of else "    -"
        line = f"  {self._label:<6} {share} {done:>14,} of {of:,} rows  {per_s:,.0f} rows/s"
        if self._terminal:
            self._out.write(f"{CLEAR}{line}", ending="")
            self._out.flush()
            self._shown = True
        else:
            self._out.write(line)

    def clear(self) -> None:
        """Take the line off the terminal, so that a result can stand there."""
        if self._shown:
            self._out.write(CLEAR, ending="")
            self._shown = False
