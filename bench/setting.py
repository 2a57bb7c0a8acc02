"""The brand that the benchmarks run in, and the reference schema beside it."""

from pathlib import Path
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection

from loyalty.lib import clock, ids
from members.models import Identity, Member
from tenants import schemas
from tenants.context import in_brand
from tenants.models import Brand
from tenants.provisioning import create_brand, migrate_shared
from tenants.roles import as_owner

SLUG = "bench"
MEMBERS = 2000
SQL = Path(__file__).parent / "sql"
REFERENCE = "loyalty_bench_reference"
ACCOUNTS = 100_000


def dsn(database: str | None = None) -> str:
    """Where the server is, as libpq wants it."""
    at = settings.DATABASES["default"]
    name = database or at["NAME"]
    return f"host={at['HOST']} port={at['PORT']} user={at['USER']} password={at['PASSWORD']} dbname={name}"


def member(number: int) -> UUID:
    """The id of the nth member of the benchmark brand."""
    return UUID(int=(0x0190 << 112) | (7 << 76) | (8 << 60) | number)


def prepare() -> None:
    """Make database, brand and members, and the reference's, when they are not there yet."""
    with psycopg.connect(dsn("postgres"), autocommit=True) as server:
        name = settings.DATABASES["default"]["NAME"]
        for database in (name, REFERENCE):
            if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                server.execute(f'CREATE DATABASE "{database}"')
                if database == REFERENCE:
                    fill_reference()
    with as_owner():
        migrate_shared()
        connection.set_schema_to_public()
        connection.set_schema_to_public()
        for brand in schemas.behind():  # that a run with older code left behind
            schemas.migrate(brand)
        if not Brand.objects.filter(slug=SLUG).exists():
            create_brand(slug=SLUG, name="Bench", template="retail", now=clock.now())
    with in_brand(Brand.objects.get(slug=SLUG)):
        if not Member.objects.exists():
            _fill_members()
    connection.set_schema_to_public()


def fill_reference() -> None:
    """Have the reference as `sql/reference.sql` makes it, whatever ran in it before."""
    script = (SQL / "reference.sql").read_text().replace(":n", str(ACCOUNTS))
    with psycopg.connect(dsn(REFERENCE), autocommit=True) as server:
        server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        server.execute(script.encode())
        server.execute("CHECKPOINT")


def _fill_members() -> None:
    now = clock.now()
    Member.objects.bulk_create(
        Member(id=member(n), name=f"Member {n}", enrolled_at=now, referral_code=f"B{n:07d}")
        for n in range(MEMBERS)
    )
    Identity.objects.bulk_create(
        Identity(id=ids.new(), member_id=member(n), provider="external_id", subject=f"B{n}", created_at=now)
        for n in range(MEMBERS)
    )
