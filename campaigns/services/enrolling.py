"""Enrolment with what the rules give for it: to the new member at once, to who brought them right after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.services import moments
from members import services as members
from members.models import Member


def enrol(*, now: datetime, **enrolment: Any) -> tuple[Member, bool]:
    """`members.enrol`, and the points that the rules give a new member, in one transaction.

    Raises what `members.enrol` raises.
    """
    with transaction.atomic():
        member, created = members.enrol(now=now, **enrolment)
        if created:
            welcome(member, now=now)
        return member, created


def welcome(member: Member, *, now: datetime) -> None:
    """Give what rules on `member.enrolled` give, and note the referral. Repeating it gives nothing more.

    The member was enrolled just now, so nobody else is at their account. The referrer's account is not
    touched before the transaction is over: accounts are locked in the order of their keys.
    """
    rules = moments.rules_in_force()
    reference = str(member.pk)
    enrolled_at = member.enrolled_at
    if rules.awaits(moments.ENROLLED):
        noted = moments.note(
            trigger=moments.ENROLLED, reference=reference, member=member, occurred_at=enrolled_at, now=now
        )
        if noted is not None:
            moments.settle(moment_id=noted.pk, now=now)
    if member.referrer_id is not None and rules.awaits(moments.REGISTERED):
        noted = moments.note(
            trigger=moments.REGISTERED, reference=reference, member=member, occurred_at=enrolled_at, now=now
        )
        if noted is not None:
            moments.soon(noted.pk, now)
