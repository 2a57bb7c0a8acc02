"""Statements whose plan must not depend on what the planner believes of a table.

The planner takes what was written since the last ANALYZE, and a range between two bounds of its histogram,
for one row, and then compares two such sets row with row: quadratic. So statements over many rows go without
nested loops: sets are compared by hash or merge. A nested loop stays where a statement asks for it: a LATERAL
with `OFFSET 0` looks up one key in an index (docs/adr/0095-plans-without-estimates.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from loyalty.lib.database import connection

Way = Literal["nestloop", "seqscan"]
ROW_WITH_ROW: Final = "nestloop"
WHOLE_TABLES: Final = "seqscan"


@contextmanager
def without(*ways: Way) -> Iterator[None]:
    """Statements of the block are planned without these ways where there is another. In a transaction."""
    _allow(ways, "off")
    yield
    _allow(ways, "on")  # what failed in between is rolled back, with this


def _allow(ways: tuple[Way, ...], word: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('enable_' || way, %s, true) FROM unnest(%s::text[]) way", [word, list(ways)]
        )
