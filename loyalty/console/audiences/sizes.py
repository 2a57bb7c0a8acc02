"""What a wake-up or a grant would come to, told to whoever writes it, puts it forward, or agrees to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import AudienceGrant, Wakeup
from campaigns.models.decided import Decided
from campaigns.services import audiencegrants, wakeups
from campaigns.services.wakeups import Reached
from loyalty.analytics.finance import costs
from loyalty.console.audiences.channelwords import channel_name
from loyalty.lib import clock
from loyalty.lib.console import Facts
from loyalty.lib.display import doer, instant, plain, rounded
from loyalty.lib.errors import Invalid, Text
from points.postings import DEFAULT_CURRENCY

GONE = gettext_lazy("The segment no longer holds: what it names is gone.")


def of_wakeup(wakeup: Wakeup) -> Facts:
    """How many there are, how many agree to the channel, and how many of those it reaches."""
    try:
        found = wakeups.reached(wakeup=wakeup, now=clock.now())
    except Invalid:
        return Facts(warnings=[GONE])
    channel = channel_name(wakeup.channel)
    lines: list[tuple[Text, str]] = [
        (_("Segment"), str(wakeup.segment)),
        (_("Members in the segment"), _about(found.members, found.estimated)),
    ]
    if found.agreed is not None and found.reachable is not None:
        lines += [
            (_("agree to marketing by %(channel)s") % {"channel": channel}, plain(found.agreed)),
            (_("can be reached"), plain(found.reachable)),
        ]
    return Facts([*lines, *_decided(wakeup)], warnings=[*_nobody(found, channel), *_late(wakeup)])


def of_grant(grant: AudienceGrant) -> Facts:
    """How many there are, what they get together, against the budget and in money."""
    try:
        found = audiencegrants.reckon(grant=grant, now=clock.now())
    except Invalid:
        return Facts(warnings=[GONE])
    lines: list[tuple[Text, str]] = [
        (_("Segment"), str(grant.segment)),
        (_("Members in the segment"), _about(found.members, found.estimated)),
    ]
    if grant.points:
        known = costs.load()
        cost = known.at(DEFAULT_CURRENCY, clock.now()) * found.spent
        lines += [
            (_("Points for each"), plain(grant.points)),
            (_("Points in all"), plain(found.total)),
            (_("Budget, in points"), plain(grant.budget)),
            (_("Cost of the points"), _money(cost, known.currency)),
        ]
    else:
        lines += [(_("Pieces in all"), plain(found.total)), (_("Budget"), plain(grant.budget))]
    warnings: list[Text] = []
    if not found.members:
        warnings.append(_("Nobody is in the segment just now: nobody would be given anything."))
    elif found.paid < found.members:
        told = {"paid": plain(found.paid), "members": plain(found.members)}
        warnings.append(_("The budget is enough for %(paid)s of %(members)s members.") % told)
    return Facts([*lines, *_decided(grant)], warnings=[*warnings, *_late(grant)])


def _money(amount: Decimal, currency: str) -> str:
    return f"{rounded(amount, 2)} {currency}"


def _about(members: int, estimated: bool) -> str:
    return _("about %(count)s") % {"count": plain(members)} if estimated else plain(members)


def _nobody(found: Reached, channel: str) -> list[Text]:
    if found.channel_off:
        return [_("The channel %(channel)s is off: nobody would get it.") % {"channel": channel}]
    if not found.members:
        return [_("Nobody is in the segment just now: nobody would get it.")]
    if found.agreed == 0:
        told = _("None of the %(count)s members agrees to marketing by %(channel)s: nobody would get it.")
        return [told % {"count": plain(found.members), "channel": channel}]
    if found.reachable == 0:
        told = _("None of those who agree can be reached by %(channel)s: nobody would get it.")
        return [told % {"channel": channel}]
    return []


def _decided(row: Any) -> list[tuple[Text, str]]:
    if row.status != Decided.Status.SUBMITTED:
        return []
    return [(_("submitted by"), doer(row.submitted_by)), (_("note"), row.note or "–")]


def _late(row: Any) -> list[Text]:
    if row.status != Decided.Status.SUBMITTED or row.at is None or row.at >= clock.now():
        return []
    return [_("Its time, %(at)s, is past: approved now, it begins at once.") % {"at": instant(row.at)}]
