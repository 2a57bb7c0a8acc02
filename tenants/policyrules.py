"""Which policies a brand's operators may set, which values hold, and what loosens a control."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import FieldError, Text, escaped

APPROVALS: Final = ("none", "console", "all")
"""Whom a second operator is asked for, from nobody to everybody."""
EXPIRY_NUMBERS: Final[Mapping[str, str | None]] = {
    "never": None,
    "fixed": "on",
    "days": "days",
    "months": "months",
    "end_of_month": "months",
    "end_of_year": "years",
    "inactivity": "months",
}
"""What each expiry policy needs beside its name."""
PERIODS: Final = ("day", "week", "month")
MOST_MESSAGES: Final = 1000
CODE: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
HOUR: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")
LONGEST_LINK: Final = 500
MOST_DAYS: Final = 366
MOST_ROWS: Final = 200
Check = Callable[[Any], Text | None]


def fault(key: str, value: Any) -> FieldError | None:
    """What is wrong with this value of a policy, or None. An unknown policy is a fault, too."""
    check = CHECKS.get(key)
    if check is None:
        return FieldError(f"/{escaped(key)}", "unknown_field", _("Unknown field."))
    said = check(value)
    return None if said is None else FieldError(f"/{key}", "invalid", said)


CONTROLS: Final = frozenset(
    {
        "rule_approval",
        "wakeup_approval",
        "audience_grant_approval",
        "adjustment_approval_above",
        "forbidden_phrases",
    }
)
"""The policies that `loosens` knows: two people take such a control away."""


LAW: Final = frozenset({"forbidden_phrases"})
"""Controls of law among them: people take them away, with a reason; a key may only tighten them."""


def loosens(key: str, before: Any, after: Any) -> bool:
    """Whether the change takes away a control, so that somebody else has to agree to it."""
    if key in ("rule_approval", "wakeup_approval", "audience_grant_approval"):
        return APPROVALS.index(after) < APPROVALS.index(before)
    if key == "adjustment_approval_above":
        return before is not None and (after is None or after > before)
    if key == "forbidden_phrases":
        return not set(before) <= set(after)
    return False


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _whole(least: int, most: int, *, optional: bool = False) -> Check:
    def check(value: Any) -> Text | None:
        if (optional and value is None) or _is_whole(value, least, most):
            return None
        return _("Must be a whole number from %(least)d to %(most)d.") % {"least": least, "most": most}

    return check


def _among(choices: tuple[str, ...]) -> Check:
    def check(value: Any) -> Text | None:
        if value in choices:
            return None
        return _("Must be one of: %(among)s.") % {"among": ", ".join(choices)}

    return check


def _flag(value: Any) -> Text | None:
    return None if isinstance(value, bool) else _("Must be yes or no.")


def _days(value: Any) -> Text | None:
    if isinstance(value, list) and len(value) <= 10 and all(_is_whole(day, 1, MOST_DAYS) for day in value):
        return None if len(set(value)) == len(value) else _("No number may come twice.")
    return _("At most ten whole numbers of days, each from 1 to %(most)d.") % {"most": MOST_DAYS}


def _texts(pattern: re.Pattern[str], said: Text, *, optional: bool = False) -> Check:
    def check(value: Any) -> Text | None:
        if optional and value is None:
            return None
        fine = isinstance(value, list) and len(value) <= MOST_ROWS
        return None if fine and all(isinstance(v, str) and pattern.match(v) for v in value) else said

    return check


def _hours(value: Any) -> Text | None:
    if value is None:
        return None
    fine = isinstance(value, dict) and sorted(value) == ["from", "until"]
    if fine and all(isinstance(hour, str) and HOUR.match(hour) for hour in value.values()):
        return None if value["from"] != value["until"] else _("The two hours must differ.")
    return _("Two hours of the brand's clock, such as 22:00 and 08:00.")


def _caps(value: Any) -> Text | None:
    fine = isinstance(value, dict) and all(isinstance(caps, dict) for caps in value.values())
    if fine and all(
        period in PERIODS and _is_whole(most, 0, MOST_MESSAGES)
        for caps in value.values()
        for period, most in caps.items()
    ):
        return None
    return _("Whole numbers from 0 to 1,000 for a day, a week and a month.")


def _link(value: Any) -> Text | None:
    if value == "":
        return None
    fine = isinstance(value, str) and len(value) <= LONGEST_LINK and value.count("{code}") == 1
    if fine and re.match(r"(https://[^/\s]+|pages/|/(?!/))\S*\Z", value):
        return None
    return _("An address that begins with https:// or a page's path, with {code} in it once.")


def _expiry(value: Any) -> Text | None:
    named = EXPIRY_NUMBERS.get(str(value.get("policy")), "?") if isinstance(value, dict) else "?"
    if named is None and len(value) == 1:
        return None
    if named == "on" and sorted(value) == ["on", "policy"]:
        try:
            date.fromisoformat(str(value["on"]))
        except ValueError:
            return _("A date is needed, such as 2027-12-31.")
        return None
    if named not in (None, "?", "on") and sorted(value) == sorted(["policy", str(named)]):
        least = 0 if named == "years" else 1
        return None if _is_whole(value[str(named)], least, 3660) else _("A whole number is needed.")
    return _("This way for points to end needs its number or its date.")


_PHRASE: Final = re.compile(r"\S(.{0,98}\S)?\Z")
CHECKS: Final[Mapping[str, Check]] = {
    "rule_approval": _among(APPROVALS),
    "wakeup_approval": _among(APPROVALS),
    "audience_grant_approval": _among(APPROVALS),
    "adjustment_approval_above": _whole(0, 10**9, optional=True),
    "expiry": _expiry,
    "restore_grace_days": _whole(0, MOST_DAYS),
    "rounding": _among(("floor", "carry")),
    "transfer_monthly_limit": _whole(0, 10**9, optional=True),
    "points_currencies": _texts(
        CODE, _("Each line is a code: lower-case letters, digits, - and _."), optional=True
    ),
    "expiry_notices": _days,
    "tier_notices": _days,
    "referral_link": _link,
    "enrol_by_order": _flag,
    "auto_complete_days": _whole(0, MOST_DAYS, optional=True),
    "activity_late_days": _whole(0, MOST_DAYS),
    "check_in_late_days": _whole(0, 31),
    "claim_days": _whole(0, MOST_DAYS),
    "claim_wait_days": _whole(0, 90),
    "claims_per_month": _whole(0, 1000),
    "verify_hour": _whole(0, 23),
    "quiet_hours": _hours,
    "message_caps": _caps,
    "forbidden_phrases": _texts(_PHRASE, _("Each line is a phrase of at most 100 characters.")),
    "message_link_hosts": _texts(HOST, _("Each line is a host, such as shop.example.com.")),
    "message_return_days": _whole(1, 90),
}
"""The policies of `tenants.policies.DEFAULTS` that operators may set. What is not here is the platform's: the
compliance matrix, the hosts that webhooks may reach, the mini-program's credentials. What a point costs, and
which cells of the matrix are unlocked, have a history and a page of their own."""
