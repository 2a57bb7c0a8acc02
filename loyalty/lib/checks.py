"""Checks of the books: each room registers its own, `verify_ledger` runs them all.

A check reads the current brand's tables and says how many rows it looked at and what was wrong with the
first few. It writes nothing, goes through large tables a stretch at a time (`loyalty/lib/stretches.py`), and
leaves the summing to the database, so that its memory stays constant and it can tell how far it has come.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_SHOWN = 5
"""How many violations a check describes; one is enough to fail."""

Tell = Callable[[int, int], None]
"""Is told how many rows a check has been through, of how many. The second may be 0."""


def silent(done: int, of: int) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows were looked at, and the first violations in words."""

    rows: int
    violations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """An invariant: its code in ledger.md, what it says, and how it is looked into."""

    code: str
    title: str
    look: Callable[[Tell], Outcome]

    def run(self, tell: Tell = silent) -> Outcome:
        """Look into the current brand's books; `tell` hears how far that has come."""
        return self.look(tell)


_checks: dict[str, Check] = {}


def invariant(code: str, title: str) -> Callable[[Callable[[Tell], Outcome]], Callable[[Tell], Outcome]]:
    """Register a check. Raises ValueError if the code is taken."""

    def register(look: Callable[[Tell], Outcome]) -> Callable[[Tell], Outcome]:
        if code in _checks:
            raise ValueError(f"invariant {code} is registered twice")
        _checks[code] = Check(code, title, look)
        return look

    return register


def registered() -> list[Check]:
    """All checks in the order of their codes (I2 before I10)."""
    return [_checks[code] for code in sorted(_checks, key=lambda c: (c.rstrip("0123456789"), _number(c)))]


def _number(code: str) -> int:
    digits = code[len(code.rstrip("0123456789")) :]
    return int(digits) if digits else 0
