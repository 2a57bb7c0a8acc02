"""Who they are and what they did."""

from members.models.activity import CHECK_IN, Activity
from members.models.consent import Consent
from members.models.identity import Identity, Member, RefreshToken, SigningKey
from members.models.purchase import ParkedReturn, Purchase, PurchaseLine, PurchaseReturn

__all__ = [
    "CHECK_IN",
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
