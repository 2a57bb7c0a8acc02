"""What the policies that operators may set are called, and what each does."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Text


class Words(NamedTuple):
    """A policy in words."""

    name: Text
    help: Text


WORDS: Final[dict[str, Words]] = {
    "rule_approval": Words(
        _("Rules, tiers and campaigns"),
        _("Whose earning rules, tiers and campaigns wait for a second operator before they run."),
    ),
    "wakeup_approval": Words(_("Wake-ups"), _("Whose messages to a whole audience wait.")),
    "audience_grant_approval": Words(
        _("Grants to an audience"), _("Whose points for a whole audience wait.")
    ),
    "adjustment_approval_above": Words(
        _("Adjustments of more points than"),
        _("These wait for a second operator. Left empty, none does."),
    ),
    "expiry": Words(
        _("Points end"), _("Where a rule says nothing else; what was earned before stays as it is.")
    ),
    "expiry_notices": Words(
        _("Days before points end on which members are told"), _("Numbers with commas between them.")
    ),
    "restore_grace_days": Words(
        _("Days of grace for points given back"),
        _("Where their own time is over when an order comes back. 0: they end at once."),
    ),
    "rounding": Words(_("Fractions of a point"), _("What rounding down cut off.")),
    "transfer_monthly_limit": Words(
        _("Points a member may pass on in a month"), _("Left empty, there is no limit.")
    ),
    "points_currencies": Words(
        _("Points currencies"),
        _("One code a line, beside “points”. Left empty: whatever a rule or a call names."),
    ),
    "tier_notices": Words(
        _("Days before a tier is lost on which members are told"), _("Numbers with commas between them.")
    ),
    "referral_link": Words(
        _("Link of an invitation"),
        _("{code} stands for the member's code. Left empty, members have a code without a link."),
    ),
    "enrol_by_order": Words(_("An order enrols whom nobody knows yet"), ""),
    "auto_complete_days": Words(
        _("Days after which an order is complete"),
        _("By itself. Left empty, only a call completes it."),
    ),
    "activity_late_days": Words(
        _("Days that an activity may lie back"), _("An older one is refused. 0: only today's are taken.")
    ),
    "check_in_late_days": Words(
        _("Days that a check-in may lie back"), _("Check-ins make streaks, and count once a day.")
    ),
    "claim_days": Words(
        _("Days that a receipt may lie back"),
        _("When a member claims an order that was recorded without one. 0: only today's."),
    ),
    "claim_wait_days": Words(
        _("Days that a claim waits for its order"),
        _("If the order comes by then and fits, it is the member's by itself. 0: an operator decides."),
    ),
    "claims_per_month": Words(
        _("Claims a member may file in a month"), _("Those withdrawn count too. 0: members file none.")
    ),
    "verify_hour": Words(
        _("Hour in which the books are verified"), _("0 to 23, of the brand's clock, every day.")
    ),
    "quiet_hours": Words(
        _("Hours without marketing"), _("It waits for the end. Both left empty: at any hour.")
    ),
    "message_caps": Words(
        _("Marketing messages at most"),
        _("A day, in 7 days and in 30 days: by all channels together, and by one."),
    ),
    "message_return_days": Words(
        _("Days in which coming back counts"), _("After a message: an order or a sign-in within them.")
    ),
    "message_link_hosts": Words(_("Hosts that links may lead to"), _("One a line, beside the brand's own.")),
    "forbidden_phrases": Words(
        _("What no message may say"),
        _("One phrase a line. To take one away needs a second operator."),
    ),
}
