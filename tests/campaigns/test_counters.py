"""Cap counters: read in one query, added to in one statement, totals never exceeded."""

import threading
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from campaigns.engine import CounterKey
from campaigns.models import CapCounter, CapTotal
from campaigns.services import counters
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.brands import ANNA, BORIS


def key(period: str, member: UUID = ANNA, kind: str = "points", rule: str = "r") -> CounterKey:
    return CounterKey(rule, str(member), kind, period)


@pytest.mark.django_db
def test_what_is_added_is_read_back(in_acme: Brand, django_assert_num_queries: Any) -> None:
    assert CapCounter.objects.count() == 0
    counts = {key("day:2026-11-22"): 30, key("lifetime"): 30, key("lifetime", kind="times"): 1}
    with django_assert_num_queries(1):
        counters.add(counts)
    counters.add({key("lifetime"): 12, key("lifetime", BORIS): 5})
    with django_assert_num_queries(1):
        read = counters.read([*counts, key("lifetime", BORIS), key("month:2026-11")])
    assert read == {**counts, key("lifetime"): 42, key("lifetime", BORIS): 5}


@pytest.mark.django_db
def test_nothing_costs_nothing(in_acme: Brand, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        counters.add({})
        counters.add({key("lifetime"): 0})
        assert counters.read([]) == {}
    assert CapCounter.objects.count() == 0


@pytest.mark.django_db
def test_a_total_gives_what_is_left(in_acme: Brand) -> None:
    taking = counters.StoredCounters([])
    assert [taking.take_total("r", 400, 1000) for _ in range(4)] == [400, 400, 200, 0]
    assert CapTotal.objects.get(rule="r").used == 1000


@pytest.mark.django_db
def test_a_preview_takes_nothing(in_acme: Brand) -> None:
    reading = counters.ReadCounters([])
    assert [reading.take_total("r", 400, 1000) for _ in range(4)] == [400] * 4
    assert CapTotal.objects.count() == 0
    counters.StoredCounters([]).take_total("r", 900, 1000)
    assert reading.take_total("r", 400, 1000) == 100


def test_parallel_takers_never_exceed_a_total(committed_db: None) -> None:
    acme = Brand.objects.get(slug="acme")
    granted: list[int] = []
    start = threading.Barrier(8)

    def take() -> None:
        try:
            with in_brand(acme):
                start.wait()
                for _ in range(5):
                    with transaction.atomic():
                        points = counters.StoredCounters([]).take_total("r", 7, 100)
                    granted.append(points)
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(granted, reverse=True) == [7] * 14 + [2] + [0] * 25
    with in_brand(acme):
        assert CapTotal.objects.get(rule="r").used == 100
