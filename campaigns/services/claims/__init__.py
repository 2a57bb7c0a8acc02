"""Claims of members: a receipt that was recorded without them, points that did not come.

Use as `from campaigns.services import claims`.
"""

from campaigns.services.claims.deciding import accept_order, give_points, reject
from campaigns.services.claims.filing import Receipt, file, of_member, withdraw
from campaigns.services.claims.settling import is_any_due, merge, settle_due

__all__ = [
    "Receipt",
    "accept_order",
    "file",
    "give_points",
    "is_any_due",
    "merge",
    "of_member",
    "reject",
    "settle_due",
    "withdraw",
]
