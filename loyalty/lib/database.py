"""Django's connection with what the brand-aware backend adds to it, and the way of hot statements."""

import threading
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psycopg
from django.db import connection as _connection
from django.db import connections
from django.db.models import Model

from loyalty.lib import prepared

M = TypeVar("M", bound=Model)

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
# As Django keeps them: a thread has one for as long as it lives, closed and opened again or not.
_kept = threading.local()


def own() -> Any:
    """The thread's connection itself. Django's stand-in looks for it anew at each word, 30 times a call."""
    try:
        return _kept.connection
    except AttributeError:
        _kept.connection = connections["default"]
        return _kept.connection


def one_row(query: str, values: Sequence[Any], ours: Any = None) -> tuple[Any, ...] | None:
    """The only row of a hot statement, or None; jsonb comes as text, as everywhere in Django.

    The query must be one of a few fixed texts: it is kept prepared on each connection, because to parse and
    plan it anew each time costs a tenth of it. `ours` is `own()`, from those who have it.
    """
    ours = ours or own()
    if ours.queries_logged or ours.execute_wrappers:
        # Somebody counts or traces the queries: go the way that they see.
        with ours.cursor() as cursor:
            cursor.execute(query, values)
            found: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
            return found
    if ours.connection is None or not ours.search_path_set_schemas:
        ours.cursor().close()
    ours.validate_no_broken_transaction()
    try:
        return prepared.one_row(ours.connection, query, values)
    except psycopg.Error:
        with ours.wrap_database_errors:
            raise


def by_key(model: type[M], key: Any) -> M | None:
    """The row of this primary key as its model, or None: the ORM's read, compiled once."""
    query, names, converters = _reading(model)
    row = one_row(query, [key])
    if row is None:
        return None
    values = list(row)
    for place, convert, expression in converters:
        values[place] = convert(values[place], expression, connection)
    return model.from_db(connection.alias, names, values)


@cache
def _reading(model: type[Model]) -> tuple[str, list[str], list[tuple[int, Any, Any]]]:
    meta = model._meta
    fields = meta.concrete_fields
    columns = [field.get_col(meta.db_table) for field in fields]
    converters = [
        (place, convert, column)
        for place, column in enumerate(columns)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection))
    ]
    selected = ", ".join(f'"{field.column}"' for field in fields)
    query = f'SELECT {selected} FROM "{meta.db_table}" WHERE "{meta.pk.column}" = %s'  # noqa: S608 - our own names
    return query, [field.attname for field in fields], converters
