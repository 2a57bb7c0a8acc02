"""Merging two members: their ledger, tier, orders, redemptions, caps and identities, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from campaigns import facts
from campaigns.models import CapCounter, Carry, SegmentMember, WakeupRecipient
from campaigns.services import claims
from campaigns.services.messages import subscriptions
from loyalty.lib import ids
from loyalty.lib.errors import Invalid
from loyalty.outbox import services as outbox
from mall import services as mall
from members import services as members
from members.models import Member
from points import services as points
from points.postings import AccountState
from points.services import tiermerge

_ADD_CAPS = """
INSERT INTO campaigns_capcounter (member_id, rule, kind, period, used)
SELECT %s, rule, kind, period, used FROM campaigns_capcounter WHERE member_id = %s
ON CONFLICT (member_id, rule, kind, period) DO UPDATE SET used = campaigns_capcounter.used + EXCLUDED.used
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """Who was merged into whom, and the accounts of the one who stays."""

    member_id: UUID
    into: UUID
    accounts: tuple[AccountState, ...]
    replayed: bool = False


def merge_members(*, member_id: UUID, into_id: UUID, actor: str, now: datetime) -> Merged:
    """Merge one member into another who stays; repeating it changes nothing and answers as things are.

    Both ledgers keep their history; balances, lots, holds and debt move (see `points.merge`), as do
    identities, orders, claims, activities and redemptions; used caps add up; the higher tier is kept.

    Raises MemberNotFound, MemberNotActive (either was merged or closed before), Invalid (the same member).
    """
    if member_id == into_id:
        raise Invalid.at("/into", "same_member", _("A member cannot be merged into themselves."))
    into_id = _where_both_are(member_id, into_id)
    with transaction.atomic():
        # Accounts before members, like every operation that writes for a member.
        points.lock_members(member_ids=[member_id, into_id])
        member, into = members.lock_pair(member_id=member_id, into_id=into_id)
        if member.merged_into_id == into.pk:
            accounts = points.merge(
                from_member_id=member_id, into_member_id=into_id, journal_id=ids.new(), now=now
            )
            return Merged(member_id, into_id, accounts, replayed=True)
        return _first(member, into, actor, now)


def _where_both_are(member_id: UUID, into_id: UUID) -> UUID:
    """`into_id`, or where both are already: the call may come again after `into` was merged, too."""
    ends = dict(Member.objects.filter(pk__in=[member_id, into_id]).values_list("pk", "merged_into"))
    end = ends.get(member_id)
    return end if end is not None and end == ends.get(into_id) else into_id


def _first(member: Member, into: Member, actor: str, now: datetime) -> Merged:
    for each in (member, into):
        points.settle(member_id=each.pk, now=now)
    tiermerge.merge(from_member_id=member.pk, into_member_id=into.pk, now=now)
    journal_id = ids.new()
    accounts = points.merge(
        from_member_id=member.pk, into_member_id=into.pk, journal_id=journal_id, actor=actor, now=now
    )
    mall.merge(from_member_id=member.pk, into_member_id=into.pk)
    _merge_caps(member.pk, into.pk)
    subscriptions.merge(from_member_id=member.pk, into_member_id=into.pk, now=now)
    members.merge(member=member, into=into)
    claims.merge(member=member, into=into, now=now)
    outbox.publish(
        type="member.merged",
        payload={
            "member_id": str(member.pk),
            "into": str(into.pk),
            "journal": str(journal_id),
            "accounts": [
                {
                    "account_id": str(account.account_id),
                    "points_currency": account.currency,
                    "available": account.available,
                    "pending": account.pending,
                    "held": account.held,
                    "debt": account.debt,
                }
                for account in accounts
            ],
        },
        member_id=into.pk,
        occurred_at=now,
    )
    return Merged(member.pk, into.pk, accounts)


def _merge_caps(member_id: UUID, into_id: UUID) -> None:
    """What either used of a cap is used; what flooring cut of either is kept."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_CAPS, [into_id, member_id])
    CapCounter.objects.filter(member_id=member_id).delete()
    SegmentMember.objects.filter(member_id=member_id).delete()
    # Of a run that went to both, each keeps their own.
    own = WakeupRecipient.objects.filter(member_id=into_id).values("run_id")
    WakeupRecipient.objects.filter(member_id=member_id).exclude(run_id__in=own).update(member_id=into_id)
    cut = facts.carried(member_id)
    if cut:
        before = facts.carried(into_id)
        facts.store_carry(
            into_id, {currency: before.get(currency, 0) + part for currency, part in cut.items()}
        )
        Carry.objects.filter(member_id=member_id).delete()
