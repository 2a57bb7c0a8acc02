"""Closing a month: what is kept, what is refused afterwards, who may, and that the database holds to it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, ProgrammingError

from loyalty.analytics import invariants, reports
from loyalty.analytics.models import MonthClose
from loyalty.lib import checks, clock
from points import errors
from points import services as points
from points.models import ClosedMonth, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tenants.roles import as_owner
from tests.analytics.support import earn, item, lines, local, story
from tests.support.brands import ANNA, BORIS, KEY_ID
from tests.support.client import Api

pytestmark = pytest.mark.django_db
LOCK = "/reports/roll-forward/2026-09/lock"


@pytest.fixture
def books(acme: Brand) -> None:
    with in_brand(acme):
        story()


def test_a_closed_month_stays_as_it_was(acme: Brand, api: Api, books: None) -> None:
    open_ = api.get("/reports/roll-forward?month=2026-09").json()
    first = api.post(LOCK)
    again = api.post(LOCK)
    assert (first.status_code, again.status_code) == (201, 200)
    kept = first.json()
    assert again.json() == kept == api.get("/reports/roll-forward?month=2026-09").json()
    assert kept["items"] == open_["items"]
    assert (kept["status"], kept["locked_by"], kept["differences"]) == ("locked", f"key:{KEY_ID}", [])
    with in_brand(acme):
        assert MonthClose.objects.count() == ClosedMonth.objects.count() == 1
        # The setting held for the currencies that had no cost of their own; from now on it is written down.
        assert [row["cost"] for row in reports.unit_costs()] == ["0.01", "0.01"]


def test_nothing_is_recorded_in_a_closed_month_or_before_it(acme: Brand, api: Api, books, row_counts) -> None:
    assert api.post(LOCK).status_code == 201
    before = row_counts()
    with in_brand(acme):
        for at in (local(2026, 9, 30, 23, 59, 59), local(2026, 7, 1)):
            with pytest.raises(errors.MonthClosed), transaction.atomic():
                earn(ANNA, 5, "too-late", now=at)
        assert row_counts() == before
        earn(ANNA, 5, "just-in-time", now=local(2026, 10, 1))
        # What was recorded before is answered as ever.
        assert points.burn(member_id=ANNA, points=200, reference="till-1", now=local(2026, 9, 1)).replayed


def test_no_debt_is_paid_in_a_closed_month(acme: Brand, api: Api, books: None) -> None:
    with in_brand(acme):
        earn(BORIS, 60, "waits", now=local(2026, 10, 4), waits_for="order.completed", waits_ref="waits")
    api.post(LOCK)
    with in_brand(acme):
        with pytest.raises(errors.MonthClosed), transaction.atomic():
            points.activate(waits_for="order.completed", waits_ref="waits", now=local(2026, 9, 30))
        assert points.activate(waits_for="order.completed", waits_ref="waits", now=clock.now()) == 1


def test_a_late_order_after_the_close_counts_in_the_running_month(acme: Brand, api: Api, books) -> None:
    api.post(LOCK)
    kept = api.get("/reports/roll-forward?month=2026-09").json()
    with in_brand(acme):
        earn(ANNA, 25, "late", now=clock.now(), effective_at=local(2026, 9, 20))
    assert api.get("/reports/roll-forward?month=2026-09").json() == kept
    november = api.get("/reports/roll-forward?month=2026-11").json()
    assert item(november)["late"] == [
        {"effective_month": "2026-09", "line": "issued", "points": 25, "amount": "0.25", "entries": 1}
    ]
    assert lines(november)["issued"] == 1007 + 25


@pytest.mark.parametrize(("month", "code"), [("2026-11", "month_not_over"), ("2027-01", "month_not_over")])
def test_a_month_that_is_not_over_is_not_closed(api: Api, row_counts, month: str, code: str) -> None:
    before = row_counts()
    answer = api.post(f"/reports/roll-forward/{month}/lock")
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert row_counts() == before


def test_a_month_is_closed_an_hour_after_its_end(api: Api, books: None) -> None:
    path = "/reports/roll-forward/2026-10/lock"
    with clock.frozen(local(2026, 11, 1, 1) - timedelta(microseconds=1)):
        assert api.post(path).status_code == 409
    with clock.frozen(local(2026, 11, 1, 1)):
        assert api.post(path).status_code == 201


@pytest.mark.parametrize("month", ["2026-9", "2026-00", "september", "0001-01"])
def test_what_is_no_month_is_refused(api: Api, month: str) -> None:
    answer = api.post(f"/reports/roll-forward/{month}/lock")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/month")


def test_no_cost_is_set_for_a_closed_month(api: Api, books: None, row_counts) -> None:
    api.post(LOCK)
    before = row_counts()
    body = {"cost": "0.05", "valid_from": (local(2026, 10, 1) - timedelta(microseconds=1)).isoformat()}
    answer = api.post("/reports/unit-costs", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "month_closed")
    assert "2026-09" in answer.json()["detail"]
    assert row_counts() == before
    assert (
        api.post("/reports/unit-costs", {**body, "valid_from": "2026-10-01T00:00:00+08:00"}).status_code
        == 201
    )


def test_cut_off_between_its_transactions_it_is_finished_by_the_next_call(
    acme: Brand, api: Api, books: None
) -> None:
    with in_brand(acme):
        points.close_month(
            month=local(2026, 9, 2).date().replace(day=1),
            ends_at=local(2026, 10, 1),
            actor="test",
            now=clock.now(),
        )
        with pytest.raises(errors.MonthClosed), transaction.atomic():
            earn(ANNA, 5, "too-late", now=local(2026, 9, 30))
    assert api.post(LOCK).status_code == 201


@pytest.mark.parametrize("table", ["analytics_monthclose", "analytics_unitcost", "points_closedmonth"])
def test_what_was_closed_cannot_be_rewritten(acme: Brand, api: Api, books: None, table: str) -> None:
    api.post(LOCK)
    for statement in (f"UPDATE {table} SET actor = 'me'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with (
            in_brand(acme),
            pytest.raises(ProgrammingError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
        with (  # the owner has the right, and meets the trigger
            in_brand(acme),
            as_owner(),
            pytest.raises(DatabaseError, match="only ever added to"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def altered(statement: str) -> None:
    """What a superuser could do with the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = cursor.fetchone()[0]
        cursor.execute("RESET ROLE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f'SET ROLE "{role}"')


def test_a_rewritten_past_is_told(acme: Brand, api: Api, books: None) -> None:
    api.post(LOCK)
    with in_brand(acme):
        assert list(invariants.liability_report().violations) == []
        altered("UPDATE acme.points_entry SET points = 210 WHERE reference = 'till-1'")
        assert any("month 2026-09" in text for text in invariants.liability_report().violations)
    assert api.get("/reports/roll-forward?month=2026-09").json()["differences"] == ["roll_forward"]


def test_a_rewritten_close_is_told(acme: Brand, api: Api, books: None) -> None:
    api.post(LOCK)
    with in_brand(acme):
        altered("UPDATE acme.analytics_monthclose SET content = replace(content, '1500', '1501')")
    found = api.get("/reports/roll-forward?month=2026-09").json()["differences"]
    assert found == ["digest", "roll_forward"]


def test_a_lot_that_lies_is_found(acme: Brand, books: None) -> None:
    with in_brand(acme):
        altered("UPDATE acme.points_consumption SET points = points - 1 WHERE points > 1")
        assert invariants.liability_report().violations
        assert "I11" in {check.code for check in checks.registered()}


def test_reading_keys_may_read_and_not_close(reader: Api, acme: Brand, books: None, row_counts: Any) -> None:
    before = row_counts()
    for path in ("liability", "breakage", "roll-forward", "unit-costs", "entries?month=2026-09"):
        assert reader.get(f"/reports/{path}").status_code == 200
    assert reader.post(LOCK).status_code == 403
    assert reader.post("/reports/unit-costs", {"cost": "1"}).status_code == 403
    assert row_counts() == before


def test_the_other_brand_closes_its_own_months_only(acme: Brand, foreign: Api, globex: Brand, books) -> None:
    assert foreign.post(LOCK).status_code == 201
    with in_brand(acme):
        assert not ClosedMonth.objects.exists()
        earn(ANNA, 5, "in-september", now=local(2026, 9, 30))
        assert Entry.objects.filter(reference="in-september").exists()
