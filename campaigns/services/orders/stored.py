"""Orders as they are stored, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from campaigns.engine import Line, Order
from campaigns.services.orders.content import UNEARNED
from members.models import Purchase, PurchaseLine


def lines_of(purchase: Purchase) -> list[PurchaseLine]:
    """The lines of an order, in their order."""
    return list(PurchaseLine.objects.filter(purchase=purchase).order_by("position"))


def order_of(purchase: Purchase, lines: Sequence[PurchaseLine]) -> Order:
    """The order as it was bought, as the rules see it."""
    return Order(
        order_id=purchase.order_id,
        ordered_at=purchase.ordered_at,
        currency=purchase.currency,
        lines=tuple(
            Line(
                line_id=line.line_id,
                sku=line.sku,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                name=line.name,
                category=line.category,
                brand=line.brand,
                product_line=line.product_line,
                tags=frozenset(line.tags),
            )
            for line in lines
        ),
        channel=purchase.channel,
        store_id=purchase.store_id,
        region=purchase.region,
        attributes=purchase.attributes,
        unearned=unearned(purchase.payments),
    )


def unearned(payments: Sequence[Mapping[str, Any]]) -> Decimal:
    """What was paid with points, coupons or gift cards."""
    return sum(
        (Decimal(each["amount"]) for each in payments if each["method"] in UNEARNED),
        Decimal(0),
    )


def remaining(lines: Sequence[PurchaseLine]) -> dict[str, Decimal]:
    """The quantity left of each line that was not wholly returned."""
    return {line.line_id: line.quantity - line.returned for line in lines if line.quantity > line.returned}
