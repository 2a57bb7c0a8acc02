"""A month is closed while others write: whoever is under way counts, whoever comes later is refused."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction

from loyalty.analytics.finance.months import Month
from loyalty.analytics.models import MonthClose
from loyalty.analytics.services import closing
from points import errors
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.analytics.support import earn, local
from tests.concurrency.test_ledger_races import at_once
from tests.support import databases
from tests.support.brands import ANNA, BORIS

SEPTEMBER = Month(2026, 9)


@pytest.fixture
def brand(committed_db: None) -> Iterator[Brand]:
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        yield acme


def waiting() -> bool:
    """Whether somebody waits for a lock on the accounts."""
    with databases.superuser(connection.settings_dict["NAME"]) as server:
        found = server.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'acme.points_account'::regclass"
        ).fetchone()
        return found is not None


def test_an_entry_under_way_is_in_the_closed_month_and_a_later_one_is_refused(
    brand: Brand, now: datetime
) -> None:
    begun, may_end = Event(), Event()

    def write() -> None:
        try:
            with in_brand(brand), transaction.atomic():
                earn(ANNA, 40, "under-way", now=local(2026, 9, 30, 23, 59, 59))
                begun.set()
                may_end.wait(30)
        finally:
            connections.close_all()

    def close() -> None:
        try:
            with in_brand(brand):
                closing.lock_month(month=SEPTEMBER, actor="test", now=now)
        finally:
            connections.close_all()

    writer, closer = Thread(target=write), Thread(target=close)
    writer.start()
    assert begun.wait(30)
    closer.start()
    pause = Event()
    for _attempt in range(250):
        if waiting():
            break
        pause.wait(0.01)
    else:
        pytest.fail("the close did not wait for the writer")
    may_end.set()
    writer.join(30)
    closer.join(30)

    kept = json.loads(MonthClose.objects.get().content)
    assert [item["outstanding"]["points"] for item in kept["liability"]["items"]] == [40]
    with pytest.raises(errors.MonthClosed):
        earn(BORIS, 5, "later", now=local(2026, 9, 30, 23, 59, 59))
    assert Entry.objects.count() == 1


def test_closed_by_many_at_once_it_is_closed_once(brand: Brand, now: datetime) -> None:
    earn(ANNA, 40, "o-1", now=now - timedelta(days=60))
    locked = at_once(
        brand, [lambda: closing.lock_month(month=SEPTEMBER, actor="test", now=now) for _ in range(8)]
    )
    assert sorted(answer.created for answer in locked) == [False] * 7 + [True]
    assert len({answer.close.digest for answer in locked}) == 1
    assert MonthClose.objects.count() == 1
