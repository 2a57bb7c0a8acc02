"""Who may do what in the database: an owner for migrations, one role for the platform, one for each brand."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django_tenants.utils import get_public_schema_name
from psycopg import sql

from loyalty.lib.database import connection
from tenants.rolenames import brand_role, platform_role

# Serialises CREATE ROLE across processes: roles belong to the cluster, not to a transaction's snapshot.
_ROLES_LOCK = 7_305_119


@contextmanager
def as_owner() -> Iterator[None]:
    """Statements in the block run as the login user (migrations, provisioning), not as a brand's role."""
    before = connection.as_owner
    connection.as_owner = True
    connection.search_path_set_schemas = None
    try:
        yield
    finally:
        connection.as_owner = before
        connection.search_path_set_schemas = None


@contextmanager
def as_brand() -> Iterator[None]:
    """Statements in the block run with the current brand's role although the owner is logged in."""
    before = connection.as_owner
    connection.as_owner = False
    connection.search_path_set_schemas = None
    try:
        yield
    finally:
        connection.as_owner = before
        connection.search_path_set_schemas = None


def grant_platform() -> None:
    """Give the platform's role its rights on the shared schema. Run after the shared migrations."""
    _grant(platform_role(), get_public_schema_name(), insert_only=())


def grant_brand(schema: str) -> None:
    """Give the brand's role its rights on its own schema. Run after each migration of that schema."""
    _grant(brand_role(schema), schema, insert_only=settings.INSERT_ONLY_TABLES)


def drop_brand_role(schema: str) -> None:
    """Remove a brand's role after its schema is gone."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(brand_role(schema))))


def _grant(role: str, schema: str, *, insert_only: tuple[str, ...]) -> None:
    name, where = sql.Identifier(role), sql.Identifier(schema)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_ROLES_LOCK])
        try:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT").format(name))
            for login in {"CURRENT_USER", settings.DB_APP_LOGIN}:
                to = sql.SQL(login) if login == "CURRENT_USER" else sql.Identifier(login)
                cursor.execute(sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(name, to))
            _grant_schema(cursor, name, where)
            if insert_only:  # a brand, whose bulk postings stand in temporary tables first
                _grant_temporary(cursor, name)
            for table in insert_only:
                cursor.execute("SELECT to_regclass(%s)", [f'"{schema}"."{table}"'])
                if cursor.fetchone()[0] is not None:
                    cursor.execute(
                        sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {}.{} FROM {}").format(
                            where, sql.Identifier(table), name
                        )
                    )
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_ROLES_LOCK])


def _grant_temporary(cursor: object, name: sql.Identifier) -> None:
    database = sql.Identifier(connection.settings_dict["NAME"])
    statement = sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(database, name)
    cursor.execute(statement)  # type: ignore[attr-defined]


def _grant_schema(cursor: object, name: sql.Identifier, where: sql.Identifier) -> None:
    for statement in (
        "GRANT USAGE ON SCHEMA {where} TO {name}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {where} TO {name}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {where} TO {name}",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {where} TO {name}",
    ):
        cursor.execute(sql.SQL(statement).format(where=where, name=name))  # type: ignore[attr-defined]
