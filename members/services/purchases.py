"""What members bought: storing an order with its lines, and what came back of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from loyalty.lib import ids
from members.models import Purchase, PurchaseLine

# One statement for the order and all its lines; no rows at all if the order number is taken.
_RECORD = """
WITH bought AS (
  INSERT INTO members_purchase(
    id, order_id, member_id, status, ordered_at, completed_at, channel, store_id, region, currency, amount,
    attributes, payments, content_hash, revision, evaluation, journal_id, visible_earn, visible_bonus,
    recorded_at)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s)
  ON CONFLICT (order_id) DO NOTHING RETURNING id
)
INSERT INTO members_purchaseline(
  id, purchase_id, line_id, position, sku, name, category, brand, product_line, tags, quantity, returned,
  unit_price, discount)
SELECT line.id, bought.id, line.line_id, line.position, line.sku, line.name, line.category, line.brand,
  line.product_line, line.tags, line.quantity, 0, line.unit_price, line.discount
FROM bought, jsonb_to_recordset(%s::jsonb) AS line(
  id uuid, line_id text, position integer, sku text, name text, category text, brand text,
  product_line text, tags jsonb, quantity numeric, unit_price numeric, discount numeric)
"""


@dataclass(frozen=True, slots=True)
class NewPurchase:
    """An order to be stored. `lines` are JSON objects with the columns of a line, decimals as strings."""

    order_id: str
    member_id: UUID | None
    ordered_at: datetime
    completed_at: datetime | None
    currency: str
    amount: Decimal
    content_hash: str
    lines: Sequence[Mapping[str, Any]]
    channel: str = ""
    store_id: str = ""
    region: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    payments: Sequence[Mapping[str, Any]] = ()
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    journal_id: UUID | None = None
    visible_earn: bool = True
    visible_bonus: bool = True


def record(*, purchase_id: UUID, order: NewPurchase, now: datetime) -> bool:
    """Store an order with its lines; False, and nothing written, if the order number is taken.

    Waits for another transaction that is storing the same order number.
    """
    status = Purchase.Status.COMPLETED if order.completed_at else Purchase.Status.RECORDED
    lines = [{**line, "id": str(ids.new()), "position": number} for number, line in enumerate(order.lines, 1)]
    values: list[Any] = [
        purchase_id,
        order.order_id,
        order.member_id,
        status.value,
        order.ordered_at,
        order.completed_at,
        order.channel,
        order.store_id,
        order.region,
        order.currency,
        order.amount,
        json.dumps(order.attributes),
        json.dumps(list(order.payments)),
        order.content_hash,
        json.dumps(order.evaluation),
        order.journal_id,
        order.visible_earn,
        order.visible_bonus,
        now,
        json.dumps(lines),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, values)
        return bool(cursor.rowcount)


def rewrite(purchase: Purchase, *, lines: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> None:
    """Correct an order whose row the caller has locked: its fields, and its lines by line_id.

    What came back of a line stays with it; a CHECK refuses a quantity below that.
    """
    known = {line.line_id: line for line in PurchaseLine.objects.filter(purchase=purchase)}
    named = {line["line_id"] for line in lines}
    PurchaseLine.objects.filter(purchase=purchase).exclude(line_id__in=named).delete()
    for position, line in enumerate(lines, 1):
        row = known.get(line["line_id"]) or PurchaseLine(purchase=purchase, line_id=line["line_id"])
        row.position = position
        for name in ("sku", "name", "category", "brand", "product_line", "tags"):
            setattr(row, name, line[name])
        for name in ("quantity", "unit_price", "discount"):
            setattr(row, name, Decimal(line[name]))
        row.save()
    change(purchase, **values)


def take_back(*, returned: Mapping[UUID, Decimal]) -> None:
    """Add to what came back of each line, by the line's id. A CHECK refuses more than was bought."""
    rows = list(PurchaseLine.objects.filter(pk__in=returned))
    for row in rows:
        row.returned += returned[row.pk]
    PurchaseLine.objects.bulk_update(rows, ["returned"])


def change(purchase: Purchase, **values: Any) -> Purchase:
    """Set fields of an order whose row the caller has locked."""
    for name, value in values.items():
        setattr(purchase, name, value)
    purchase.save(update_fields=list(values))
    return purchase
