"""How a guard is taken away: in the database under test, where it stands, or in the source of a copy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import sql


class NotThere(Exception):
    """The mutation could not be applied: the code has moved on."""


TEXT = """
SELECT pg_get_functiondef(pg_proc.oid) FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
WHERE nspname = %s AND proname = %s
"""
Way = Callable[[Any, str], None]
"""Changes one brand's schema over a superuser's connection."""


@dataclass(frozen=True)
class Source:
    """A text replaced in one file of a copy of the project."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    """One guard taken away, and the test that must fail.

    `covers`: the names of what is taken away, as the database lists its guards.
    """

    guard: str
    way: Way | Source
    test: str
    covers: tuple[str, ...] = ()


def without_trigger(table: str, name: str) -> Way:
    """The trigger is gone."""

    def way(server: Any, schema: str) -> None:
        server.execute(
            sql.SQL("DROP TRIGGER {} ON {}").format(sql.Identifier(name), sql.Identifier(schema, table))
        )

    return way


def without_constraint(table: str, name: str) -> Way:
    """The CHECK, or the unique key with its index, is gone."""

    def way(server: Any, schema: str) -> None:
        at = sql.Identifier(schema, table)
        server.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(at, sql.Identifier(name)))

    return way


def granted(table: str) -> Way:
    """The brand's role may rewrite the table."""

    def way(server: Any, schema: str) -> None:
        (role,) = server.execute(
            "SELECT DISTINCT grantee FROM information_schema.role_table_grants"
            " WHERE table_schema = %s AND table_name = %s AND grantee LIKE %s",
            [schema, table, f"%{schema}"],
        ).fetchone()
        server.execute(
            sql.SQL("GRANT UPDATE, DELETE, TRUNCATE ON {} TO {}").format(
                sql.Identifier(schema, table), sql.Identifier(role)
            )
        )

    return way


def rewritten(function: str, pattern: str, new: str) -> Way:
    """The function's text is another: what matches `pattern` (dots match line ends, blanks any blanks)."""

    def way(server: Any, schema: str) -> None:
        rows = server.execute(TEXT, [schema, function]).fetchall()
        if not rows:
            raise NotThere(function)
        for (text,) in rows:
            changed = re.sub(pattern.replace(" ", r"\s+"), new, text, flags=re.DOTALL)
            if changed == text:
                raise NotThere(f"{function}: {pattern}")
            server.execute(changed)

    return way


def unlocked(function: str, nth: int = 1) -> Way:
    """The function's `nth` FOR UPDATE is gone."""

    def way(server: Any, schema: str) -> None:
        seen = [0]

        def drop(match: re.Match[str]) -> str:
            seen[0] += 1
            return "" if seen[0] == nth else match[0]

        (text,) = server.execute(TEXT, [schema, function]).fetchone() or ("",)
        changed = re.sub(r"\s+FOR UPDATE(?:\s+SKIP LOCKED)?", drop, text)
        if seen[0] < nth:
            raise NotThere(f"{function}: FOR UPDATE {nth}")
        server.execute(changed)

    return way
