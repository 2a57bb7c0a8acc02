"""What the database itself can be asked about the rules of scale.md and ledger.md."""

import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from tenants.models import Brand

pytestmark = pytest.mark.django_db
# Django's own tables whose key is text by design.
FOREIGN_KEYS_OF_DJANGO = {"django_session"}


def rows(query: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def test_every_table_has_a_bigint_or_uuid_primary_key(acme: Brand) -> None:
    keys = dict(
        rows(
            """SELECT c.relname, string_agg(t.typname, ',') FROM pg_class c
               JOIN pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
               LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
               LEFT JOIN pg_type t ON t.oid = a.atttypid
               WHERE n.nspname = 'acme' AND c.relkind IN ('r', 'p') GROUP BY 1"""
        )
    )
    ours = {t: k for t, k in keys.items() if not t.startswith(("auth_", "django_", "axes_", "operators_"))}
    assert len(ours) > 15
    assert {t: k for t, k in ours.items() if k not in ("int8", "uuid")} == {}


def test_foreign_keys_stay_inside_the_schema(acme: Brand) -> None:
    assert (
        rows(
            """SELECT c.conname FROM pg_constraint c
               JOIN pg_class a ON a.oid = c.conrelid JOIN pg_class b ON b.oid = c.confrelid
               WHERE c.contype = 'f' AND a.relnamespace <> b.relnamespace"""
        )
        == []
    )


def unqualified(definition: str) -> list[str]:
    """The tables and functions of ours that a body names without their schema (JSON keys stand in quotes)."""
    return re.findall(r"""(?<![.\w"'])(?:points|outbox|members)_\w+""", definition)


# A body parsed when the function was made (RETURN …) is bound to its tables and needs no path.
def test_functions_carry_their_own_schema_and_no_other(acme: Brand) -> None:
    functions = rows(
        """SELECT n.nspname, p.proname, array_to_string(p.proconfig, ' '), pg_get_functiondef(p.oid)
           FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE n.nspname IN ('acme', 'globex') AND p.prokind = 'f' AND p.prosqlbody IS NULL"""
    )
    assert functions
    for schema, name, config, definition in functions:
        other = {"acme": "globex", "globex": "acme"}[schema]
        own_path = f"search_path={schema}" in (config or "").replace('"', "").replace(" ", "")
        assert own_path or (f"{schema}.points_" in definition and not unqualified(definition)), name
        assert other not in definition, name


def test_both_brands_have_the_same_tables_and_they_are_the_models(acme: Brand) -> None:
    found = {
        schema: {r[0] for r in rows("SELECT tablename FROM pg_tables WHERE schemaname = %s", schema)}
        for schema in ("acme", "globex")
    }
    assert found["acme"] == found["globex"]
    labels = {apps.get_app_config(n.rsplit(".", 1)[-1]).label for n in settings.TENANT_APPS}
    models = {
        m._meta.db_table for m in apps.get_models(include_auto_created=True) if m._meta.app_label in labels
    }
    assert found["acme"] - {"django_migrations"} == models


def test_no_index_of_ours_begins_another_one(acme: Brand) -> None:
    """It would cost every writer and help no reader; those of tables with some rows in all are let be."""
    some_rows = r"^(auth_|axes_|django_|operators_|campaigns_(rule|message|wakeup)\w+_id_|.*_(failed|like)$)"
    found = rows(
        """SELECT short.relname FROM pg_index s JOIN pg_class short ON short.oid = s.indexrelid
           JOIN pg_index l ON l.indrelid = s.indrelid AND l.indexrelid <> s.indexrelid
             AND l.indpred IS NULL AND s.indexprs IS NULL AND l.indnatts > s.indnatts
             AND l.indclass::oid[] @> s.indclass::oid[]
             AND (l.indkey::smallint[])[0:s.indnatts - 1] = s.indkey::smallint[]
           WHERE short.relnamespace = 'acme'::regnamespace AND NOT s.indisunique AND short.relname !~ %s""",
        some_rows,
    )
    assert found == []
    # Django's own beside each unique text, for LIKE, which nobody asks of what is written all the time.
    hot = r"^(points|outbox_event|members|partners)_.*_like$"
    assert rows("SELECT indexname FROM pg_indexes WHERE schemaname = 'acme' AND indexname ~ %s", hot) == []


def test_the_ledger_is_insert_only_for_the_brand(acme: Brand) -> None:
    role, rights = f"{settings.DB_ROLE_PREFIX}_b_acme", ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    for table in settings.INSERT_ONLY_TABLES:
        granted = {
            right
            for right in rights
            for (has,) in rows(
                "SELECT has_table_privilege(%s, c.oid, %s) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'acme' AND c.relname = %s",
                role,
                right,
                table,
            )
            if has
        }
        assert granted == {"SELECT", "INSERT"}, table


def test_a_brands_role_has_no_right_in_another_schema(acme: Brand) -> None:
    grants = rows(
        """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname IN ('globex', 'public') AND c.relkind = 'r'
           AND has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE')""",
        f"{settings.DB_ROLE_PREFIX}_b_acme",
    )
    assert grants == []
