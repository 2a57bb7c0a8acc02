"""No check, no report and no sealing depends on what the planner believes of a table.

A stretch that lies between two bounds of a histogram is taken for one row, and so are rows written since the
last ANALYZE; a join of two such is planned as each row with each. At five million entries that took hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils.module_loading import autodiscover_modules
from psycopg import sql

from campaigns.services.merging import merge_members
from loyalty.analytics import experiments, reports
from loyalty.lib import checks, stretches
from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.analytics.support import local, story
from tests.mall.conftest import make
from tests.mall.conftest import order as redemption
from tests.orders.shapes import BASE, line, multiplier, order
from tests.points import sealed
from tests.support import copies
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
COPIES = 60
PORTION = 200
READS = re.compile(r"(\s|--.*\n)*(SELECT|WITH)\b")
ONE_BY_ONE = 5
"""What is done more often than this is done for each row of something."""
OF_ONE = 25
"""So many rows at most belong to one account, order or lot here."""
OF_A_STRETCH = 3 * PORTION


@dataclass(frozen=True)
class Told:
    """What the catalogue says of every table: how many rows it has on how many pages, and no histogram."""

    rows: int
    pages: int


HALF = multiplier("half", "2", audience={"rollout_percent": 50})
TINY, HUGE = Told(1, 1_000), Told(5_000, 1)


@pytest.fixture
def books(api: Api, acme: Brand, now: datetime) -> None:
    """A story with all that can be in a ledger, sixty times over, and sealed."""
    for rule in (BASE, HALF):
        assert api.post("/earning-rules", rule).status_code == 201
        assert api.post(f"/earning-rules/{rule['code']}/publish").status_code == 200
    with in_brand(acme):
        story()
        for name, ends in (("open", 9), ("captured", 8)):
            until = local(2026, 12, ends)
            held = points.hold(member_id=ANNA, points=20, reference=name, expires_at=until, now=now)
        points.capture(hold_id=held.hold_id, points=15, reference="taken", now=now)
        merge_members(member_id=CHEN, into_id=BORIS, actor="test", now=now)
    for number in range(3):
        basket = order(f"O-{number}", lines=[line("25.00")] * 4)
        assert api.post("/orders", basket).status_code == 201
    assert api.post("/orders/O-0/returns", {"return_id": "R", "all": True}).status_code == 201
    reward = make(api)
    for name in ("kept", "cancelled"):
        placed = api.post("/redemptions", redemption(reward, name))
        assert placed.status_code == 201, placed.content
    cancelled = placed.json()["redemption_id"]
    assert api.post(f"/redemptions/{cancelled}/cancel", {"reason": "other"}).status_code == 200
    with in_brand(acme):
        # No order's record stands behind what the story gives.
        sealed.damage(
            "UPDATE points_entry SET source = 'import' WHERE source = 'order' AND reference !~ '^O-'"
        )
        with sealed.superuser(), connection.cursor() as cursor:
            # What the planner will know: every copy lies between the last two bounds of these histograms.
            cursor.execute("ANALYZE " + ", ".join((*copies.TABLES, "points_logleaf")))
            copies.multiply(COPIES)


def tell(told: Told) -> None:
    """Let the catalogue say this of each of the brand's tables."""
    with sealed.superuser(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM pg_statistic WHERE starelid IN ("
            "  SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)"
        )
        cursor.execute(
            "UPDATE pg_class SET reltuples = %s, relpages = %s"
            " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i')",
            [told.rows, told.pages],
        )


def explain(query: Any, values: Any) -> dict[str, Any]:
    """The plan of a statement, with what it really read; what it wrote is undone."""
    prefix = sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ")
    with transaction.atomic(), connection.connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20s'")
        cursor.execute(prefix + (query if isinstance(query, sql.Composable) else sql.SQL(query)), values)
        plan: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
        transaction.set_rollback(True)
        return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def wasteful(plan: dict[str, Any], most: float) -> list[str]:
    """The nodes that read much for each row of another, or more than `most` in all."""
    found = []
    for node in nodes(plan):
        loops = node["Actual Loops"]
        read = node["Actual Rows"] + sum(node[name] for name in node if name.startswith("Rows Removed"))
        if (loops > ONE_BY_ONE and read > OF_ONE) or loops * read > most:
            where = node.get("Relation Name") or node.get("CTE Name") or ""
            found.append(f"{node['Node Type']} {where}: {read:.0f} rows, {loops} times")
    return found


@contextmanager
def watched() -> Iterator[dict[str, list[str]]]:
    """What is wrong with the plans of the statements of the block, by their first words."""
    found: dict[str, list[str]] = {}

    def look(execute: Callable[..., Any], query: Any, values: Any, many: bool, context: Any) -> Any:
        text = query if isinstance(query, str) else query.as_string(None)
        if READS.match(text) and "set_config" not in text:
            stretch = isinstance(values, dict) and {"first", "last"} <= values.keys()
            wrong = wasteful(explain(query, values), OF_A_STRETCH if stretch else float("inf"))
            if wrong:
                found[" ".join(text.split()[:12])] = wrong  # of the last stretch
        return execute(query, values, many, context)

    with connection.execute_wrapper(look):
        yield found


def _wrong_with_checks() -> dict[str, list[str]]:
    wrong = {}
    for check in checks.registered():
        with watched() as found:
            outcome = check.run()
        assert outcome.rows > COPIES or check.code == "T4", check.code
        assert not outcome.violations, check.code
        wrong |= found
    return wrong


def _reports(now: datetime) -> None:
    for back in (timedelta(0), timedelta(days=40), timedelta(days=400)):
        reports.liability_at(at=now - back, now=now)
        reports.breakage_at(at=now - back, now=now)
    for month in reports.months(now=now)[:4]:
        reports.roll_forward_of(month=month, now=now)
    experiments.experiment_of(code="half", now=now + timedelta(days=1), since=local(2026, 8, 1))


@pytest.mark.whole
def test_nothing_that_reads_many_rows_reads_much_for_each_row(
    books: None, in_acme: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched() as wrong:
        assert sealed.seal(now) > 10 * COPIES
    assert wrong == {}
    monkeypatch.setattr(stretches, "PORTION", PORTION)
    autodiscover_modules("invariants")
    wrong = _wrong_with_checks()
    for told in (TINY, HUGE):
        tell(told)
        with watched() as found:
            _reports(now)
        wrong |= found
    wrong |= _wrong_with_checks()
    assert wrong == {}
