"""A prepared statement in one call of libpq: the quickest way that psycopg offers, for a few hot statements.

A psycopg cursor costs about 0.1 ms of Python for each statement: the query is looked at again, a generator
waits for the socket, the result is described column by column (docs/adr/0019). Values and rows are adapted by
psycopg here too, and errors are its own. Nothing else prepares statements on these connections: psycopg's
own way of doing so deallocates all, ours too, with every rollback.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

_names: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()


def one_row(connection: psycopg.Connection[Any], query: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The only row of `query`, which has a `%s` for each value, or None; prepared on first use.

    All values go as text and get their types from the query. Raises psycopg's errors. The call cannot be
    interrupted while the server works: `statement_timeout` and `lock_timeout` bound it.
    """
    own = connection.pgconn
    if own.transaction_status == TransactionStatus.IDLE and not connection.autocommit:
        _begin(connection)
    statements = _names.setdefault(connection, {})
    name = statements.get(query)
    if name is None:
        name = b"hot_%d" % len(statements)
        _checked(own, own.prepare(name, _numbered(query)))
        statements[query] = name
    adapt = Transformer(connection)
    sent: Any = adapt.dump_sequence(values, [PyFormat.TEXT] * len(values))  # with None for NULL
    result = _checked(own, own.exec_prepared(name, sent))
    if result.ntuples == 0:
        return None
    adapt.set_pgresult(result)
    return adapt.load_row(0, tuple)


def _begin(connection: psycopg.Connection[Any]) -> None:
    """As psycopg does it before the first statement of a cursor."""
    if (connection.isolation_level, connection.read_only, connection.deferrable) == (None, None, None):
        _checked(connection.pgconn, connection.pgconn.exec_(b"BEGIN"))
    else:
        connection.execute("SELECT 1")


def _numbered(query: str) -> bytes:
    first, *rest = query.split("%s")
    return "".join([first, *(f"${place}{part}" for place, part in enumerate(rest, 1))]).encode()


def _checked(own: PGconn, result: PGresult) -> PGresult:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    if own.status == ConnStatus.BAD:
        raise psycopg.OperationalError(result.get_error_message())
    raise psycopg.errors.error_from_result(result)
