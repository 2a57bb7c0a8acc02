"""Redemptions and grants of a member who was merged into another."""

from uuid import UUID

from mall.models import Grant, Redemption


def merge(*, from_member_id: UUID, into_member_id: UUID) -> int:
    """Give the redemptions and grants of one member to another; returns how many redemptions.

    The caller holds the locks on both members' accounts. Limits for each member count them there from now on.
    Their burns stay in the ledger where they were written; a cancellation gives the points to where the
    account's points are now.
    """
    Grant.objects.filter(member_id=from_member_id).update(member_id=into_member_id)
    return Redemption.objects.filter(member_id=from_member_id).update(member_id=into_member_id)
