"""An audience as one query over the members: safe parts, every value bound.

Members are gone through in the order of their keys, so that a batch begins where the one before ended.
Whoever is known to be under age, has left or was merged is in no audience.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import OperationalError, connection, transaction

from campaigns.audience import facts
from campaigns.audience.definition import GROUPS, Definition, Surroundings
from loyalty.lib.compliance import ADULT_AGE

COUNT_WITHIN_MS: Final = 5_000
"""A count that takes longer is an estimate from a part of the members, a sample that does is empty."""
PART_PERCENT: Final = 2
_FROM: Final = "SELECT {what} FROM members_member m {sampled} WHERE {where}"
_SHARES: Final = "WITH one AS MATERIALIZED ({inner}) SELECT count(*), {sums} FROM one {joins}"


@dataclass(frozen=True, slots=True)
class Count:
    """How many members there are; an estimate where counting took too long."""

    members: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Shares:
    """How many members there are, and how many are left of them as each further condition is asked."""

    members: int
    of_them: tuple[int, ...]
    estimated: bool = False


def where(definition: Definition, around: Surroundings) -> tuple[str, dict[str, Any]]:
    """The condition on `members_member m`, and its values."""
    values = facts.Values()
    groups = {
        name: [facts.condition(each, around, values) for each in definition.groups[name]] for name in GROUPS
    }
    parts = [
        "m.status = 'active'",
        f"m.enrolled_at <= {values.add(around.now)}",
        f"(m.birthday IS NULL OR m.birthday <= {values.add(_years_before(around.today, ADULT_AGE))})",
        *groups["all"],
    ]
    if groups["any"]:
        parts.append("(" + " OR ".join(groups["any"]) + ")")
    # What is not known (no order, no child) is not so: none of it.
    parts += [f"NOT coalesce({each}, false)" for each in groups["none"]]
    return " AND ".join(parts), dict(values.named)


def portion(
    definition: Definition,
    around: Surroundings,
    *,
    after: UUID | None,
    limit: int,
    also: str = "true",
    values: Mapping[str, Any] | None = None,
) -> list[UUID]:
    """The next `limit` members behind `after`, by key. `also` is a further condition with its `values`."""
    condition, own = where(definition, around)
    behind = "" if after is None else " AND m.id > %(after)s"
    sql = _FROM.format(what="m.id", sampled="", where=f"{condition}{behind} AND {also}")
    with connection.cursor() as cursor:
        cursor.execute(
            f"{sql} ORDER BY m.id LIMIT %(limit)s",
            {**own, **(values or {}), "after": after, "limit": limit},
        )
        return [row[0] for row in cursor.fetchall()]


def count(definition: Definition, around: Surroundings, *, within_ms: int = COUNT_WITHIN_MS) -> Count:
    """How many members are in it now; estimated from a part of them where counting all takes too long."""
    condition, values = where(definition, around)
    rows = _rows_within(within_ms, _FROM.format(what="count(*)", sampled="", where=condition), values)
    if rows is not None:
        return Count(rows[0][0])
    part = f"TABLESAMPLE SYSTEM ({PART_PERCENT})"
    rows = _rows_within(within_ms, _FROM.format(what="count(*)", sampled=part, where=condition), values)
    if rows is not None:
        return Count(rows[0][0] * 100 // PART_PERCENT, estimated=True)
    # Even a part takes too long: what the planner expects, which costs no look at the members.
    with connection.cursor() as cursor:
        sql = _FROM.format(what="m.id", sampled="", where=condition)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
        plan = cursor.fetchone()[0]
        plan = json.loads(plan) if isinstance(plan, str) else plan
        return Count(int(plan[0]["Plan"]["Plan Rows"]), estimated=True)


def shares(
    definition: Definition,
    around: Surroundings,
    *,
    joins: str,
    further: Sequence[str],
    values: Mapping[str, Any],
    within_ms: int = COUNT_WITHIN_MS,
) -> Shares | None:
    """How many members are in it now, and how many are left as the `further` conditions are asked one after
    another: one query. `joins` are to `one`, the members in it by `id`, at most one row each.

    Estimated from a part of them where counting all takes too long; None where even that does.
    """
    condition, own = where(definition, around)
    held = [" AND ".join(f"({each})" for each in further[: upto + 1]) for upto in range(len(further))]
    sums = ", ".join(f"count(*) FILTER (WHERE {each})" for each in held)
    for sampled, times in (("", 1), (f"TABLESAMPLE SYSTEM ({PART_PERCENT})", 100 // PART_PERCENT)):
        inner = _FROM.format(what="m.id", sampled=sampled, where=condition)
        sql = _SHARES.format(sums=sums, inner=inner, joins=joins)
        rows = _rows_within(within_ms, sql, {**own, **values})
        if rows is not None:
            members, *of_them = (number * times for number in rows[0])
            return Shares(members, tuple(of_them), estimated=times > 1)
    return None


def sample(
    definition: Definition, around: Surroundings, *, limit: int = 20, within_ms: int = COUNT_WITHIN_MS
) -> Sequence[UUID]:
    """Some of the members, the newest first: what an operator looks at before anything is sent.

    None of them where finding them takes longer than `within_ms`.
    """
    condition, values = where(definition, around)
    sql = _FROM.format(what="m.id", sampled="", where=condition)
    newest = f"{sql} ORDER BY m.enrolled_at DESC, m.id DESC LIMIT %(limit)s"
    rows = _rows_within(within_ms, newest, {**values, "limit": limit})
    return [row[0] for row in rows or ()]


def _rows_within(within_ms: int, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]] | None:
    """The rows of a query; None where it takes longer."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(within_ms)])
            cursor.execute(sql, values)
            rows = list(cursor.fetchall())
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
            return rows
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        return None


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)
