"""Two brands, a frozen clock, no outside network, and a database of its own for every worker."""

import functools
import gc
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections
from psycopg import sql

from loyalty.lib import clock
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.support import brands, databases, untouched
from tests.support.client import Api

# A run is over before much garbage gathers, and each look through all of Django costs time.
gc.set_threshold(50_000, 20, 100)
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # Sunday, 10:00 in Shanghai


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked `sampled(n)`, each n-th of its cases is for every run; the others are marked whole."""
    seen: Counter[str] = Counter()
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is not None:
            test = item.nodeid.partition("[")[0]
            if seen[test] % sampled.args[0]:
                item.add_marker(pytest.mark.whole)
            seen[test] += 1


def pytest_collection_finish() -> None:
    """What was imported and collected stays: it need not be looked through for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, request: pytest.FixtureRequest
) -> Iterator[None]:
    """Replaces pytest-django's: a copy of the migrated template with both brands in it."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    with django_db_blocker.unblock():
        before = connection.settings_dict["NAME"]
        databases.use(databases.copy_for(worker))
    yield
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
        databases.use(before)
        with databases.superuser() as server:
            databases._drop(server, name)


@pytest.fixture(autouse=True)
def _clean_slate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No socket leaves this machine; nothing remembered from the test before; the clock stands still."""
    real = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(
            ("127.", "::1", "localhost")
        ):
            raise AssertionError(f"a test tried to reach {address}")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    hosts.forget()
    connection.set_schema_to_public()
    with clock.frozen(NOW):
        yield
    connection.set_schema_to_public()


@pytest.fixture
def now() -> datetime:
    """The instant at which the clock of every test stands unless it moves it."""
    return NOW


@pytest.fixture
def acme(db: None) -> Brand:
    """The brand most tests are about."""
    return Brand.objects.get(slug="acme")


@pytest.fixture
def globex(db: None) -> Brand:
    """The other brand, with the same primary keys."""
    return Brand.objects.get(slug="globex")


@pytest.fixture
def in_acme(acme: Brand) -> Iterator[Brand]:
    """Services and queries of the test run for acme."""
    with in_brand(acme):
        yield acme


@pytest.fixture
def api(acme: Brand) -> Api:
    """A partner of acme whose key may do everything."""
    return Api("acme.localhost", brands.key("acme"))


@pytest.fixture
def reader(acme: Brand) -> Api:
    """A partner of acme whose key may only read."""
    return Api("acme.localhost", brands.read_key("acme"))


@pytest.fixture
def foreign(acme: Brand, globex: Brand) -> Api:
    """A partner of globex who calls globex."""
    return Api("globex.localhost", brands.key("globex"))


@pytest.fixture
def intruder(acme: Brand, globex: Brand) -> Api:
    """A partner of globex who calls acme."""
    return Api("acme.localhost", brands.key("globex"))


@pytest.fixture
def row_counts() -> Callable[[], dict[str, int]]:
    """How many rows each table of every brand has, for "nothing was written"."""
    return _row_counts


@functools.cache
def _tables_of(slug: str) -> list[str]:
    # Called with the brand's schema current.
    with connection.cursor() as cursor:
        return sorted(connection.introspection.table_names(cursor))


def _row_counts() -> dict[str, int]:
    counts = {}
    current = connection.tenant
    connection.set_schema_to_public()
    both = list(Brand.objects.filter(slug__in=brands.SLUGS))
    connection.set_tenant(current)
    for brand in both:
        slug = brand.slug
        with in_brand(brand), connection.cursor() as cursor:
            tables = _tables_of(slug)
            one = sql.SQL("SELECT {}, count(*) FROM {}")
            cursor.execute(
                sql.SQL(" UNION ALL ").join(
                    one.format(table, sql.Identifier(slug, table)) for table in tables
                )
            )
            counts |= {f"{slug}.{table}": count for table, count in cursor.fetchall()}
    return counts


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """For threads and processes: real commits, removed as superuser (the ledger refuses otherwise)."""
    with django_db_blocker.unblock():
        cache.clear()
        untouched.remember(connection.settings_dict["NAME"])
        yield
        connection.set_schema_to_public()
        connections.close_all()
        untouched.restore(connection.settings_dict["NAME"])
        cache.clear()
