"""Stock: taken and given back by conditional updates, set and counted by operators."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from loyalty.lib.errors import Invalid
from loyalty.outbox import services as outbox
from mall import locks
from mall.models import Reward, StockItem

MAX_PIECES = 1_000_000_000
DEFAULT_LOW_AT = 5
_GIVE_BACK = """
UPDATE mall_stockitem SET on_hand = on_hand + %(n)s, taken = taken - %(n)s, updated_at = %(now)s
WHERE id = %(id)s
"""
_SET = """
INSERT INTO mall_stockitem AS item (id, sku, on_hand, received, taken, low_at, updated_at)
VALUES (%(id)s, %(sku)s, %(on_hand)s, %(on_hand)s, 0, coalesce(%(low_at)s, %(default_low_at)s), %(now)s)
ON CONFLICT (sku) DO UPDATE SET
  received = item.received + %(on_hand)s - item.on_hand,
  on_hand = %(on_hand)s,
  low_at = coalesce(%(low_at)s, item.low_at),
  updated_at = %(now)s
RETURNING item.id
"""
_ADD = """
INSERT INTO mall_stockitem AS item (id, sku, on_hand, received, taken, low_at, updated_at)
VALUES (%(id)s, %(sku)s, %(change)s, %(change)s, 0, %(default_low_at)s, %(now)s)
ON CONFLICT (sku) DO UPDATE SET
  on_hand = item.on_hand + %(change)s, received = item.received + %(change)s, updated_at = %(now)s
  WHERE item.on_hand + %(change)s <= %(max)s
RETURNING item.id
"""
_COUNT_AWAY = """
UPDATE mall_stockitem
SET on_hand = on_hand + %(change)s, received = received + %(change)s, updated_at = %(now)s
WHERE sku = %(sku)s AND on_hand + %(change)s >= 0
RETURNING id
"""


def tell_if_low(*, sku: str, on_hand: int, low_at: int, quantity: int, now: datetime) -> None:
    """Tell that a stock ran down to its low mark with the `quantity` just taken, if so."""
    if on_hand <= low_at < on_hand + quantity:
        outbox.publish(
            type="reward.stock_low",
            payload={"sku": sku, "on_hand": on_hand, "low_at": low_at},
            occurred_at=now,
        )


def give_back(*, stock_id: UUID, quantity: int, now: datetime) -> None:
    """Put pieces back that a redemption had taken."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, {"id": stock_id, "n": quantity, "now": now})


def set_stock(*, sku: str, on_hand: int, actor: str, now: datetime, low_at: int | None = None) -> StockItem:
    """State how many pieces lie ready (and at how many the stock is low).

    The first time this begins to keep stock of the article, for every reward with its SKU.
    """
    with transaction.atomic():
        before = locks.stock_item(sku)
        values: dict[str, Any] = {
            "id": ids.new(),
            "sku": sku,
            "on_hand": on_hand,
            "low_at": low_at,
            "default_low_at": DEFAULT_LOW_AT,
            "now": now,
        }
        with connection.cursor() as cursor:
            cursor.execute(_SET, values)
            item = StockItem.objects.get(pk=cursor.fetchone()[0])
        Reward.objects.filter(sku=sku, stock__isnull=True).update(stock=item, updated_at=now)
        _tell(item, on_hand - (before.on_hand if before else 0), actor, now)
        return item


def add_stock(*, sku: str, change: int, actor: str, now: datetime) -> StockItem:
    """Add pieces to an article's stock, or count some away (`change` < 0).

    The first time this begins to keep stock of it. Raises Invalid when fewer would lie ready than none.
    """
    with transaction.atomic():
        values: dict[str, Any] = {
            "id": ids.new(),
            "sku": sku,
            "change": change,
            "default_low_at": DEFAULT_LOW_AT,
            "max": MAX_PIECES,
            "now": now,
        }
        with connection.cursor() as cursor:
            cursor.execute(_ADD if change >= 0 else _COUNT_AWAY, values)
            row = cursor.fetchone()
        if row is None:
            raise Invalid.at("/add", "range", _("The stock would fall below 0 or grow beyond all bounds."))
        item = StockItem.objects.get(pk=row[0])
        Reward.objects.filter(sku=sku, stock__isnull=True).update(stock=item, updated_at=now)
        _tell(item, change, actor, now)
        return item


def _tell(item: StockItem, change: int, actor: str, now: datetime) -> None:
    outbox.publish(
        type="stock.adjusted",
        payload={
            "sku": item.sku,
            "on_hand": item.on_hand,
            "low_at": item.low_at,
            "change": change,
            "actor": actor,
        },
        occurred_at=now,
    )
