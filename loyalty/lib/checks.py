"""Checks of the books: each room registers its own, `verify_ledger` runs them all.

A check reads the current brand's tables and says how many rows it looked at and what was wrong with the
first few. It writes nothing, and leaves the summing to the database, so that its memory stays constant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_SHOWN = 5
"""How many violations a check describes; one is enough to fail."""


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
    run: Callable[[], Outcome]


_checks: dict[str, Check] = {}


def invariant(code: str, title: str) -> Callable[[Callable[[], Outcome]], Callable[[], Outcome]]:
    """Register a check. Raises ValueError if the code is taken."""

    def register(run: Callable[[], Outcome]) -> Callable[[], Outcome]:
        if code in _checks:
            raise ValueError(f"invariant {code} is registered twice")
        _checks[code] = Check(code, title, run)
        return run

    return register


def registered() -> list[Check]:
    """All checks in the order of their codes (I2 before I10)."""
    return [_checks[code] for code in sorted(_checks, key=lambda c: (c.rstrip("0123456789"), _number(c)))]


def _number(code: str) -> int:
    digits = code[len(code.rstrip("0123456789")) :]
    return int(digits) if digits else 0
