"""Ledger entries in words, for people who look at them."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from points.models import Entry

BY_SOURCE: Mapping[tuple[str, str], Promise] = {
    ("accrual", "order"): _("Order %(reference)s"),
    ("accrual", "order.completed"): _("Order %(reference)s"),
    ("accrual", "order.revision"): _("Order corrected, %(reference)s"),
    ("accrual", "order.completed.revision"): _("Order corrected, %(reference)s"),
    ("accrual", "activity"): _("Activity %(reference)s"),
    ("burn", "redemption"): _("Reward redeemed, %(reference)s"),
    ("reversal", "redemption"): _("Redemption cancelled, %(reference)s"),
    ("clawback", "return"): _("Return of goods, %(reference)s"),
    ("clawback", "return.completed"): _("Return of goods, %(reference)s"),
    ("clawback", "return.recount"): _("Return of goods, %(reference)s"),
    ("clawback", "order.revision"): _("Order corrected, %(reference)s"),
    ("clawback", "order.completed.revision"): _("Order corrected, %(reference)s"),
    ("clawback", "merge"): _("Owed by the member who was merged"),
    ("clawback", "pending"): _("Pending points cancelled"),
}
BY_KIND: Mapping[str, Promise] = {
    "accrual": _("Earned, %(reference)s"),
    "burn": _("Spent, %(reference)s"),
    "capture": _("Reserved points spent, %(reference)s"),
    "expiry": _("Expired"),
    "reversal": _("Given back, %(reference)s"),
    "clawback": _("Taken back, %(reference)s"),
    "adjustment": _("Adjusted by hand"),
    "opening": _("Opening balance"),
}


def what(entry: Entry) -> str:
    """The business fact behind an entry."""
    if entry.kind == Entry.Kind.TRANSFER and entry.source == "merge":
        return str(_("Came with a merged member") if entry.direction > 0 else _("Moved to another member"))
    if entry.kind == Entry.Kind.TRANSFER:
        return str(_("Received from another member") if entry.direction > 0 else _("Given to another member"))
    text = BY_SOURCE.get((entry.kind, entry.source)) or BY_KIND[entry.kind]
    return str(text) % {"reference": entry.reference}


def rule(entry: Entry) -> str:
    """The rule that gave the points, with its version; '' where no rule did."""
    return f"{entry.rule} v{entry.rule_version}" if entry.rule_version else ""
