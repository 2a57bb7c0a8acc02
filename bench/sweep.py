"""The expiry sweep against a bare UPDATE of as many lots; the deep ledger is that of `verify`."""

import os
import time

import psycopg
from django.db import connection
from psycopg import sql

from bench import books, setting
from bench.figures import Figure
from points import services as points
from points.models import Account
from tenants.context import in_brand
from tenants.models import Brand

SLUG = "deep"
MEMBERS = int(os.environ.get("BENCH_MEMBERS", "100_000"))
LOTS = 50
ROUNDS = 10
"""How many lots of each member end at the same instant."""
ACCOUNTS_AT_ONCE = 500


def sweep() -> list[Figure]:
    """Lots expired per second by `points.expire_due`, beside an UPDATE of the next 1/5 that is undone."""
    brand = books.open_brand(SLUG, members=MEMBERS, lots=LOTS, rounds=ROUNDS)
    with in_brand(brand):
        first = Account.objects.order_by("next_due_at").values_list("next_due_at", flat=True).first()
        last = Account.objects.order_by("-next_due_at").values_list("next_due_at", flat=True).first()
        if first is None or first != last:  # swept to the end, or cut off in the middle by an earlier run
            books.open_brand(SLUG, members=MEMBERS, lots=LOTS, rounds=ROUNDS, anew=True)
            connection.set_tenant(brand)
            first = Account.objects.values_list("next_due_at", flat=True).first()
        assert first is not None
        due = MEMBERS * ROUNDS
        print(
            f"sweep: {due:,} due of {MEMBERS * LOTS:,} lots over {MEMBERS:,} members, {ROUNDS} of a member"
            f" at one instant; {ACCOUNTS_AT_ONCE} accounts a transaction",
            flush=True,
        )
        began = time.perf_counter()
        settled = 0
        while done := points.expire_due(now=first, limit=ACCOUNTS_AT_ONCE):
            settled += done
            if settled % (20 * ACCOUNTS_AT_ONCE) == 0:
                print(f"  {settled:,} accounts, {time.perf_counter() - began:.1f} s", flush=True)
        took = time.perf_counter() - began
    connection.set_schema_to_public()
    lots, floor = _bare_update(brand)
    return [Figure("expiry sweep (lots per s)", due / took, lots / floor, 0.17, 0.30)]


def _bare_update(brand: Brand) -> tuple[int, float]:
    """How many lots end next, and the seconds in which a bare UPDATE closes them; it is undone."""
    with psycopg.connect(setting.dsn()) as server:
        server.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(brand.schema_name)))
        server.execute("SET enable_indexscan = off")
        began = time.perf_counter()
        done = server.execute(
            "UPDATE points_lot SET remaining = 0, state = 'closed' WHERE state <> 'closed' AND expires_at <="
            " (SELECT min(next_due_at) FROM points_account)"
        )
        took = time.perf_counter() - began
        server.rollback()
    return done.rowcount, took
