"""A simulation over recorded orders: orders per second of one core, beside merely reading them."""

import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from psycopg import sql

from bench import books, engine, setting
from bench.figures import Figure
from campaigns.engine import UsedCounters
from campaigns.models import Rule
from campaigns.services import rules as rule_services
from campaigns.services import simulation, tierprogram
from campaigns.services.simulation import reading
from loyalty.analytics.finance import costs
from loyalty.analytics.simulations import Prices
from loyalty.lib import clock
from points.services import tiers
from tenants.context import in_brand
from tenants.models import Brand

SLUG = "simulate"
MEMBERS = 20_000
ORDERS = int(os.environ.get("BENCH_ORDERS", "100_000"))
SHAPES = 200
"""So many different orders, again and again."""
SPREAD = timedelta(minutes=5)
"""Between one round of shapes and the next: they are recorded later, bought when they were."""
_COLUMNS = (
    "id", "order_id", "member_id", "status", "ordered_at", "channel", "store_id", "region", "currency",
    "amount", "attributes", "payments", "content_hash", "revision", "evaluation", "recorded_at",
)  # fmt: skip
_LINE_COLUMNS = (
    "id", "purchase_id", "line_id", "position", "sku", "name", "category", "brand", "product_line", "tags",
    "quantity", "returned", "unit_price", "discount",
)  # fmt: skip
_CONFIG: dict[str, Any] = {
    "qualify_by": "points",
    "period": {"type": "rolling_months", "months": 12},
    "downgrade": "never",
    "grace_days": 0,
    "on_return": "at_once",
    "levels": [
        {"code": code, "name": {"en": code}, "threshold": str(n * 1000), "multiplier": "1"}
        for n, code in enumerate(engine.TIERS)
    ],
}


def measure() -> list[Figure]:
    """A draft of one of 20 rules over all recorded orders of 5 lines, and the reading alone."""
    brand = books.open_brand(SLUG, members=MEMBERS, lots=1)
    print(f"simulate: {ORDERS:,} orders of 5 lines and {MEMBERS:,} members, 20 rules and a draft", flush=True)
    with in_brand(brand):
        _prepare(brand)
        start, end = engine.AT - timedelta(days=1), engine.AT + timedelta(days=30)
        until = end + timedelta(days=3650)
        draft = engine.RULES[7] | {"effect": {"type": "multiplier", "factor": "2"}}
        scenario = simulation.Scenario((draft,), (), start, end)
        began, worked = time.perf_counter(), time.process_time()
        told = simulation.run(
            scenario, priced=Prices(costs.load()), until=until, note=lambda _done, _counts: None
        )
        took, worked = time.perf_counter() - began, time.process_time() - worked
        assert told["orders"]["judged"] == ORDERS, told["orders"]
        assert told["orders"]["points_given_then"] == told["totals"]["today"]["points"]
        began = time.perf_counter()
        read = sum(len(portion) for portion in reading.portions(start, end, until))
        alone = time.perf_counter() - began
    connection.set_schema_to_public()
    note = f"{took:.0f} s, {worked:.0f} s of them Python; two judgements an order"
    return [Figure("simulation (orders per s), beside reading them", ORDERS / took, read / alone, note=note)]


def _prepare(brand: Brand) -> None:
    now = clock.now()
    if tiers.program() is None:
        tierprogram.put_in_force(config=_CONFIG, actor="bench", now=now)
    if Rule.objects.count() < len(engine.RULES):
        rule_services.install(bodies=engine.RULES, actor="bench", now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM members_purchase")
        if cursor.fetchone()[0] != ORDERS:
            _fill(brand.schema_name)


def _fill(schema: str) -> None:
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        server.execute("SET session_replication_role = replica")
        server.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        server.execute("TRUNCATE members_purchase, members_purchaseline CASCADE")
        shapes = list(_shapes())
        _copy(server, "members_purchase", _COLUMNS, _orders(shapes))
        _copy(server, "members_purchaseline", _LINE_COLUMNS, _lines(shapes))
        server.execute("VACUUM (ANALYZE)")


def _copy(server: Any, table: str, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    )
    with server.cursor().copy(into) as copy:
        for row in rows:
            copy.write_row(row)


def _shapes() -> Iterator[tuple[Any, str]]:
    """Orders, and what recording them leaves behind."""
    rules = engine.ruleset()
    for event, member in engine.cases(SHAPES):
        found = rules.evaluate(event, member, counters=UsedCounters())
        yield event.order, json.dumps({"order.paid": found.to_record()})


def _orders(shapes: list[tuple[Any, str]]) -> Iterator[tuple[Any, ...]]:
    for number in range(ORDERS):
        order, evaluation = shapes[number % SHAPES]
        at = order.ordered_at + SPREAD * (number // SHAPES) / 10
        amount = sum(line.quantity * line.unit_price - line.discount for line in order.lines)
        yield (
            _id(1, number), f"O{number}", books.member(number * 7919 % MEMBERS), "recorded",
            order.ordered_at, order.channel, order.store_id, order.region, "CNY", round(amount, 2), "{}",
            "[]", f"{number:064d}", 1, evaluation, at,
        )  # fmt: skip


def _lines(shapes: list[tuple[Any, str]]) -> Iterator[tuple[Any, ...]]:
    for number in range(ORDERS):
        for position, line in enumerate(shapes[number % SHAPES][0].lines, 1):
            yield (
                _id(2, number * 5 + position), _id(1, number), line.line_id, position, line.sku, "",
                line.category, line.brand, "", json.dumps(sorted(line.tags)), line.quantity, 0,
                line.unit_price, line.discount,
            )  # fmt: skip


def _id(kind: int, number: int) -> UUID:
    return UUID(int=(0x0190_0000 + kind << 96) | (7 << 76) | (8 << 60) | number)
