"""The database itself refuses to rewrite the ledger; `tests/mutations` takes each guard away in turn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.utils import DatabaseError, InternalError

from loyalty.lib import ids
from loyalty.outbox.models import IdempotencyRecord
from points import services as points
from points.models import Account, AdjustmentRequest, Entry, ExpiryNotice
from tenants.models import Brand
from tests.points.support import earn
from tests.support.brands import ANNA

pytestmark = pytest.mark.django_db
WRITTEN_ONCE = ("points_entry", "points_consumption")


@pytest.fixture(autouse=True)
def _book(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 100, "o-1", now=now)
    points.burn(member_id=ANNA, points=40, reference="b-1", now=now)
    points.hold(member_id=ANNA, points=10, reference="h-1", expires_at=now.replace(year=2027), now=now)


@pytest.fixture
def owner() -> Iterator[None]:
    """Statements run as the owner of the tables, within the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = cursor.fetchone()[0]
        cursor.execute("RESET ROLE")
        yield
        cursor.execute(f'SET ROLE "{role}"')


def refused(statement: str, *values: Any) -> DatabaseError:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    return error.value


def state(error: DatabaseError) -> str:
    return str(error.__cause__.sqlstate)  # type: ignore[union-attr]


@pytest.mark.parametrize("table", WRITTEN_ONCE)
@pytest.mark.parametrize("statement", ["UPDATE {} SET points = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_entries_and_consumptions_cannot_be_rewritten_by_the_brand(table: str, statement: str) -> None:
    error = refused(statement.format(table))
    assert isinstance(error, ProgrammingError)
    assert state(error) == "42501"  # insufficient privilege: the grant, before any trigger


@pytest.mark.parametrize("table", [*WRITTEN_ONCE, "points_holdlot"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET points = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_even_the_owner_is_stopped_by_the_trigger(owner: None, table: str, statement: str) -> None:
    error = refused(statement.format(table))
    assert isinstance(error, InternalError | DatabaseError)
    assert state(error) == "PL090"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE points_lot SET points = 1000",
        "UPDATE points_lot SET account_id = id",
        "UPDATE points_lot SET entry_id = id",
        "UPDATE points_lot SET earned_at = now()",
        "UPDATE points_lot SET original_expires_at = now()",
        "DELETE FROM points_lot",
        "UPDATE points_account SET member_id = id",
        "UPDATE points_account SET currency = 'stars'",
        "DELETE FROM points_account",
        "UPDATE points_hold SET points = 11",
        "UPDATE points_hold SET expires_at = now()",
        "UPDATE points_hold SET account_id = id",
        "DELETE FROM points_hold",
    ],
)
def test_only_the_moving_columns_of_lots_accounts_and_holds_move(statement: str) -> None:
    assert state(refused(statement)) == "PL090"


@pytest.mark.parametrize("column", ["available", "pending", "held", "debt"])
def test_an_account_cannot_go_below_zero(column: str) -> None:
    error = refused(f"UPDATE points_account SET {column} = -1")
    assert isinstance(error, IntegrityError)
    assert state(error) == "23514"


@pytest.mark.parametrize("change", ["remaining = 101", "remaining = 9", "held = -1", "held = 61"])
def test_a_lot_cannot_give_more_than_it_got(change: str) -> None:
    assert state(refused(f"UPDATE points_lot SET {change}")) == "23514"


def insert(**changes: Any) -> str:
    entry = Entry.objects.get(kind="accrual")
    row = {
        "id": ids.new(), "journal_id": ids.new(), "account_id": entry.account_id, "seq": 99,
        "system_account": "issuance", "direction": 1, "points": 1, "kind": "accrual", "source": "order",
        "reference": "o-2", "rule": "base", "effective_at": entry.effective_at,
        "recorded_at": entry.recorded_at, "balance_after": 1, "cost_centre": "", "actor": "", "reason": "",
        **changes,
    }  # fmt: skip
    places = ", ".join(["%s"] * len(row))
    return state(refused(f"INSERT INTO points_entry({', '.join(row)}) VALUES ({places})", *row.values()))


@pytest.mark.parametrize("changes", [{"points": 0}, {"points": -1}, {"direction": 2}, {"direction": 0}])
def test_an_entry_moves_at_least_one_point_in_one_direction(changes: dict[str, int]) -> None:
    assert insert(**changes) == "23514"


def test_a_reference_stands_once() -> None:
    assert insert(reference="o-1") == "23505"


def test_two_entries_cannot_be_the_same_number() -> None:
    assert insert(seq=2) == "23505"


@pytest.mark.parametrize(
    "change",
    ["status = 'captured', captured = 5, ended_at = now()", "status = 'voided'", "released = 3"],
)
def test_a_hold_cannot_end_halfway(change: str) -> None:
    assert state(refused(f"UPDATE points_hold SET {change}")) == "23514"


KEEPERS = ("points_account", "points_lot", "points_hold")


@pytest.mark.parametrize("table", KEEPERS)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_no_account_lot_or_hold_disappears(owner: None, table: str, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the commit would stop it first
    assert state(refused(statement.format(table))) == "PL090"


NEW = {"id": str(ids.new())}
REFUSED = {
    "hold of nothing": ("points_hold", {**NEW, "reference": "h-2", "points": 0}, "23514"),
    "part of a hold of nothing": ("points_holdlot", {**NEW, "points": 0}, "23514"),
    "consumption of nothing": ("points_consumption", {"id": 10**9, "points": 0}, "23514"),
    "request for nothing": ("points_adjustmentrequest", {**NEW, "reference": "a-2", "points": 0}, "23514"),
    "two eyes": ("points_adjustmentrequest", {**NEW, "reference": "a-2", "decided_by": "a"}, "23514"),
    "notice of nothing": ("points_expirynotice", {**NEW, "days_before": 1, "points": 0}, "23514"),
    "notice before the end of time": ("points_expirynotice", {**NEW, "days_before": -1}, "23514"),
    "second account": ("points_account", NEW, "23505"),
    "second hold of a reference": ("points_hold", NEW, "23505"),
    "second notice": ("points_expirynotice", NEW, "23505"),
    "second request": ("points_adjustmentrequest", NEW, "23505"),
    "second answer to a key": ("outbox_idempotencyrecord", NEW, "23505"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_the_tables_refuse(case: str, now: datetime) -> None:
    """A copy of a good row, but for one column (and its key)."""
    ExpiryNotice.objects.create(
        account=Account.objects.get(), expires_on=now.date(), days_before=7, points=1, announced_at=now
    )
    AdjustmentRequest.objects.create(
        member_id=ANNA, points=5, reason="r", reference="a-1", requested_by="a", requested_at=now
    )
    IdempotencyRecord.objects.create(
        caller="c", route="r", key="k" * 16, digest=b"", status=200, body=b"", content_type="", created_at=now
    )
    table, changes, wanted = REFUSED[case]
    error = refused(
        f"INSERT INTO {table} SELECT (jsonb_populate_record(good, %s::jsonb)).* FROM {table} good LIMIT 1",
        json.dumps(changes),
    )
    assert state(error) == wanted
