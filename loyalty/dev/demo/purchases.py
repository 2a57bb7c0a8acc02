"""The real baskets of the demo brand, as a partner would send them (see PROVENANCE.md beside this file)."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FILE = Path(__file__).parent / "purchases.csv.gz"
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Basket:
    """One order of one household, in the shape of `POST /orders`."""

    household: str
    ordered_at: datetime
    body: dict[str, Any]


@dataclass(slots=True)
class Skipped:
    """Lines of the source that no order can hold."""

    lines: int = 0
    orders: int = 0


def load(*, last_day: date, tz: ZoneInfo, currency: str, skipped: Skipped) -> list[Basket]:
    """All baskets in time order, moved by whole days so that the last one falls on `last_day`."""
    rows = list(_rows())
    shift = last_day - max(_local(row) for row in rows).date()
    baskets = []
    for order_id, group in groupby(sorted(rows, key=lambda r: (r["order_id"],)), key=lambda r: r["order_id"]):
        basket = _basket(order_id, list(group), shift, tz, currency, skipped)
        if basket is not None:
            baskets.append(basket)
    return sorted(baskets, key=lambda b: (b.ordered_at, b.body["order_id"]))


def _rows() -> Iterator[dict[str, str]]:
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as source:
        yield from csv.DictReader(source)


def _local(row: dict[str, str]) -> datetime:
    # The shop's own wall clock: a basket of nine in the morning stays one.
    return datetime.fromisoformat(row["ordered_at"]).replace(tzinfo=None)


def _basket(
    order_id: str, rows: list[dict[str, str]], shift: timedelta, tz: ZoneInfo, currency: str, skipped: Skipped
) -> Basket | None:
    good = [row for row in rows if Decimal(row["quantity"]) > 0]
    skipped.lines += len(rows) - len(good)
    if not good:
        skipped.orders += 1
        return None
    first = good[0]
    ordered_at = (_local(first) + shift).replace(tzinfo=tz)
    body = {
        "order_id": f"CJ-{order_id}",
        "ordered_at": ordered_at.isoformat(),
        "channel": "store",
        "store_id": first["store_ref"],
        "currency": currency,
        "lines": [_line(number, row) for number, row in enumerate(good, 1)],
    }
    return Basket(first["member_ref"], ordered_at, body)


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
