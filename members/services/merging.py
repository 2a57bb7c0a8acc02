"""Two members who are one person: identities, profile and history go to the one who stays."""

from __future__ import annotations

from uuid import UUID

from loyalty.lib import clock
from members import locks
from members.errors import MemberNotActive, MemberNotFound
from members.models import CHECK_IN, Activity, Identity, Member, Purchase
from members.services import consents

_FILLED = ("name", "birthday", "region", "locale")


def lock_pair(*, member_id: UUID, into_id: UUID) -> tuple[Member, Member]:
    """Both members, locked in the order of their keys. Raises MemberNotFound."""
    found = {member.id: member for member in locks.members([member_id, into_id])}
    if member_id not in found or into_id not in found:
        raise MemberNotFound
    return found[member_id], found[into_id]


def merge(*, member: Member, into: Member) -> None:
    """Give all that `member` is known by and did to `into`, and close `member`. Both are locked.

    Identities, orders and activities move; what `into` says of itself stands, gaps are filled; tags,
    children and consents come together. Who was merged into `member` before points to `into` from now on.

    Raises MemberNotActive, naming the one who was merged or closed.
    """
    for each in (member, into):
        if each.status != Member.Status.ACTIVE:
            raise MemberNotActive(member_id=str(each.id))
    Identity.objects.filter(member=member).update(member=into)
    Purchase.objects.filter(member=member).update(member=into)
    _move_activities(member, into)
    Member.objects.filter(referrer=member).exclude(pk=into.pk).update(referrer=into)
    Member.objects.filter(merged_into=member).update(merged_into=into)
    before = list(into.consents)
    _fill(into, member)
    brought = [consent for consent in into.consents if consent not in before]
    if brought:
        consents.record(member_id=into.pk, consents=brought, now=clock.now())
    into.save(update_fields=[*_FILLED, "tags", "children", "consents", "referrer", "updated_at"])
    member.status, member.merged_into = Member.Status.MERGED, into
    member.save(update_fields=["status", "merged_into", "updated_at"])


def _move_activities(member: Member, into: Member) -> None:
    """Let `into` have done what `member` did. Of two check-ins of a day, that of `into` goes on counting."""
    counted = Activity.objects.filter(member=into, type=CHECK_IN, repeats=False)
    days = counted.exclude(status=Activity.Status.REJECTED).values("occurred_on")
    Activity.objects.filter(member=member, type=CHECK_IN, occurred_on__in=days).update(repeats=True)
    Activity.objects.filter(member=member).update(member=into)


def _fill(into: Member, member: Member) -> None:
    for name in _FILLED:
        setattr(into, name, getattr(into, name) or getattr(member, name))
    into.tags = [*into.tags, *(tag for tag in member.tags if tag not in into.tags)]
    into.children = [*into.children, *(child for child in member.children if child not in into.children)]
    given = [*into.consents, *(consent for consent in member.consents if consent not in into.consents)]
    into.consents = sorted(given, key=lambda consent: str(consent.get("at") or ""))
    if into.referrer_id == member.pk or (into.referrer_id is None and member.referrer_id != into.pk):
        # Nobody is their own referrer.
        into.referrer_id = member.referrer_id if member.referrer_id != into.pk else None
