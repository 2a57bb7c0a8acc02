"""What the lines, bands and columns of finance's reports are called."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LINES: Final[Mapping[str, Promise]] = {
    "opening": _("Opening balance of the month"),
    "imported": _("Opening balances imported"),
    "issued": _("Issued"),
    "redeemed": _("Redeemed"),
    "given_back": _("Given back to members"),
    "expired": _("Expired"),
    "taken_back": _("Taken back by returns"),
    "adjusted": _("Adjusted"),
    "transferred": _("Transfers between members"),
    "other": _("Other"),
    "revaluation": _("Change of the unit cost"),
    "closing": _("Closing balance of the month"),
    "total": _("Total"),
}
TOTALS: Final[Mapping[str, Promise]] = {
    "outstanding": _("Outstanding, net of debts"),
    "gross": _("Outstanding before debts"),
    "available": _("Available"),
    "pending": _("Pending"),
    "held": _("Held"),
    "debt": _("Owed by members"),
}
EXPIRIES: Final[Mapping[str, Promise]] = {
    "due": _("run out, not yet booked"),
    "inactivity": _("by inactivity"),
    "never": _("never"),
}
AGES: Final[Mapping[str, Promise]] = {
    "0-30": _("up to 30 days"),
    "31-90": _("31 to 90 days"),
    "91-180": _("91 to 180 days"),
    "181-365": _("181 to 365 days"),
    "366+": _("over a year"),
}
SECTIONS: Final[Mapping[str, Promise]] = {
    "totals": _("Totals"),
    "by_age": _("By age"),
    "by_expiry": _("By last valid month"),
    "by_earned": _("By month of earning"),
    "roll_forward": _("Roll-forward"),
    "cost_centres": _("By cost centre"),
    "late": _("Late"),
    "months": _("By month"),
    "cohorts": _("By month of earning"),
    "forecast": _("Forecast"),
}
COLUMNS: Final[Mapping[str, Promise]] = {
    "section": _("Section"),
    "points_currency": _("Points currency"),
    "line": _("Line"),
    "key": _("Group"),
    "points": _("Points"),
    "unit_cost": _("Cost of a point"),
    "amount": _("Amount"),
    "currency": _("Currency"),
    "cost_centre": _("Cost centre"),
    "effective_month": _("Month it belongs to"),
    "entries": _("Entries"),
    "late_points": _("Late points"),
    "late_amount": _("Late amount"),
    "month": _("Month"),
    "earned": _("Earned"),
    "expected": _("Expected to expire"),
    "rate": _("Rate"),
    "recorded_at": _("Recorded"),
    "effective_at": _("Effective"),
    "entry_id": _("Entry"),
    "journal_id": _("Journal"),
    "member_id": _("Member"),
    "kind": _("Kind"),
    "balance_after": _("Balance after"),
    "system_account": _("System account"),
    "source": _("Source"),
    "reference": _("Reference"),
    "rule": _("Rule"),
    "rule_version": _("Rule version"),
    "actor": _("Actor"),
    "reason": _("Reason"),
    "reverses": _("Reverses"),
}
ALL: Final[Mapping[str, Promise]] = {**EXPIRIES, **AGES, **COLUMNS, **SECTIONS, **TOTALS, **LINES}
"""By key, for exports: no key is used with two meanings in one file."""


def expiry(key: str) -> str:
    """A month of expiry, or what stands instead of one."""
    return str(EXPIRIES.get(key, key))
