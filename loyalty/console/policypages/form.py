"""The brand's policies as a form: every one with what it does, and what the fields make of it as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from loyalty.lib.errors import FieldError, Text
from loyalty.lib.foureyes import LONGEST_NOTE
from loyalty.lib.timefields import ClockField, DayField, DayInput
from tenants.policyrules import EXPIRY_NUMBERS, MOST_MESSAGES, PERIODS, fault
from tenants.policywords import WORDS

ASKED: Final = (
    ("none", _("nobody")),
    ("console", _("for what operators do")),
    ("all", _("for what operators and API keys do")),
)
EXPIRIES: Final = (
    ("never", _("never")),
    ("days", _("after so many days")),
    ("months", _("after so many months")),
    ("end_of_month", _("at the end of the month, so many months later")),
    ("end_of_year", _("at the end of the year, so many years later")),
    ("inactivity", _("after so many months without earning or spending")),
    ("fixed", _("on a date")),
)
COUNTED: Final = " ".join(name for name, unit in EXPIRY_NUMBERS.items() if unit not in (None, "on"))
"""Ends of points that a number belongs to."""
CAPS: Final = tuple((who, period) for who in ("all", "sms") for period in PERIODS)
LINES: Final = ("points_currencies", "forbidden_phrases", "message_link_hosts")
DAYS: Final = ("expiry_notices", "tier_notices")
PLAIN: Final = (
    "rule_approval",
    "wakeup_approval",
    "audience_grant_approval",
    "adjustment_approval_above",
    "restore_grace_days",
    "rounding",
    "transfer_monthly_limit",
    "referral_link",
    "enrol_by_order",
    "auto_complete_days",
    "activity_late_days",
    "check_in_late_days",
    "claim_days",
    "claim_wait_days",
    "claims_per_month",
    "verify_hour",
    "message_return_days",
)
"""Policies that one field holds as it is."""
GROUPS: Final[Sequence[tuple[Text, Sequence[str]]]] = (
    (
        _("Who has to agree"),
        ("rule_approval", "wakeup_approval", "audience_grant_approval", "adjustment_approval_above"),
    ),
    (
        _("Points"),
        (
            "expiry_policy",
            "expiry_number",
            "expiry_on",
            "expiry_notices",
            "restore_grace_days",
            "rounding",
            "transfer_monthly_limit",
            "points_currencies",
        ),
    ),
    (_("Tiers and referral"), ("tier_notices", "referral_link")),
    (
        _("Orders and books"),
        (
            "enrol_by_order",
            "auto_complete_days",
            "claim_days",
            "claim_wait_days",
            "claims_per_month",
            "activity_late_days",
            "check_in_late_days",
            "verify_hour",
        ),
    ),
    (
        _("Messages"),
        (
            "quiet_from",
            "quiet_until",
            *(f"caps_{who}_{period}" for who, period in CAPS),
            "message_return_days",
            "message_link_hosts",
            "forbidden_phrases",
        ),
    ),
)
SHOWN_AT: Final[Mapping[str, str]] = {
    "expiry": "expiry_number",
    "quiet_hours": "quiet_from",
    "message_caps": "caps_all_day",
}
"""The field at which a fault of a policy is said that several fields make up."""


def _number(label: Any, help_text: Any, *, required: bool = True, needs: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        required=required,
        widget=UnfoldAdminTextInputWidget(
            attrs={"inputmode": "numeric"} | ({"data-needs": needs} if needs else {})
        ),
    )


def _text(label: Any, help_text: Any, *, rows: int = 0) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": rows}) if rows else UnfoldAdminTextInputWidget()
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget)


def _choice(label: Any, help_text: Any, choices: Sequence[tuple[str, Text]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, help_text=help_text, choices=choices, widget=UnfoldAdminSelectWidget
    )


class PolicyForm(forms.Form):
    """All policies at once; only what differs is written."""

    rule_approval = _choice(*WORDS["rule_approval"], ASKED)
    wakeup_approval = _choice(*WORDS["wakeup_approval"], ASKED)
    audience_grant_approval = _choice(*WORDS["audience_grant_approval"], ASKED)
    adjustment_approval_above = _number(*WORDS["adjustment_approval_above"], required=False)
    expiry_policy = _choice(*WORDS["expiry"], EXPIRIES)
    expiry_number = _number(
        _("How many"),
        _("Of the days, months or years chosen above."),
        required=False,
        needs=f"expiry_policy={COUNTED}",
    )
    expiry_on = DayField(
        label=_("Date"),
        help_text=_("Of the last choice above: the last valid day."),
        required=False,
        widget=DayInput({"data-needs": "expiry_policy=fixed"}),
    )
    expiry_notices = _text(*WORDS["expiry_notices"])
    restore_grace_days = _number(*WORDS["restore_grace_days"])
    rounding = _choice(
        *WORDS["rounding"], (("floor", _("are forgotten")), ("carry", _("are kept for the next order")))
    )
    transfer_monthly_limit = _number(*WORDS["transfer_monthly_limit"], required=False)
    points_currencies = _text(*WORDS["points_currencies"], rows=3)
    tier_notices = _text(*WORDS["tier_notices"])
    referral_link = _text(*WORDS["referral_link"])
    enrol_by_order = forms.BooleanField(
        label=WORDS["enrol_by_order"].name,  # type: ignore[arg-type]
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    auto_complete_days = _number(*WORDS["auto_complete_days"], required=False)
    activity_late_days = _number(*WORDS["activity_late_days"])
    check_in_late_days = _number(*WORDS["check_in_late_days"])
    claim_days = _number(*WORDS["claim_days"])
    claim_wait_days = _number(*WORDS["claim_wait_days"])
    claims_per_month = _number(*WORDS["claims_per_month"])
    verify_hour = _number(*WORDS["verify_hour"])
    quiet_from = ClockField(
        label=_("No marketing from"),
        help_text=_("It waits for the end. Both left empty: at any hour."),
        required=False,
    )
    quiet_until = ClockField(label=_("No marketing until"), required=False)
    caps_all_day = _number(_("Marketing messages a day"), _("By all channels together."), required=False)
    caps_all_week = _number(_("Marketing messages in 7 days"), _("By all channels together."), required=False)
    caps_all_month = _number(
        _("Marketing messages in 30 days"), _("By all channels together."), required=False
    )
    caps_sms_day = _number(_("Text messages a day"), _("Marketing by SMS alone."), required=False)
    caps_sms_week = _number(_("Text messages in 7 days"), _("Marketing by SMS alone."), required=False)
    caps_sms_month = _number(_("Text messages in 30 days"), _("Marketing by SMS alone."), required=False)
    message_return_days = _number(*WORDS["message_return_days"])
    message_link_hosts = _text(*WORDS["message_link_hosts"], rows=3)
    forbidden_phrases = _text(*WORDS["forbidden_phrases"], rows=5)
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=LONGEST_NOTE,
        help_text=_("Why: it is kept with the change."),
        widget=UnfoldAdminTextInputWidget,
    )

    def changes(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The policies that the form holds, by name; `before` keeps what no field shows (other channels)."""
        data = self.cleaned_data
        found: dict[str, Any] = {key: data[key] for key in PLAIN}
        found |= {key: _lines(data[key]) for key in LINES} | {key: _numbers(data[key]) for key in DAYS}
        found["points_currencies"] = found["points_currencies"] or None
        found["expiry"] = _expiry(data)
        found["quiet_hours"] = _hours(data)
        caps = {who: dict(most) for who, most in before["message_caps"].items()}
        for who, period in CAPS:
            most = data[f"caps_{who}_{period}"]
            caps.setdefault(who, {}).pop(period, None)
            if most is not None:
                caps[who][period] = most
        found["message_caps"] = {who: most for who, most in caps.items() if most}
        return found

    def ranges(self) -> list[FieldError]:
        """What is out of range in the fields that could be read, beside those that could not: both are told
        at once. A policy that needs a field which is wrong already is left out."""
        data = self.cleaned_data
        found: dict[str, Any] = {key: data[key] for key in PLAIN if key in data}
        found |= {key: _lines(data[key]) for key in LINES if key in data}
        found |= {key: _numbers(data[key]) for key in DAYS if key in data}
        if not found.get("points_currencies", True):
            found["points_currencies"] = None
        if _expiry_fields(data) <= set(data):
            found["expiry"] = _expiry(data)
        if {"quiet_from", "quiet_until"} <= set(data):
            found["quiet_hours"] = _hours(data)
        found["message_caps"] = {
            who: {
                period: most for period in PERIODS if (most := data.get(f"caps_{who}_{period}")) is not None
            }
            for who in ("all", "sms")
        }
        return [wrong for key, value in found.items() if (wrong := fault(key, value))]

    def refuse(self, wrong: FieldError) -> None:
        """Say a fault at the field that it came from."""
        key = wrong.pointer.strip("/").split("/")[0]
        shown = SHOWN_AT.get(key, key)
        places: list[str | None] = self._wrong_caps() if key == "message_caps" else []
        for place in places or [shown if shown in self.fields else None]:
            self.add_error(place, str(wrong.detail))

    def _wrong_caps(self) -> list[str | None]:
        named = [f"caps_{who}_{period}" for who, period in CAPS]
        return [name for name in named if not 0 <= (self.cleaned_data.get(name) or 0) <= MOST_MESSAGES]


def initial(policies: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields hold before anybody types."""
    expiry, hours = policies["expiry"], policies["quiet_hours"] or {}
    number = EXPIRY_NUMBERS.get(expiry["policy"])
    return {
        **{key: policies[key] for key in PLAIN},
        **{key: "\n".join(policies[key] or ()) for key in LINES},
        **{key: ", ".join(str(day) for day in policies[key]) for key in DAYS},
        "expiry_policy": expiry["policy"],
        "expiry_number": expiry.get(number) if number not in (None, "on") else None,
        "expiry_on": expiry.get("on", ""),
        "quiet_from": hours.get("from", ""),
        "quiet_until": hours.get("until", ""),
        **{f"caps_{who}_{period}": policies["message_caps"].get(who, {}).get(period) for who, period in CAPS},
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _numbers(text: str) -> list[Any]:
    """The numbers of a list; what is none stays as it is, and the policy's check refuses it."""
    parts = [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]
    return [int(part) if part.isdecimal() and len(part) < 9 else part for part in parts]


def _hours(data: Mapping[str, Any]) -> dict[str, str] | None:
    hours = {
        name: f"{data[f'quiet_{name}']:%H:%M}" if data[f"quiet_{name}"] else "" for name in ("from", "until")
    }
    return hours if any(hours.values()) else None


def _expiry_fields(data: Mapping[str, Any]) -> set[str]:
    number = EXPIRY_NUMBERS.get(data.get("expiry_policy", ""))
    more = {"expiry_on"} if number == "on" else {"expiry_number"} if number else set()
    return {"expiry_policy"} | more


def _expiry(data: Mapping[str, Any]) -> dict[str, Any]:
    policy = data["expiry_policy"]
    number = EXPIRY_NUMBERS[policy]
    if number is None:
        return {"policy": policy}
    return {
        "policy": policy,
        number: str(data["expiry_on"] or "") if number == "on" else data["expiry_number"],
    }
