"""All entries of a month, streamed out of the database."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from loyalty.lib.database import connection
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand

COLUMNS: Final = (
    "recorded_at",
    "effective_at",
    "late",
    "entry_id",
    "journal_id",
    "member_id",
    "points_currency",
    "kind",
    "points",
    "balance_after",
    "system_account",
    "source",
    "reference",
    "rule",
    "rule_version",
    "cost_centre",
    "actor",
    "reason",
    "reverses",
)
_TYPES: Final = (
    *("timestamptz", "timestamptz", "bool", "text", "text", "text", "text", "text", "int8", "int8"),
    *("text", "text", "text", "text", "int4", "text", "text", "text", "text"),
)
_QUERY: Final = """
COPY (
  SELECT entry.recorded_at, entry.effective_at, entry.effective_at < %(start)s, entry.id::text,
    entry.journal_id::text, account.member_id::text, account.currency, entry.kind,
    entry.direction * entry.points, entry.balance_after, entry.system_account, entry.source, entry.reference,
    entry.rule, entry.rule_version, entry.cost_centre, entry.actor, entry.reason, entry.reverses_id::text
  FROM points_entry entry JOIN points_account account ON account.id = entry.account_id
  WHERE entry.recorded_at >= %(start)s AND entry.recorded_at < %(end)s
  ORDER BY entry.recorded_at, entry.account_id, entry.seq
) TO STDOUT
"""


def count(*, start: datetime, end: datetime) -> int:
    """How many entries were recorded from `start` to before `end` in the current brand."""
    return Entry.objects.filter(recorded_at__gte=start, recorded_at__lt=end).count()


def rows(brand: Brand, *, start: datetime, end: datetime) -> Iterator[Sequence[Any]]:
    """The heading and each entry recorded from `start` to before `end`, oldest first.

    One COPY in one snapshot, in constant memory here. It goes on after the request's brand is gone, so it
    brings its own.
    """
    yield COLUMNS
    values = {"start": start, "end": end}
    # The driver's own cursor: the one that Django puts around it while DEBUG is on takes no values.
    with in_brand(brand), connection.cursor() as cursor, cursor.cursor.copy(_QUERY, values) as copy:
        copy.set_types(_TYPES)
        for row in copy.rows():
            yield ["yes" if cell is True else "" if cell is False else cell for cell in row]
