"""Django's connection with what the brand-aware backend adds to it, and the way of hot statements."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import psycopg
from django.db import connection as _connection

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    class BrandConnection(BaseDatabaseWrapper):
        """What `tenants.backend` and django-tenants add."""

        tenant: Any
        schema_name: str
        as_owner: bool
        search_path_set_schemas: list[str] | None

        def set_tenant(self, tenant: Any) -> None: ...
        def set_schema_to_public(self) -> None: ...


connection: "BrandConnection" = cast("BrandConnection", _connection)


def one_row(query: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The only row of a hot statement, or None; jsonb comes as text, as everywhere in Django.

    The query must be one of a few fixed texts: it is kept prepared on each connection, because to parse and
    plan it anew each time costs a tenth of it.
    """
    if connection.queries_logged or connection.execute_wrappers:
        # Somebody counts or traces the queries: go the way that they see.
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            found: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
            return found
    if connection.connection is None or not connection.search_path_set_schemas:
        connection.cursor().close()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as own:
        own.execute(query, values, prepare=True)
        row: tuple[Any, ...] | None = own.fetchone() if own.description else None
        return row
