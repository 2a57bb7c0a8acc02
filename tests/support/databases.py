"""A migrated template database, made once per state of the code, and a copy of it for every worker."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent.parent
# What the template's content follows from.
SOURCES = (
    "*/migrations/*.py",
    "*/*/migrations/*.py",
    "*/sql/*.sql",
    "tenants/*.py",
    "*/templates.py",
    "loyalty/console/roles.py",
    "loyalty/settings.py",
    "tests/support/*.py",
    "campaigns/schema.py",
    "points/services/*.py",
    "campaigns/services/rules.py",
)
FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)


def digest() -> str:
    """Twelve digits that change with anything the template is made from."""
    found = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            found.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return found.hexdigest()[:12]


def base_name() -> str:
    """The prefix of all databases of this test run."""
    return f"test_{settings.DATABASES['default']['NAME'].removeprefix('test_')}"


def superuser(database: str = "postgres") -> psycopg.Connection:
    """A connection of the database's owner, beside Django's."""
    at = settings.DATABASES["default"]
    return psycopg.connect(
        host=at["HOST"] or None,
        port=at["PORT"] or None,
        user=at["USER"] or None,
        password=at["PASSWORD"] or None,
        dbname=database,
        autocommit=True,
    )


@contextmanager
def lock(name: str) -> Iterator[None]:
    """One process at a time, across the workers of a run and across runs."""
    path = Path(tempfile.gettempdir()) / f"loyalty-tests-{os.getuid()}-{name}.lock"
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def use(database: str) -> None:
    """Point Django's connection at another database."""
    connection.close()
    if connection.pool is not None:
        connection.close_pool()
    settings.DATABASES["default"]["NAME"] = database
    connection.settings_dict["NAME"] = database


def copy_for(worker: str) -> str:
    """The name of a fresh copy of the template for `worker`."""
    from tests.support.brands import build  # noqa: PLC0415 - models need Django set up

    base = base_name()
    template, name = f"{base}_tpl_{digest()}", f"{base}_{worker}"
    settings.DB_ROLE_PREFIX = base
    with lock(base), superuser() as server:
        if not _exists(server, template):
            for (old,) in server.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{base}\\_tpl\\_%"]
            ).fetchall():
                _drop(server, old)
            making = f"{base}_tpl_making"
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
            use(making)
            build()
            use(name)
            server.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(making), sql.Identifier(template)
                )
            )
        _drop(server, name)
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return name


def _exists(server: psycopg.Connection, name: str) -> bool:
    return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _drop(server: psycopg.Connection, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
