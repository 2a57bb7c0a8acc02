"""What the kill drill looks for in the database: every answered order once, with the points of its answer."""

import time
from collections import Counter
from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import sql

SETTLED_WITHIN_S = 30.0
SHOWN = 5


def audit(
    dsn: str,
    schema: str,
    answers: Mapping[str, Mapping[str, Any]],
    burns: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    poor: Set[str] = frozenset(),
) -> list[str]:
    """Everything that does not fit, in words; empty when the books agree with the answers.

    `answers` are the bodies of acknowledged orders by order id, `burns` those of burns by reference, `poor`
    the references that were refused; `dsn` is the owner's login.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        return [
            *_orders(connection, answers),
            *_points(connection, answers),
            *_burns(connection, burns, poor),
            *_balances(connection),
            *_events(connection, answers),
        ]


def _orders(connection: psycopg.Connection, answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each acknowledged order is there once; an order nobody sent is not."""
    stored = Counter(row[0] for row in connection.execute("SELECT order_id FROM members_purchase").fetchall())
    return [
        *_told("acknowledged, but not stored", set(answers) - set(stored)),
        *_told("stored, but never answered", set(stored) - set(answers)),
        *_told("stored twice", {order for order, count in stored.items() if count > 1}),
    ]


def _points(connection: psycopg.Connection, answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The ledger has, for each order, exactly the entries and points of its answer."""
    rows = connection.execute(
        "SELECT reference, sum(direction * points)::bigint, count(*) FROM points_entry"
        " WHERE source = 'order' AND kind = 'accrual' GROUP BY reference"
    ).fetchall()
    booked = {reference: (int(points), int(count)) for reference, points, count in rows}
    promised = {
        order: (int(body["points"]["accrued"]) + int(body["points"]["pending"]), len(body["entries"]))
        for order, body in answers.items()
    }
    wrong = {order for order, told in promised.items() if booked.get(order, (0, 0)) != told}
    return [
        *_told("booked with other points than answered", wrong),
        *_told("points without an answered order", set(booked) - set(answers)),
    ]


def _burns(
    connection: psycopg.Connection, burns: Mapping[str, Mapping[str, Any]], poor: Set[str]
) -> list[str]:
    """Each acknowledged burn is there once, with its points; one that was refused or never sent is not."""
    rows = connection.execute(
        "SELECT reference, sum(direction * points)::bigint, count(*) FROM points_entry"
        " WHERE kind = 'burn' GROUP BY reference"
    ).fetchall()
    booked = {reference: (int(points), int(count)) for reference, points, count in rows}
    wrong = {name for name, body in burns.items() if booked.get(name) != (int(body["points"]), 1)}
    return [
        *_told("burns acknowledged, but booked otherwise", wrong),
        *_told("burns booked, but never acknowledged", set(booked) - set(burns)),
        *_told("burns refused, but booked", poor & set(booked)),
    ]


def _balances(connection: psycopg.Connection) -> list[str]:
    """Each account is the sum of its entries, and of what its lots have left."""
    by_entries = connection.execute(
        "SELECT a.id::text FROM points_account a LEFT JOIN points_entry e ON e.account_id = a.id"
        " GROUP BY a.id HAVING a.available + a.pending + a.held - a.debt"
        " <> COALESCE(sum(e.direction * e.points), 0)"
    ).fetchall()
    by_lots = connection.execute(
        "SELECT a.id::text FROM points_account a LEFT JOIN points_lot l ON l.account_id = a.id"
        " GROUP BY a.id HAVING a.available + a.pending + a.held <> COALESCE(sum(l.remaining), 0)"
    ).fetchall()
    return [
        *_told("balance is not the sum of its entries", {row[0] for row in by_entries}),
        *_told("balance is not what its lots have left", {row[0] for row in by_lots}),
    ]


def _events(connection: psycopg.Connection, answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One order.recorded for each order; the relay catches up, and its positions have no gap."""
    rows = connection.execute(
        "SELECT payload ->> 'order_id', count(*) FROM outbox_event WHERE type = 'order.recorded' GROUP BY 1"
    ).fetchall()
    counts = {order: int(count) for order, count in rows}
    wrong = {order for order in answers if counts.get(order, 0) != 1}
    deadline = time.monotonic() + SETTLED_WITHIN_S
    query = (
        "SELECT count(*) FILTER (WHERE position IS NULL), count(*), COALESCE(max(position), 0)"
        " FROM outbox_event"
    )
    waiting, total, last = _three(connection, query)
    while waiting and time.monotonic() < deadline:
        time.sleep(0.2)
        waiting, total, last = _three(connection, query)
    found = _told("not exactly one order.recorded", wrong)
    if waiting:
        found.append(f"{waiting} events without a position after {SETTLED_WITHIN_S:.0f} s")
    elif total != last:
        found.append(f"{total} events, but the last position is {last}")
    return found


def _three(connection: psycopg.Connection, query: str) -> tuple[int, int, int]:
    row = connection.execute(query.encode()).fetchone() or (0, 0, 0)
    return int(row[0]), int(row[1]), int(row[2])


def _told(what: str, items: Set[str]) -> list[str]:
    """One line for a finding, with a few examples."""
    if not items:
        return []
    examples = ", ".join(sorted(items)[:SHOWN])
    return [f"{len(items)} {what}: {examples}{' …' if len(items) > SHOWN else ''}"]
