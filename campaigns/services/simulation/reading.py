"""The recorded orders of a period, in the order in which they were processed, a portion at a time.

Portions follow each other by the index on (recorded_at, id) instead of through one cursor: a cursor that
outlives its transaction is first written out whole, and one inside a transaction keeps the progress of the
job from being seen and dead rows from being cleared for as long as the simulation runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from campaigns.engine import Known, Line, Order, PastLine, PastOrder
from campaigns.engine.evaluation import known_of
from campaigns.services.orders import judging, stored
from campaigns.services.orders.content import AHEAD
from loyalty.lib.database import connection

PORTION: Final = 1000
# A purchase is recorded at most `AHEAD` before its own instant, so the index need not be read from its start.
_PERIOD: Final = """
FROM members_purchase bought
WHERE bought.recorded_at >= %(since)s AND bought.recorded_at <= %(until)s
  AND bought.ordered_at >= %(start)s AND bought.ordered_at < %(end)s
"""
_COUNT: Final = f"SELECT count(*) {_PERIOD}"
_ORDERS: Final = f"""
SELECT bought.id, bought.order_id, bought.member_id, bought.ordered_at, bought.recorded_at,
  bought.completed_at, bought.channel, bought.store_id, bought.region, bought.currency,
  bought.attributes, bought.payments, bought.visible_earn, bought.visible_bonus,
  (SELECT jsonb_object_agg(trigger.name, jsonb_build_object(
      'facts', kept.evaluation -> 'facts', 'windows', kept.evaluation -> 'windows',
      'blocked', kept.evaluation -> 'blocked', 'member', kept.evaluation -> 'member',
      'carry_in', kept.evaluation -> 'carry_in',
      'given', (SELECT sum((result ->> 'points')::bigint)
        FROM jsonb_array_elements(kept.evaluation -> 'results') result
        WHERE result ? 'points' AND NOT result ? 'currency')))
    FROM (VALUES ('order.paid'), ('order.completed')) AS trigger(name)
    CROSS JOIN LATERAL (SELECT bought.evaluation -> trigger.name AS evaluation) kept
    WHERE kept.evaluation IS NOT NULL),
  bought.evaluation ? 'completion'
{_PERIOD}
  AND (bought.recorded_at, bought.id) > (%(after_at)s, %(after_id)s)
ORDER BY bought.recorded_at, bought.id
LIMIT %(limit)s
"""  # noqa: S608 - our own text
_LINES: Final = """
SELECT purchase_id, line_id, sku, category, brand, product_line, tags, quantity, unit_price, discount,
  returned
FROM members_purchaseline WHERE purchase_id = ANY(%s) ORDER BY purchase_id, position
"""
_NO_TAGS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was recorded of an order under one trigger: facts, the member as judged, what was carried in,
    and the points (of the usual currency) that it was given."""

    known: Known
    member_id: str
    carry_in: Mapping[str, Fraction]
    given: int


@dataclass(frozen=True, slots=True)
class Bought:
    """A recorded order: as placed, with what was recorded of it, and what came back of each line since."""

    order: Order
    member_id: UUID | None
    recorded_at: datetime
    completed_at: datetime | None
    completed_later: bool
    judged: Mapping[str, Judgement]
    returned: tuple[Decimal, ...]
    visible: tuple[bool, bool]
    categories: tuple[str, ...]


def count(start: datetime, end: datetime, until: datetime) -> int:
    """How many orders the period has."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _values(start, end, until))
        return int(cursor.fetchone()[0])


def portions(start: datetime, end: datetime, until: datetime) -> Iterator[list[Bought]]:
    """All orders of the period that were recorded until then, in processing order."""
    values = {**_values(start, end, until), "limit": PORTION, "after_id": UUID(int=0)}
    values["after_at"] = values["since"]
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_ORDERS, values)
            rows = cursor.fetchall()
            if not rows:
                return
            cursor.execute(_LINES, [[row[0] for row in rows]])
            lines = cursor.fetchall()
        yield _portion(rows, lines)
        if len(rows) < PORTION:
            return
        values |= {"after_at": rows[-1][4], "after_id": rows[-1][0]}


def _values(start: datetime, end: datetime, until: datetime) -> dict[str, Any]:
    return {"since": start - AHEAD, "until": until, "start": start, "end": end}


def _portion(rows: Sequence[tuple[Any, ...]], lines: Sequence[tuple[Any, ...]]) -> list[Bought]:
    by_order: dict[UUID, list[tuple[Any, ...]]] = {}
    for line in lines:
        by_order.setdefault(line[0], []).append(line)
    return [_bought(row, by_order.get(row[0], [])) for row in rows]


def _bought(row: tuple[Any, ...], lines: Sequence[tuple[Any, ...]]) -> Bought:
    (
        _id, order_id, member_id, ordered_at, recorded_at, completed_at, channel, store_id, region, currency,
        attributes, payments, visible_earn, visible_bonus, judged, completed_later,
    ) = row  # fmt: skip
    found = [
        Line(
            line_id=line_id,
            sku=sku,
            quantity=quantity,
            unit_price=unit_price,
            discount=discount,
            category=category,
            brand=brand,
            product_line=product_line,
            tags=_tags(tags),
        )
        for _, line_id, sku, category, brand, product_line, tags, quantity, unit_price, discount, _ in lines
    ]
    paid = _json(payments)
    order = Order(
        order_id=order_id,
        ordered_at=ordered_at,
        currency=currency,
        lines=tuple(found),
        channel=channel,
        store_id=store_id,
        region=region,
        attributes=_json(attributes),
        unearned=stored.unearned(paid) if paid else Decimal(0),
    )
    return Bought(
        order=order,
        member_id=member_id,
        recorded_at=recorded_at,
        completed_at=completed_at,
        completed_later=bool(completed_later),
        judged={name: _judgement(kept) for name, kept in (_json(judged) or {}).items()},
        returned=tuple(line[10] for line in lines),
        visible=(visible_earn, visible_bonus),
        categories=tuple(line.category.strip("/").split("/", 1)[0] for line in found),
    )


def left_of(bought: Bought) -> PastOrder:
    """What is left of an order, as windows of later orders count it."""
    order = bought.order
    return PastOrder(
        order.order_id,
        order.ordered_at,
        tuple(
            PastLine(
                amount=line.quantity * line.unit_price - line.discount
                if not back
                else line.amount * Fraction(line.quantity - back) / Fraction(line.quantity),
                category=line.category,
                tags=line.tags,
            )
            for line, back in zip(order.lines, bought.returned, strict=True)
            if line.quantity > back
        ),
    )


def _judgement(kept: Mapping[str, Any]) -> Judgement:
    return Judgement(
        known=known_of(kept),
        member_id=kept["member"],
        carry_in={currency: Fraction(value) for currency, value in (kept["carry_in"] or {}).items()},
        given=int(kept["given"] or 0),
    )


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _tags(value: Any) -> frozenset[str]:
    if value == "[]":
        return _NO_TAGS
    tags = _json(value)
    return frozenset(tags) if tags else _NO_TAGS


def completes_with_paying(bought: Bought) -> bool:
    """Whether the order was judged as completed in the very call that recorded it."""
    return judging.COMPLETED in bought.judged and not bought.completed_later
