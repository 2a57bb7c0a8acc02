"""What members bought: storing an order with its lines, and what came back of it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from members.models import Purchase, PurchaseLine


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
