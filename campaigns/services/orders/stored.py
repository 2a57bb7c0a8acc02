"""Orders as they are stored, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.engine import Line, Order
from campaigns.selectors import REVISION_SQL
from campaigns.services.orders.content import UNEARNED
from members.models import Purchase, PurchaseLine

# Everything that has to be known under the member's lock, in one statement.
_STANDING = f"""
SELECT member.status, member.merged_into_id, {REVISION_SQL},
  (SELECT id FROM members_purchase WHERE order_id = %s),
  EXISTS (SELECT 1 FROM members_parkedreturn
    WHERE order_id = %s AND applied_at IS NULL AND dropped_at IS NULL)
FROM members_member member WHERE member.id = %s
"""  # noqa: S608 - no value comes from outside


@dataclass(frozen=True, slots=True)
class Standing:
    """What is so under the member's lock: the member, the rules in force, and what is known of the order."""

    status: str
    merged_into: UUID | None
    revision: UUID | None
    purchase_id: UUID | None
    has_parked: bool


def standing(member_id: UUID, order_id: str) -> Standing:
    """Read it, after the lock was taken."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [order_id, order_id, member_id])
        return Standing(*cursor.fetchone())


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
