"""Real purchases as lines of `POST /orders/batch`: orders, and returns matched to the orders they are of.

Nothing is repaired: what no order can hold is left out and counted, by the reason.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

CENT: Final = Decimal("0.01")
MOST_LINES: Final = 1000
EARLY: Final = 7
"""Every so many-th return comes before its order."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and the brand that it is of."""

    name: str
    file: str
    currency: str
    timezone: str


SOURCES: Final = (
    Source("gifts", "online_retail_dev.csv.gz", "GBP", "Europe/London"),
    Source("grocer", "complete_journey_dev.csv.gz", "USD", "America/New_York"),
)


@dataclass(slots=True)
class Replay:
    """The lines in the order of the file; `counted` says what they are and what was left out."""

    lines: list[dict[str, Any]]
    counted: Counter[str]
    weeks: int
    members: dict[str, str]
    """By order; '' for a guest's."""


@dataclass(slots=True)
class _Bought:
    """A purchase line that something may still come back of."""

    order_id: str
    line_id: str
    at: datetime
    left: Decimal


def read(folder: Path, source: Source, today: date) -> Replay:
    """All of a file, moved by whole weeks so that it ends in the week before `today`."""
    rows = _rows(folder / source.file)
    zone = ZoneInfo(source.timezone)
    weeks = (today - max(_wall(row) for row in rows).date()).days // 7
    counted: Counter[str] = Counter({"lines of the file": len(rows)})
    orders: dict[str, list[dict[str, str]]] = defaultdict(list)
    back: list[dict[str, str]] = []
    for row in rows:
        if row["is_return"] == "1":
            back.append(row)
        else:
            orders[row["order_id"]].append(row)
    timed: list[tuple[datetime, int, dict[str, Any]]] = []
    bought: dict[tuple[str, str], list[_Bought]] = defaultdict(list)
    members: dict[str, str] = {}
    for order_id, found in orders.items():
        at = (_wall(found[0]) + timedelta(weeks=weeks)).replace(tzinfo=zone)
        body = _order(order_id, found, at, source.currency, counted)
        if body is None:
            continue
        member = found[0]["member_ref"]
        members[order_id] = member
        timed.append((at, 1, body))
        for line in body["lines"]:
            bought[member, line["sku"]].append(
                _Bought(order_id, line["line_id"], at, Decimal(line["quantity"]))
            )
    placed = {body["order_id"]: at for at, _rank, body in timed}
    for number, (body, at) in enumerate(_returns(back, bought, weeks, zone, counted)):
        early = number % EARLY == 0
        counted["returns before their order"] += early
        timed.append((placed[body["order_id"]], 0, body) if early else (at, 2, body))
    timed.sort(key=lambda each: (each[0], each[1], each[2]["order_id"]))
    counted["orders"], counted["guest orders"] = len(members), sum(not who for who in members.values())
    return Replay([body for _at, _rank, body in timed], counted, weeks, members)


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _wall(row: dict[str, str]) -> datetime:
    # The shop's own clock: a purchase at nine in the morning stays one.
    return datetime.fromisoformat(row["ordered_at"]).replace(tzinfo=None)


def _order(
    order_id: str, rows: list[dict[str, str]], at: datetime, currency: str, counted: Counter[str]
) -> dict[str, Any] | None:
    good = [row for row in rows if Decimal(row["quantity"]) > 0 and Decimal(row["line_amount"]) >= 0]
    counted["lines left out: quantity or amount not positive"] += len(rows) - len(good)
    if not good or len(good) > MOST_LINES:
        counted["orders left out: no line, or more than 1,000"] += 1
        return None
    counted["orders with several instants or members"] += (
        len({(row["ordered_at"], row["member_ref"]) for row in rows}) > 1
    )
    counted["purchase lines"] += len(good)
    first = rows[0]
    return {
        "type": "order",
        "order_id": order_id,
        "member": {"external_id": first["member_ref"]} if first["member_ref"] else None,
        "ordered_at": at.isoformat(),
        "channel": first["channel"],
        "store_id": first["store_ref"],
        "region": first["region"],
        "currency": currency,
        "lines": [_line(number, row) for number, row in enumerate(good, 1)],
    }


def _line(number: int, row: dict[str, str]) -> dict[str, str]:
    quantity, paid = Decimal(row["quantity"]), Decimal(row["line_amount"])
    price = (paid / quantity).quantize(CENT, ROUND_CEILING)
    return {
        "line_id": str(number),
        "sku": row["sku"],
        "name": row["name"],
        # ">" separates the levels of a category and "/" stands inside their names.
        "category": row["category"].replace("/", "∕").replace(">", "/"),
        "quantity": str(quantity),
        "unit_price": str(price),
        "discount": str((price * quantity - paid).quantize(CENT)),
    }


def _returns(
    rows: list[dict[str, str]],
    bought: dict[tuple[str, str], list[_Bought]],
    weeks: int,
    zone: ZoneInfo,
    counted: Counter[str],
) -> Iterator[tuple[dict[str, Any], datetime]]:
    """Returns by cancelled invoice and order: each line of the member's latest earlier purchase of it."""
    parts: dict[tuple[str, str], dict[str, Decimal]] = {}
    instants: dict[tuple[str, str], datetime] = {}
    for row in rows:
        at, quantity = (_wall(row) + timedelta(weeks=weeks)).replace(tzinfo=zone), -Decimal(row["quantity"])
        earlier = [
            each
            for each in bought.get((row["member_ref"], row["sku"]), ())
            if each.at <= at and each.left >= quantity
        ]
        if not earlier or quantity <= 0 or not row["member_ref"]:
            counted["return lines left out: no such purchase"] += 1
            continue
        of = max(earlier, key=lambda each: each.at)
        of.left -= quantity
        key = row["order_id"], of.order_id
        lines = parts.setdefault(key, {})
        lines[of.line_id] = lines.get(of.line_id, Decimal(0)) + quantity
        instants.setdefault(key, at)
        counted["return lines"] += 1
    for (invoice, order_id), lines in parts.items():
        counted["returns"] += 1
        yield (
            {
                "type": "return",
                "return_id": f"{invoice}/{order_id}",
                "order_id": order_id,
                "returned_at": instants[invoice, order_id].isoformat(),
                "lines": [{"line_id": name, "quantity": str(many)} for name, many in lines.items()],
            },
            instants[invoice, order_id],
        )
