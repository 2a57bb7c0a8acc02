"""Reads of orders and parked returns for the API and the console."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from campaigns.services.orders import recording, stored
from loyalty.lib import instants, money
from members.models import ParkedReturn, Purchase, PurchaseLine, PurchaseReturn
from points import selectors as ledger
from points.services import tiers


def order_json(purchase: Purchase, now: datetime) -> dict[str, Any]:
    """An order as it was recorded, with its points, and what came back of it."""
    account = ledger.account_view(purchase.member_id, now) if purchase.member_id else None
    held = tiers.peek(member_id=purchase.member_id, at=now) if purchase.member_id else None
    told = recording.told_of(purchase, account=account, held=held).body()
    returns = PurchaseReturn.objects.filter(purchase=purchase).order_by("recorded_at", "pk")
    return {
        **told,
        "ordered_at": instants.text(purchase.ordered_at),
        "completed_at": instants.text(purchase.completed_at) if purchase.completed_at else None,
        "channel": purchase.channel,
        "store_id": purchase.store_id,
        "region": purchase.region,
        "currency": purchase.currency,
        "amount": money.plain(purchase.amount),
        "revision": purchase.revision,
        "lines": [_line_json(line) for line in stored.lines_of(purchase)],
        "payments": purchase.payments,
        "attributes": purchase.attributes,
        "returns": list(returns.values_list("result", flat=True)),
        "recorded_at": instants.text(purchase.recorded_at),
    }


def parked_returns(status: str) -> QuerySet[ParkedReturn]:
    """Parked returns that wait (`parked`), were `applied`, or were `dropped`."""
    found = ParkedReturn.objects.all()
    if status == "applied":
        return found.filter(applied_at__isnull=False)
    if status == "dropped":
        return found.filter(dropped_at__isnull=False)
    return found.filter(applied_at__isnull=True, dropped_at__isnull=True)


def _line_json(line: PurchaseLine) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "name": line.name,
        "category": line.category,
        "brand": line.brand,
        "product_line": line.product_line,
        "quantity": money.plain(line.quantity, 0),
        "returned": money.plain(line.returned, 0),
        "unit_price": money.plain(line.unit_price),
        "discount": money.plain(line.discount),
        "tags": line.tags,
    }
