"""What they burn for: rewards, the offers they are sold at, stock, redemptions, and what rules grant."""

from mall.models.catalogue import Offer, Reward, StockItem
from mall.models.grants import Grant
from mall.models.pricecuts import PriceCut, PriceCutSpan
from mall.models.redemptions import Redemption, RedemptionStep

__all__ = [
    "Grant",
    "Offer",
    "PriceCut",
    "PriceCutSpan",
    "Redemption",
    "RedemptionStep",
    "Reward",
    "StockItem",
]
