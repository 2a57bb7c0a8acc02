"""Everything that writes in the mall. Use as `from mall import services as mall`."""

from mall.services.cuts import close_prices, cut_prices
from mall.services.fulfilment import complete, set_address, ship
from mall.services.grants import Gift, due_tags, end_tag, grant, take_back
from mall.services.merging import merge
from mall.services.placing import Placed, place
from mall.services.redemptions import cancel
from mall.services.rewards import create_offer, create_reward, update_offer, update_reward
from mall.services.stock import add_stock, set_stock

__all__ = [
    "Gift",
    "Placed",
    "add_stock",
    "cancel",
    "close_prices",
    "complete",
    "create_offer",
    "create_reward",
    "cut_prices",
    "due_tags",
    "end_tag",
    "grant",
    "merge",
    "place",
    "set_address",
    "set_stock",
    "ship",
    "take_back",
    "update_offer",
    "update_reward",
]
