"""A brand's schema is the same whether Django built its states anew or went by those of the run before."""

from datetime import datetime

import pytest
from django.db import connection

from tenants import migrationstates
from tenants.models import Brand
from tenants.provisioning import create_brand
from tenants.roles import as_owner

pytestmark = pytest.mark.django_db
CATALOGUE = """
SELECT 'column', c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
  || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'v')
  AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = %(schema)s
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = %(schema)s::regnamespace AND NOT tgisinternal
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc
WHERE pronamespace = %(schema)s::regnamespace AND prokind = 'f'
"""


def catalogue(schema: str) -> set[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(CATALOGUE, {"schema": schema})
        return {(kind, *(text.replace(schema, "own") for text in rest)) for kind, *rest in cursor.fetchall()}


@pytest.mark.whole
def test_it_is_the_same(acme: Brand, now: datetime) -> None:
    assert not migrationstates.RememberingExecutor.states  # acme's are given back
    with as_owner():
        create_brand(slug="plainly", name="Plainly", now=now)
        plain, remembered = catalogue("plainly"), catalogue("acme")
    assert len(plain) > 1_000
    assert plain == remembered
