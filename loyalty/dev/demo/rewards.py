"""The demo's catalogue."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mall import services as mall

# name (zh, en), kind, SKU, points, stock, limit for each member
CATALOGUE: tuple[tuple[str, str, str, str, int, int | None, int | None], ...] = (
    ("环保购物袋", "Shopping bag", "physical", "BAG-ECO", 80, 200, None),
    ("鲜牛奶 1 升", "Fresh milk, 1 l", "physical", "MILK-1L", 150, 120, None),
    ("满 50 减 5 券", "5 off 50", "coupon", "C-5-50", 200, None, None),
    ("陶瓷马克杯", "Ceramic mug", "physical", "MUG", 350, 60, 2),
    ("有机橄榄油", "Organic olive oil", "physical", "OIL-500", 600, 25, 1),
    ("空气炸锅", "Air fryer", "physical", "FRYER", 2800, 3, 1),
    ("为乡村图书馆捐书", "A book for a village library", "donation", "", 100, None, None),
)


def fill(now: datetime) -> dict[UUID, int]:
    """Publish the catalogue; what each reward costs, cheapest first."""
    prices: dict[UUID, int] = {}
    for zh, en, kind, sku, price, stock, limit in sorted(CATALOGUE, key=lambda row: row[4]):
        values: dict[str, Any] = {
            "name": {"zh-hans": zh, "en": en},
            "kind": kind,
            "sku": sku,
            "points": price,
            "limit_per_member": limit,
            "status": "published",
        }
        if stock is not None:
            values["stock"] = stock
        prices[mall.create_reward(values=values, actor="demo", now=now).id] = price
    return prices
