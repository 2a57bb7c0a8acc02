"""Going through large tables a stretch at a time: memory stays constant, and one can tell how far one is.

Two ways, for what can be grouped by an indexed id and for what cannot:
- *stretches* of ids: inclusive ranges of uuids, without a gap, from the lowest to the highest there can be.
  Every table that a query compares is bounded by the same range, so a stretch is complete in itself: what one
  table has and the other lacks falls into the range of its id, whichever of them it is in.
- *passes*: the whole table several times over, each for the groups whose key hashes to its number.

See docs/adr/0018-verifying-a-stretch-at-a-time.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from psycopg import sql

from loyalty.lib import plans
from loyalty.lib.checks import MOST_SHOWN, Tell
from loyalty.lib.database import connection

PORTION = 20_000
"""At most so many rows of any table are in one stretch, unless one id has more: what they need stays in
memory, and mostly in the processor's cache."""
PASS = 1_000_000
MOST_PASSES = 32
"""Beyond that a pass has more rows, and what its groups need goes to temporary files."""
HIGHEST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ids that leads an index."""

    table: str
    name: str


@dataclass(frozen=True, slots=True)
class Search:
    """A query that selects violations in words, and the columns that it bounds by %(first)s and %(last)s."""

    query: str
    columns: Sequence[Column]


def search(searches: Sequence[Search], tell: Tell, values: Mapping[str, Any] | None = None) -> list[str]:
    """The first violations that the queries select, stretch by stretch."""
    of, done = extent(searches), 0
    found: list[str] = []
    for each in searches:
        for first, last, here in _stretches(each.columns):
            bounds = {"first": first, "last": last, "limit": MOST_SHOWN - len(found)}
            found += [row[0] for row in by_index(each.query, {**(values or {}), **bounds})]
            done += here
            tell(done, of)
            if len(found) >= MOST_SHOWN:
                return found
    return found


def extent(searches: Sequence[Search]) -> int:
    """How many rows the queries go through, those of several tables or several times over added up."""
    return sum(rows(column.table, column.name) for each in searches for column in each.columns)


def parts(tell: Tell, *sizes: int) -> list[Tell]:
    """For each part of a check, of so many rows, a `tell` that counts on from the parts before."""
    of = sum(sizes)

    def part(before: int) -> Tell:
        return lambda done, _of: tell(before + done, of)

    return [part(sum(sizes[:number])) for number in range(len(sizes))]


def sums(query: str, columns: Sequence[Column], tell: Tell) -> Iterator[tuple[Any, ...]]:
    """The rows that the query selects in each stretch, for a caller that adds them up."""
    of, done = sum(rows(column.table, column.name) for column in columns), 0
    for first, last, here in _stretches(columns):
        yield from by_index(query, {"first": first, "last": last})
        done += here
        tell(done, of)


def passes(query: str, grouped: int, tell: Tell, values: Mapping[str, Any] | None = None) -> list[str]:
    """The first violations of a query that takes the groups hashed to %(turn)s of %(turns)s, a pass each.

    `grouped` is how many rows there are to group; `tell` hears of them.
    """
    turns = min(MOST_PASSES, 1 + grouped // PASS)
    found: list[str] = []
    for turn in range(turns):
        mine = {"turn": turn, "turns": turns, "limit": MOST_SHOWN - len(found)}
        with transaction.atomic(), plans.without(plans.ROW_WITH_ROW), connection.cursor() as cursor:
            cursor.execute(query, {**(values or {}), **mine})
            found += [row[0] for row in cursor.fetchall()]
        tell(grouped * (turn + 1) // turns, grouped)
        if len(found) >= MOST_SHOWN:
            break
    return found


def rows(table: str, column: str = "id", where: str = "true") -> int:
    """How many rows of the table have a value in the column (and are of these)."""
    counted = sql.SQL("SELECT count({}) FROM {}").format(sql.Identifier(column), sql.Identifier(table))
    query = sql.SQL(" WHERE ").join([counted, sql.SQL(where)])  # type: ignore[arg-type]
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def by_index(query: Any, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What a query over a stretch selects, by index alone, however old the statistics are.

    Ranges are joined by hash or merge; what the query looks up beyond its own ranges is a LATERAL with
    `OFFSET 0`, or whole tables would be read for each stretch.
    """
    with (
        transaction.atomic(),
        plans.without(plans.WHOLE_TABLES, plans.ROW_WITH_ROW),
        connection.cursor() as cursor,
    ):
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _stretches(columns: Sequence[Column]) -> Iterator[tuple[UUID, UUID, int]]:
    """First and last id of each stretch, and how many rows it has in all tables."""
    border, count = _border(columns), _count(columns)
    first = UUID(int=0)
    while True:
        last = by_index(border, {"first": first, "portion": PORTION})[0][0] or HIGHEST
        yield first, last, by_index(count, {"first": first, "last": last})[0][0]
        if last == HIGHEST:
            return
        first = UUID(int=last.int + 1)


def _border(columns: Sequence[Column]) -> sql.Composed:
    """The lowest of the ids at which one of the tables has its portion; NULL where none has."""
    one = sql.SQL(
        "(SELECT {name} FROM {table} WHERE {name} >= %(first)s"
        " ORDER BY {name} OFFSET %(portion)s - 1 LIMIT 1)"
    )
    return sql.SQL("SELECT least({})").format(sql.SQL(", ").join(_each(one, columns)))


def _count(columns: Sequence[Column]) -> sql.Composed:
    one = sql.SQL("(SELECT count(*) FROM {table} WHERE {name} BETWEEN %(first)s AND %(last)s)")
    return sql.SQL("SELECT {}").format(sql.SQL(" + ").join(_each(one, columns)))


def _each(text: sql.SQL, columns: Sequence[Column]) -> list[sql.Composed]:
    return [
        text.format(table=sql.Identifier(column.table), name=sql.Identifier(column.name))
        for column in columns
    ]
