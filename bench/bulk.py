"""Bulk accrual against COPY of the same entries into a table with the same columns and indexes."""

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

import psycopg
from django.db import connection
from psycopg import sql

from bench import books, setting
from bench.figures import Figure
from loyalty.lib import clock, ids
from points import services as points
from points.postings import Posting
from points.services.bulk import Journal
from tenants.context import in_brand
from tenants.models import Brand

SLUG = "bulk"
MEMBERS = 100_000
ENTRIES = int(os.environ.get("BENCH_ENTRIES", "1_000_000"))
JOURNALS = 25_000
"""In one call, that is in one transaction."""
COPIES = 3
"""Of which the median is the floor: a COPY is over quickly, and a neighbour in it would tell."""


def measure() -> list[Figure]:
    """Entries per second of `points.post_bulk`: two entries, two lots and an event for each order."""
    brand = books.open_brand(SLUG, members=MEMBERS, lots=3, anew=True)
    now = clock.now()
    print(
        f"bulk: {ENTRIES:,} entries (2 of each order, a lot each) of {MEMBERS:,} members into a ledger of"
        f" {3 * MEMBERS:,}; {JOURNALS:,} orders a transaction",
        flush=True,
    )
    took, done = 0.0, 0
    with in_brand(brand):
        for journals in _orders(now):
            began = time.perf_counter()
            result = points.post_bulk(journals=journals, now=now)
            took += time.perf_counter() - began
            assert result.posted == len(journals), result.refused
            done += 2 * len(journals)
            print(f"  {done:,} entries, {took:.1f} s", flush=True)
    connection.set_schema_to_public()
    floor = median(_copy_s(brand) for _number in range(COPIES))
    return [
        Figure(
            "bulk accrual, 2 entries an order (entries per s)", ENTRIES / took, ENTRIES / floor, 0.20, 0.45
        )
    ]


def _orders(now: datetime) -> Iterator[list[Journal]]:
    """The batches, members in no order, as a day's orders come in."""
    until = now + timedelta(days=365)
    for start in range(0, ENTRIES // 2, JOURNALS):
        batch = []
        for number in range(start, min(start + JOURNALS, ENTRIES // 2)):
            reference = f"order-{number:09d}"
            batch.append(
                Journal(
                    UUID(books.member(number * 7919 % MEMBERS)),
                    ids.new(),
                    [
                        Posting("accrual", 40, 1, "issuance", "order", reference, rule, 1, expires_at=until)
                        for rule in ("base", "bonus")
                    ],
                    {"source": "order", "reference": reference},
                )
            )
        yield batch


def _copy_s(brand: Brand) -> float:
    """Seconds to COPY the entries just written into a like table that holds what the ledger held before."""
    schema = sql.Identifier(brand.schema_name)
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        server.execute(sql.SQL("SET search_path = {}").format(schema))
        server.execute("CREATE TABLE copied (LIKE points_entry INCLUDING ALL)")
        try:
            server.execute("INSERT INTO copied SELECT * FROM points_entry WHERE seq <= 3")
            server.execute("CHECKPOINT")
            with server.cursor().copy(
                "COPY (SELECT * FROM points_entry WHERE seq > 3 ORDER BY id) TO STDOUT"
            ) as read:
                pieces = [bytes(piece) for piece in read]
            data = [b"".join(pieces[at : at + 5000]) for at in range(0, len(pieces), 5000)]
            began = time.perf_counter()
            with server.cursor().copy("COPY copied FROM STDIN") as write:
                for piece in data:
                    write.write(piece)
            return time.perf_counter() - began
        finally:
            server.execute("DROP TABLE copied")
