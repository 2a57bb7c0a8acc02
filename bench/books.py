"""A brand with a filled ledger: sound books that `verify_ledger` finds green, written as fast as rows go in.

Each member has the same number of lots, one for each accrual. Lots are filled round by round, as they come
in over the months; the lots of one round end together. Triggers and foreign keys stand aside meanwhile.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from bench import setting
from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tenants.provisioning import create_brand
from tenants.roles import as_owner

Server = psycopg.Connection[tuple[Any, ...]]
POINTS = 100
"""What each lot holds."""

_MEMBERS = """
INSERT INTO members_member(
  id, status, name, region, tags, children, consents, source, locale, referral_code, enrolled_at, updated_at)
SELECT setting_id(7, n), 'active', 'Member ' || n, '', '[]', '[]', '[]', '', '', 'B' || n,
  now() - interval '3 years', now()
FROM generate_series(0, %(members)s - 1) n
"""
_ACCOUNTS = """
INSERT INTO points_account(
  id, member_id, currency, available, pending, held, debt, lifetime_accrued, last_seq, last_activity_at,
  next_due_at, opened_at, updated_at)
SELECT setting_id(8, n), setting_id(7, n), 'points', %(points)s * %(lots)s, 0, 0, 0, %(points)s * %(lots)s,
  %(lots)s, date_trunc('day', now()), round_ends(1), now() - interval '3 years', now()
FROM generate_series(0, %(members)s - 1) n
"""
_ENTRIES = """
INSERT INTO points_entry(
  id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
  effective_at, recorded_at, balance_after)
SELECT setting_id(16 + %(round)s, n), setting_id(16 + %(round)s, n), setting_id(8, n), %(round)s,
  'issuance', 1, %(points)s, 'accrual', 'fill',
  'fill-' || lpad(%(round)s::text, 4, '0') || '-' || lpad(n::text, 9, '0'), 'base', at, at,
  %(points)s * %(round)s
FROM generate_series(0, %(members)s - 1) n,
  (SELECT date_trunc('day', now()) - make_interval(days => %(lots)s - %(round)s) AS at) day
"""
_LOTS = """
INSERT INTO points_lot(
  id, account_id, entry_id, points, remaining, state, earned_at, expires_at, original_expires_at)
SELECT setting_id(16 + %(round)s, n), setting_id(8, n), setting_id(16 + %(round)s, n), %(points)s, %(points)s,
  'open', date_trunc('day', now()) - make_interval(days => %(lots)s - %(round)s), round_ends(%(round)s),
  round_ends(%(round)s)
FROM generate_series(0, %(members)s - 1) n
"""
# All but the primary keys, which grow at one end.
_INDEXES = """
SELECT CASE WHEN held.oid IS NULL THEN format('DROP INDEX %%I', index.relname)
    ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', held.conrelid::regclass, held.conname) END,
  CASE WHEN held.oid IS NULL THEN pg_get_indexdef(index.oid)
    ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', held.conrelid::regclass, held.conname,
      pg_get_constraintdef(held.oid)) END
FROM pg_index i
JOIN pg_class index ON index.oid = i.indexrelid
JOIN pg_class filled ON filled.oid = i.indrelid AND filled.relname IN ('points_entry', 'points_lot')
JOIN pg_namespace n ON n.oid = filled.relnamespace AND n.nspname = %s
LEFT JOIN pg_constraint held ON held.conindid = index.oid AND held.contype = 'u'
WHERE NOT i.indisprimary
"""
# Time-ordered ids: what comes before the number says whose they are and in which round they were written.
_WORDS = """
CREATE FUNCTION pg_temp.setting_id(kind integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN ('0190' || lpad(to_hex(kind), 4, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;
CREATE FUNCTION pg_temp.round_ends(round integer) RETURNS timestamptz LANGUAGE sql STABLE
RETURN date_trunc('day', now()) + make_interval(months => 1 + (round - 1) / {rounds});
"""


def member(number: int) -> str:
    """The id of the nth member of a filled brand."""
    return f"01900007-0000-7000-8000-{number:012x}"


def open_brand(slug: str, *, members: int, lots: int, rounds: int = 1, anew: bool = False) -> Brand:
    """The brand with `members` × `lots` lots; made and filled unless it is there with just these.

    `rounds` lots of each member end at the same instant: the first `rounds` in a month, the next ones in
    two, and so on. `anew` throws away what an earlier run left.
    """
    with as_owner():
        connection.set_schema_to_public()
        brand = Brand.objects.filter(slug=slug).first()
        if brand is None:
            brand = create_brand(slug=slug, name=slug, template="blank", now=clock.now()).brand
    with in_brand(brand):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM members_member")
            known = cursor.fetchone()[0]
        if known != members or anew:
            fill(brand.schema_name, members=members, lots=lots, rounds=rounds)
    connection.set_schema_to_public()
    return brand


def fill(schema: str, *, members: int, lots: int, rounds: int) -> None:
    """Empty the brand's ledger and fill it with `members` × `lots` lots: all of it, or nothing if cut off."""
    values = {"members": members, "lots": lots, "points": POINTS}
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        with server.transaction():
            _fill(server, schema, values, rounds)
        server.execute("VACUUM (ANALYZE)")
        server.execute("CHECKPOINT")


def _fill(server: Server, schema: str, values: dict[str, int], rounds: int) -> None:
    began = time.monotonic()
    server.execute("SET LOCAL session_replication_role = replica")
    server.execute("SET LOCAL maintenance_work_mem = '256MB'")
    server.execute(sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema)))
    server.execute(_WORDS.format(rounds=rounds).encode())
    server.execute(
        "TRUNCATE points_entry, points_lot, points_consumption, points_account, points_hold,"
        " points_holdlot, points_logleaf, points_lognode, points_checkpoint, points_logposition,"
        " outbox_event, members_member CASCADE"
    )
    # Indexes are made afterwards: to keep them up to date row by row takes several times as long.
    again = []
    for drop, create in server.execute(_INDEXES, [schema]).fetchall():
        server.execute(drop.encode())
        again.append(create)
    for statement in (_MEMBERS, _ACCOUNTS):
        server.execute(_named(statement), values)
    for number in range(1, values["lots"] + 1):
        server.execute(_named(_ENTRIES), {**values, "round": number})
        server.execute(_named(_LOTS), {**values, "round": number})
        if number % 10 == 0:
            rows = number * values["members"]
            print(f"  {schema}: {rows:,} lots filled in, {time.monotonic() - began:.0f} s", flush=True)
    for create in again:
        server.execute(create.encode())
    print(f"  {schema}: filled and indexed, {time.monotonic() - began:.0f} s", flush=True)


def _named(statement: str) -> bytes:
    return (
        statement.replace("setting_id(", "pg_temp.setting_id(")
        .replace("round_ends(", "pg_temp.round_ends(")
        .encode()
    )
