"""What an account's points wait for: holds that reserve them, and adjustments that nobody has decided yet."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from points.models import Account, AdjustmentRequest, Hold

MOST = 20
"""How many of each are shown."""
OF_PARTNERS = "hold"
"""The source of what partners reserve; with it a reference is looked up by the index."""


def open_holds(account: Account, now: datetime) -> Sequence[Hold]:
    """The holds that reserve points at `now`, those that end first on top. One that is over holds nothing,
    swept or not."""
    found = Hold.objects.filter(account=account, status=Hold.Status.OPEN, expires_at__gt=now)
    return list(found.order_by("expires_at", "id")[:MOST])


def undecided(account: Account) -> Sequence[AdjustmentRequest]:
    """The adjustments and reversals of this account that wait for a second operator, the oldest first."""
    found = AdjustmentRequest.objects.filter(
        status=AdjustmentRequest.Status.PENDING_APPROVAL,
        member_id=account.member_id,
        currency=account.currency,
    )
    return list(found.order_by("requested_at", "id")[:MOST])


def holders(term: str) -> set[UUID]:
    """The members whose points the hold of this reference or id reserves, or reserved."""
    named = Hold.objects.filter(source=OF_PARTNERS, reference=term)
    found = set(named.values_list("account__member_id", flat=True))
    try:
        key = UUID(term)
    except ValueError:
        return found
    return found | set(Hold.objects.filter(pk=key).values_list("account__member_id", flat=True))
