"""Every row lock of this room."""

from uuid import UUID

from members.models import Member


def member(member_id: UUID) -> Member | None:
    """The member, locked until the transaction ends, or None."""
    return Member.objects.select_for_update(of=("self",)).filter(pk=member_id).first()
