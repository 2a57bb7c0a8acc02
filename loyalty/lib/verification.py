"""Running every registered check on one unchanging view of the current brand's books."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from loyalty.lib import checks
from loyalty.lib.database import connection


@dataclass(frozen=True, slots=True)
class Ran:
    """One check, what it found, and how long that took in seconds."""

    check: checks.Check
    outcome: checks.Outcome
    took_s: float


def run_all() -> Iterator[Ran]:
    """Run the checks in the order of their codes, each when the caller asks for the next.

    All of them read one snapshot, so that work that goes on meanwhile is either wholly in it or not at all,
    and the database refuses every write. Must be called outside of a transaction.
    """
    autodiscover_modules("invariants")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for check in checks.registered():
            began = time.monotonic()
            outcome = check.run()
            yield Ran(check, outcome, time.monotonic() - began)
