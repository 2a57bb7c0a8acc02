"""Hot statements past the cursor: the same values, errors and transactions as by it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from loyalty.lib import prepared
from loyalty.lib.database import one_row
from loyalty.outbox import news
from tests.support.brands import ANNA

ECHO = "SELECT %s::bigint, %s::uuid, %s::timestamptz, %s::text, %s::jsonb, %s::boolean, %s::smallint"

LOCK = 20_261_128
WAITS = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = %s"


def opened() -> psycopg.Connection[Any]:
    """A connection of the test's own, as Django opens them."""
    at = connection.settings_dict
    return psycopg.connect(
        host=at["HOST"],
        port=at["PORT"],
        user=at["USER"],
        password=at["PASSWORD"],
        dbname=at["NAME"],
        prepare_threshold=None,
    )


@pytest.fixture
def own(django_db_setup: None) -> Iterator[psycopg.Connection[Any]]:
    """A connection for the test alone."""
    with opened() as connected:
        yield connected


def hot(own: psycopg.Connection[Any]) -> list[str]:
    """The statements that the connection keeps prepared."""
    found = own.execute(
        "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'hot_%' ORDER BY name"
    ).fetchall()
    return [row[0] for row in found]


def test_values_go_and_come_as_by_a_cursor(own: psycopg.Connection[Any]) -> None:
    own.autocommit = True
    now = datetime(2026, 3, 8, 1, 59, 59, 999999, tzinfo=UTC)
    member = UUID(str(ANNA))
    for values in (
        [10**12, member, now, "积分 '\\ %s", '{"a": [1]}', True, None],
        [-1, str(member), "2026-03-08 01:59:59.999999+00", "", None, False, 32767],
    ):
        with psycopg.Cursor(own) as cursor:
            expected = cursor.execute(ECHO, values).fetchone()
        assert prepared.one_row(own, ECHO, values) == expected
    assert len(hot(own)) == 1
    assert prepared.one_row(own, "SELECT 1 WHERE %s::boolean", [False]) is None


def test_the_first_statement_of_a_transaction_is_rolled_back_with_it(own: psycopg.Connection[Any]) -> None:
    own.execute("CREATE TEMPORARY TABLE kept (n bigint)")
    own.commit()
    assert prepared.one_row(own, "INSERT INTO kept VALUES (%s) RETURNING n", [1]) == (1,)
    assert prepared.one_row(own, "INSERT INTO kept VALUES (%s) RETURNING n", [2]) == (2,)
    own.rollback()
    assert prepared.one_row(own, "SELECT count(*) + %s FROM kept", [0]) == (0,)
    own.rollback()
    own.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    level = "SELECT current_setting(%s)"
    assert prepared.one_row(own, level, ["transaction_isolation"]) == ("serializable",)
    own.rollback()
    assert len(hot(own)) == 3


def test_errors_are_the_drivers_with_their_sqlstate(own: psycopg.Connection[Any]) -> None:
    own.autocommit = True
    with pytest.raises(psycopg.errors.DivisionByZero) as caught:
        prepared.one_row(own, "SELECT 1 / %s::bigint", [0])
    assert caught.value.sqlstate == "22012"
    assert prepared.one_row(own, "SELECT 1 / %s::bigint", [1]) == (1,)
    with pytest.raises(psycopg.errors.UndefinedTable):
        prepared.one_row(own, "SELECT %s::text FROM nowhere", ["x"])
    assert hot(own) == ["SELECT 1 / $1::bigint"]


def test_a_text_with_a_zero_byte_is_refused_and_not_cut_off(own: psycopg.Connection[Any]) -> None:
    own.autocommit = True
    with pytest.raises(psycopg.DataError, match="0x00"):
        prepared.one_row(own, "SELECT %s::text", ["ab\0c"])
    assert prepared.one_row(own, "SELECT %s::text", ["abc"]) == ("abc",)


def test_what_is_no_whole_number_is_not_cut_off(own: psycopg.Connection[Any]) -> None:
    own.autocommit = True
    for value in (Decimal("1.9"), 1.9):
        with pytest.raises(psycopg.DataError):
            prepared.one_row(own, "SELECT %s::bigint", [value])
    assert prepared.one_row(own, "SELECT %s::bigint", [2]) == (2,)


def test_a_lost_connection_is_an_operational_error(own: psycopg.Connection[Any]) -> None:
    own.autocommit = True
    with pytest.raises(psycopg.OperationalError):
        prepared.one_row(own, "SELECT pg_terminate_backend(pg_backend_pid()), %s::text", ["x"])
    assert own.closed


@pytest.mark.django_db
def test_djangos_errors_come_out_of_the_hot_way(in_acme: Any) -> None:
    one_row("SELECT set_config('statement_timeout', %s, true)", ["20"])
    with pytest.raises(OperationalError) as caught, transaction.atomic():
        one_row("SELECT pg_sleep(%s)::text", [5])
    assert isinstance(caught.value.__cause__, psycopg.errors.QueryCanceled)


def test_other_threads_work_while_the_server_does(own: psycopg.Connection[Any]) -> None:
    # It waits for a lock that this thread gives back: were the interpreter held meanwhile, nobody could.
    own.autocommit = True
    own.execute("SET lock_timeout = '5s'")
    got: list[Any] = []
    waiting = threading.Thread(
        target=lambda: got.append(prepared.one_row(own, "SELECT pg_advisory_lock(%s)::text", [LOCK]))
    )
    with opened() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        waiting.start()
        while waiting.is_alive() and not holder.execute(WAITS, [own.info.backend_pid]).fetchone():
            pass
        holder.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        waiting.join()
    assert got == [("",)]


def test_a_fork_has_a_carrier_of_its_own() -> None:
    before = news._carrier
    child = os.fork()
    if child == 0:
        os._exit(0 if news._carrier is not before and not news._carrier._started else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert news._carrier is before
