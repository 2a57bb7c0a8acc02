"""Faults of the database, made for real: errors that it raises itself, lock waits, deadlocks, lost replies.

All of it is for databases with real commits (`committed_db`), beside the connection under test.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import psycopg
from django.db import connection
from psycopg import sql

from loyalty.wsgi import application
from tests.support import databases

DEADLOCK, SERIALIZATION, LOCK_TIMEOUT = "40P01", "40001", "55P03"

_FUNCTION = """
CREATE SEQUENCE {schema}.fault_calls;
CREATE FUNCTION {schema}.fault_raise() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  -- A sequence is not rolled back: it counts the attempts that were undone too.
  v_call bigint := nextval(TG_ARGV[0]::regclass);
BEGIN
  IF v_call BETWEEN TG_ARGV[1]::bigint AND TG_ARGV[2]::bigint AND v_call % TG_ARGV[4]::bigint = 0 THEN
    RAISE EXCEPTION 'an injected fault' USING ERRCODE = TG_ARGV[3];
  END IF;
  RETURN NEW;
END $$;
"""


def database() -> psycopg.Connection:
    """A superuser's connection to the database under test."""
    return databases.superuser(connection.settings_dict["NAME"])


@contextmanager
def raising(
    state: str,
    *,
    table: str,
    last: int = 1,
    every: int | None = None,
    at: str = "BEFORE",
    schema: str = "acme",
) -> Iterator[Callable[[], int]]:
    """The first `last` rows that are inserted into `table` fail with this SQLSTATE, or one in `every`.

    `at` = "COMMIT": not the statement, but the end of its transaction. Gives a function that tells how many
    rows were tried.
    """
    kind = "CREATE CONSTRAINT TRIGGER" if at == "COMMIT" else "CREATE TRIGGER"
    when = "AFTER INSERT" if at == "COMMIT" else f"{at} INSERT"
    late = "DEFERRABLE INITIALLY DEFERRED" if at == "COMMIT" else ""
    names = {"schema": sql.Identifier(schema), "table": sql.Identifier(schema, table)}
    with database() as server:
        server.execute(sql.SQL(_FUNCTION).format(**names))
        server.execute(
            sql.SQL(
                f"{kind} fault_here {when} ON {{table}} {late} FOR EACH ROW"
                f" EXECUTE FUNCTION {{schema}}.fault_raise"
                f"('{schema}.fault_calls', '1', '{10**12 if every else last}', '{state}', '{every or 1}')"
            ).format(**names)
        )

        def tried() -> int:
            row = server.execute(
                sql.SQL("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}").format(
                    sql.Identifier(schema, "fault_calls")
                )
            ).fetchone()
            return int(row[0]) if row else 0

        try:
            yield tried
        finally:
            connection.close()
            server.execute(sql.SQL("DROP TRIGGER fault_here ON {table}").format(**names))
            server.execute(sql.SQL("DROP FUNCTION {schema}.fault_raise").format(**names))
            server.execute(sql.SQL("DROP SEQUENCE {schema}.fault_calls").format(**names))


@contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """A server setting for every new connection to the database under test."""
    with database() as server:
        here = sql.Identifier(str(connection.settings_dict["NAME"]))
        server.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(here, sql.Identifier(name), value))
        connection.close()
        try:
            yield
        finally:
            server.execute(sql.SQL("ALTER DATABASE {} RESET {}").format(here, sql.Identifier(name)))
            connection.close()


def waiting_for_a_lock(server: psycopg.Connection, seconds: float = 20) -> None:
    """Returns as soon as another connection to this database waits for a lock. Raises TimeoutError."""
    give_up = threading.Event()
    timer = threading.Timer(seconds, give_up.set)
    timer.start()
    try:
        while not give_up.is_set():
            row = server.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
            ).fetchone()
            if row:
                return
        raise TimeoutError("nobody waits for a lock")
    finally:
        timer.cancel()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests tell what went wrong."""


@contextmanager
def cut_off(times: int) -> Iterator[str]:
    """A server whose first answers are cut off after the work is done and committed; its address."""
    left = [times]

    def cutting(environ: dict[str, Any], start_response: Any) -> Any:
        answer = application(environ, start_response)
        if left[0]:
            left[0] -= 1
            b"".join(answer)
            environ["loyalty.socket"].close()
            raise ConnectionAbortedError
        return answer

    class Handler(_Quiet):
        def get_environ(self) -> dict[str, Any]:
            return {**super().get_environ(), "loyalty.socket": self.connection}

    class Server(WSGIServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """The broken connection is what was asked for."""

    server = make_server("127.0.0.1", 0, cutting, server_class=Server, handler_class=Handler)
    thread = threading.Thread(target=_serve, args=(server,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _serve(server: WSGIServer) -> None:
    try:
        server.serve_forever(poll_interval=0.02)
    finally:
        connection.close()
