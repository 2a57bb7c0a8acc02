"""The checks of the books in words for people who keep books, not code."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MEANING: Mapping[str, Promise] = {
    "I1": _("Every balance is the sum of its entries, and of its lots and holds."),
    "I2": _("No balance and no debt is below zero."),
    "I3": _("Open lots add up to the balance, and no lot gave more than it got."),
    "I4": _("Every hold ended once: what was captured and released is what was held."),
    "I5": _("No business fact was booked twice."),
    "I6": _("No entry was reversed by more than its points."),
    "I7": _("Every debit names the lots that it took from, or is open as debt."),
    "I8": _("Members' balances equal what was issued, less what was redeemed and expired, with adjustments."),
    "I9": _("Every transfer gave as many points as it took, with the same expiry dates."),
    "I10": _("Redemptions, their entries and the stock agree one to one."),
    "I11": _("The liability report equals the sum of the members' balances."),
    "O1": _("Every order keeps exactly the points that were booked for it, less its returns."),
    "O2": _("What counts for the tiers is what the orders gave, less their returns."),
    "T1": _("Every entry stands in the transparency log."),
    "T2": _("No entry was altered after it was sealed."),
    "T3": _("Every checkpoint's root is that of the entries it covers."),
    "T4": _("Every checkpoint is signed by the brand's key."),
    "due": _("Nothing that is due was overlooked."),
    "merges": _("Who was merged holds nothing any more, and all of it went to who remains."),
}


def meaning(check: Mapping[str, Any]) -> str:
    """What the check makes sure of; its technical title where nobody has put it into words."""
    return str(MEANING.get(check["code"]) or check["title"])
