"""Who they are and what they did."""

from members.models.activity import Activity
from members.models.consent import Consent
from members.models.identity import Identity, Member, RefreshToken, SigningKey
from members.models.purchase import ParkedReturn, Purchase, PurchaseLine, PurchaseReturn

__all__ = [
    "Activity",
    "Consent",
    "Identity",
    "Member",
    "ParkedReturn",
    "Purchase",
    "PurchaseLine",
    "PurchaseReturn",
    "RefreshToken",
    "SigningKey",
]
