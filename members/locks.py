"""Every lock of this room."""

from collections.abc import Sequence
from uuid import UUID

from loyalty.lib.database import connection
from members.models import Member, RefreshToken


def member(member_id: UUID) -> Member | None:
    """The member, locked until the transaction ends, or None."""
    return Member.objects.select_for_update(of=("self",)).filter(pk=member_id).first()


def members(member_ids: Sequence[UUID]) -> list[Member]:
    """The members, locked in the order of their keys until the transaction ends."""
    rows = Member.objects.select_for_update(of=("self",)).filter(pk__in=member_ids)
    return list(rows.order_by("pk"))


def refresh_token(digest: str) -> RefreshToken | None:
    """The refresh token of this digest with its member, locked until the transaction ends, or None.

    Its whole family is locked first: a revocation must not miss a token that is being issued meanwhile.
    """
    family = RefreshToken.objects.filter(digest=digest).values_list("family", flat=True).first()
    if family is None:
        return None
    with connection.cursor() as cursor:
        name = f"{connection.schema_name}\x1frefresh\x1f{family}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])
    rows = RefreshToken.objects.select_for_update(of=("self",)).select_related("member")
    return rows.filter(digest=digest).first()


def signing_keys() -> None:
    """One maker of the brand's signing key at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        name = f"{connection.schema_name}\x1fsigning_key"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])
