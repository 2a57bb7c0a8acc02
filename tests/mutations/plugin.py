"""A pytest plugin: the database under test lacks the guard that the environment names."""

from __future__ import annotations

import os
from typing import Any

import pytest
from psycopg import sql

from tests.mutations.catalogue import MUTATIONS
from tests.mutations.ways import NotThere, Source

NOT_THERE = 90
"""The exit code where the mutation could not be applied."""


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: Any) -> None:
    """Every database that a run copies from the template is changed at once."""
    from tests.support import brands, databases  # noqa: PLC0415 - Django stands only now

    mutation = MUTATIONS[int(os.environ["LOYALTY_MUTATION"])]
    plain = databases.copy_for

    def changed(worker: str) -> str:
        name = plain(f"mutation_{os.getpid()}")
        with databases.superuser(name) as server:
            # A guard may be what keeps two from waiting for each other: then nobody waits for ever.
            server.execute(sql.SQL("ALTER DATABASE {} SET lock_timeout = '10s'").format(sql.Identifier(name)))
            if not isinstance(mutation.way, Source):
                for schema in brands.SLUGS:
                    mutation.way(server, schema)
        return name

    def told(worker: str) -> str:
        try:
            return changed(worker)
        except NotThere as trouble:
            os.write(1, f"could not be applied, the code has moved on: {trouble}\n".encode())
            os._exit(NOT_THERE)

    databases.copy_for = told
