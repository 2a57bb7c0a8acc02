"""The database as the template made it: remembered once, brought back where a test committed something.

A table has changed when its rows are others, by place and by the transaction that wrote them. That is one
query for all tables; only the tables that changed are written.
"""

from typing import Any

from psycopg import sql

from tests.support import brands, databases

Table = tuple[str, str]
_rows: dict[str, dict[Table, list[str]]] = {}
_marks: dict[str, dict[Table, str]] = {}


def remember(database: str) -> None:
    """Note what the tables hold. Every test leaves them so, hence the first time does for all."""
    if database in _rows:
        return
    with databases.superuser(database) as server:
        tables = _tables(server)
        _rows[database] = {table: _content(server, table) for table in tables}
        _marks[database] = _marked(server, tables)


def restore(database: str) -> None:
    """Bring back what `remember` noted, past the ledger's guards."""
    rows, marks = _rows[database], _marks[database]
    with databases.superuser(database) as server:
        tables = _tables(server)
        found = _marked(server, tables)
        changed = [table for table in tables if found[table] != marks.get(table)]
        if not changed:
            return
        server.execute("SET session_replication_role = replica")
        with server.transaction():
            for table in changed:
                name = sql.Identifier(*table)
                server.execute(sql.SQL("DELETE FROM {}").format(name))
                back = sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT (%s::{}).*").format(name, name)
                for row in rows.get(table, []):
                    server.execute(back, [row])
        marks |= _marked(server, changed)


def _tables(server: Any) -> list[Table]:
    return list(
        server.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname = ANY(%s) AND tablename <> 'django_migrations'",
            [[*brands.SLUGS, "public"]],
        ).fetchall()
    )


def _content(server: Any, table: Table) -> list[str]:
    query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*table))
    return [row[0] for row in server.execute(query).fetchall()]


def _marked(server: Any, tables: list[Table]) -> dict[Table, str]:
    one = sql.SQL(
        "SELECT {}, {}, coalesce(md5(string_agg(ctid::text || xmin::text, '' ORDER BY ctid)), '') FROM {}"
    )
    each = [one.format(*table, sql.Identifier(*table)) for table in tables]
    found = server.execute(sql.SQL(" UNION ALL ").join(each)).fetchall()
    return {(schema, name): mark for schema, name, mark in found}
