"""A prepared statement in one call of libpq: the quickest way that psycopg offers, for a few hot statements.

A psycopg cursor costs about 0.1 ms of Python for each statement: the query is looked at again, a generator
waits for the socket, the result is described column by column (docs/adr/0019). Errors are psycopg's here too,
and it adapts what is not of the commonest types. Nothing else prepares statements on these connections:
psycopg's own way of doing so deallocates all, ours too, with every rollback.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

_Dump = Callable[[Any], bytes]


class _Statement(NamedTuple):
    name: bytes
    dumps: tuple[_Dump, ...]
    formats: tuple[Format, ...]


_statements: WeakKeyDictionary[psycopg.Connection[Any], dict[str, _Statement]] = WeakKeyDictionary()


def one_row(connection: psycopg.Connection[Any], query: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The only row of `query`, which has a `%s` for each value, or None; prepared on first use.

    Values get their types from the query. Raises psycopg's errors. The call cannot be interrupted while the
    server works: `statement_timeout` and `lock_timeout` bound it.
    """
    own = connection.pgconn
    if own.transaction_status == TransactionStatus.IDLE and not connection.autocommit:
        _begin(connection)
    try:
        statement = _statements[connection][query]
    except KeyError:
        statement = _prepare(connection, query)
    sent: Any
    formats: Sequence[Format] | None = statement.formats
    try:
        sent = [
            None if value is None else dump(value)
            for dump, value in zip(statement.dumps, values, strict=True)
        ]
    except (TypeError, KeyError, AttributeError):  # of a type that only psycopg knows
        sent = Transformer(connection).dump_sequence(values, [PyFormat.TEXT] * len(values))
        formats = None
    result = _checked(own, own.exec_prepared(statement.name, sent, formats))
    if result.ntuples == 0:
        return None
    if result.nfields == 1 and result.ftype(0) == _TEXT:
        found = result.get_value(0, 0)
        return (None if found is None else found.decode(),)
    adapt = Transformer(connection)
    adapt.set_pgresult(result)
    return adapt.load_row(0, tuple)


def _prepare(connection: psycopg.Connection[Any], query: str) -> _Statement:
    own = connection.pgconn
    known = _statements.setdefault(connection, {})
    name = b"hot_%d" % len(known)
    _checked(own, own.prepare(name, _numbered(query)))
    told = _checked(own, own.describe_prepared(name))
    ways = [_WAYS.get(told.param_type(place), _AS_TEXT) for place in range(told.nparams)]
    statement = _Statement(name, tuple(way[0] for way in ways), tuple(way[1] for way in ways))
    known[query] = statement
    return statement


def _instant(value: datetime) -> bytes:
    since = value - _ORIGIN
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds).to_bytes(8, signed=True)


def _whole(value: int) -> bytes:
    if type(value) is not int:  # %d would cut off what is behind the point
        raise TypeError
    return b"%d" % value


def _as_text(value: Any) -> bytes:
    raw: bytes = value.encode()
    if b"\0" in raw:  # a text ends there for libpq
        raise TypeError
    return raw


_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
"""From where Postgres counts."""
_TEXT = 25
_AS_TEXT = (_as_text, Format.TEXT)
# By the type that the statement has for the value (pg_type.oid).
_WAYS: dict[int, tuple[_Dump, Format]] = {
    _TEXT: (str.encode, Format.BINARY),
    2950: (lambda value: value.bytes, Format.BINARY),  # uuid
    1184: (_instant, Format.BINARY),  # timestamptz
    20: (_whole, Format.TEXT),  # bigint
    23: (_whole, Format.TEXT),  # integer
    21: (_whole, Format.TEXT),  # smallint
    16: ({True: b"t", False: b"f"}.__getitem__, Format.TEXT),  # boolean
}


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
