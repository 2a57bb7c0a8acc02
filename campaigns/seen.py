"""Which of some names orders had: kept behind the orders, so that nobody looks through all lines to know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from campaigns.models import SeenName, SeenUntil
from campaigns.models.seen import BEGINNING
from loyalty.lib.database import connection

_FOR_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_SQL: Final = Path(__file__).parent / "sql" / "seen_names.sql"


def known(kind: str, wanted: Collection[str]) -> set[str]:
    """Those of the names that some order had: one look at an index, and where one is missing a look at the
    orders that no worker has come to yet."""
    of_paths = kind == SeenName.Kind.CATEGORY
    by_value = {name.strip("/") if of_paths else name: name for name in wanted}
    rows = SeenName.objects.filter(kind=kind, value__in=list(by_value)).values_list("value", flat=True)
    found = {by_value[value] for value in rows}
    if len(found) < len(by_value):
        after = SeenUntil.objects.values_list("recorded_at", flat=True).first() or BEGINNING
        recent = {value for its_kind, value in names(after, _FOR_EVER) if its_kind == kind}
        found |= {name for value, name in by_value.items() if value in recent}
    return found


def names(after: datetime, until: datetime) -> Iterator[tuple[str, str]]:
    """Kind and name of all that the orders recorded after one instant and until another had."""
    with connection.cursor() as cursor:
        cursor.execute(_text(), {"after": after, "until": until})
        rows = cursor.fetchall()
    yield from _spelled((str(kind), str(value)) for kind, value in rows)


def _spelled(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Every name, of a category each part of its path."""
    for kind, value in rows:
        if kind != SeenName.Kind.CATEGORY:
            yield kind, value
            continue
        parts = value.strip("/").split("/")
        yield from ((kind, "/".join(parts[: depth + 1])) for depth in range(len(parts)))


@cache
def _text() -> str:
    return _SQL.read_text(encoding="utf-8")
