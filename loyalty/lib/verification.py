"""Running every registered check on one unchanging view of the current brand's books."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from loyalty.lib import checks
from loyalty.lib.database import connection

Watch = Callable[[checks.Check, int, int], None]
"""Is told which check is under way, how many rows it has been through, and of how many."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One check, what it found, and how long that took in seconds."""

    check: checks.Check
    outcome: checks.Outcome
    took_s: float


def unwatched(check: checks.Check, done: int, of: int) -> None:
    """Nobody looks on."""


def run_all(watch: Watch = unwatched) -> Iterator[Ran]:
    """Run the checks in the order of their codes, each when the caller asks for the next.

    All of them read one snapshot, so that work that goes on meanwhile is either wholly in it or not at all,
    and the database refuses every write; nobody waits for it, and a run that is cut off leaves nothing. Its
    memory is bounded: a stretch of rows stays within work_mem, what does not goes to temporary files. Must
    be called outside of a transaction.
    """
    autodiscover_modules("invariants")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # Compiling for a stretch does not pay. A client that went away is noticed within a stretch.
        cursor.execute(
            "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off;"
            "SET LOCAL client_connection_check_interval = '5s'"
        )
        for check in checks.registered():
            began = time.monotonic()
            watch(check, 0, 0)
            outcome = check.run(lambda done, of, check=check: watch(check, done, of))  # type: ignore[misc]
            yield Ran(check, outcome, time.monotonic() - began)
