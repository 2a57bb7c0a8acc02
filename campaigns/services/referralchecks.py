"""When a referral does not count: referring oneself, rings, and what is over by the time it is judged."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from campaigns.models import Moment
from members import selectors as members
from members.models import Member, Purchase

LONGEST_CHAIN: Final = 20


def refused(trigger: str, member: Member, referrer: Member | None, purchase: Purchase | None) -> str:
    """Why a moment comes to nothing, as a code; "" where it counts.

    `member_closed`; for a referral also `referrer_closed`, `self_referral` (one person, by a merge or by the
    device both sign in on), `ring` (the friend, or a friend's friend, referred the referrer), and for a first
    order `order_returned`.
    """
    if member.status != Member.Status.ACTIVE:
        return Moment.Refused.MEMBER_CLOSED
    if not trigger.startswith("referral."):
        return ""
    if referrer is None or referrer.status != Member.Status.ACTIVE:
        return Moment.Refused.REFERRER_CLOSED
    if referrer.pk == member.pk or members.share_a_device(member.pk, referrer.pk):
        return Moment.Refused.SELF_REFERRAL
    if member.pk in _chain(referrer):
        return Moment.Refused.RING
    if purchase is not None and not purchase.visible_bonus:
        return Moment.Refused.ORDER_RETURNED
    return ""


def _chain(member: Member) -> set[UUID]:
    """Who referred the member, who referred them, and so on."""
    found: set[UUID] = set()
    above = member.referrer_id
    while above is not None and above not in found and len(found) < LONGEST_CHAIN:
        found.add(above)
        above = Member.objects.filter(pk=above).values_list("referrer_id", flat=True).first()
    return found
