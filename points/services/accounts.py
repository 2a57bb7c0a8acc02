"""Opening, locking and freezing points accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from points import ledger
from points.postings import DEFAULT_CURRENCY, AccountState
from tenants.context import current_brand


def open_account(*, member_id: UUID, now: datetime, currency: str = DEFAULT_CURRENCY) -> UUID:
    """Make sure that the member has an account in `currency`, and return its id. Repeating is harmless."""
    data = ledger.call(
        "points_open",
        {
            "p_member": ("uuid", member_id),
            "p_currency": ("text", currency),
            "p_now": ("timestamptz", now),
        },
    )
    return UUID(data) if isinstance(data, str) else data


def lock_account(*, member_id: UUID, now: datetime, currency: str = DEFAULT_CURRENCY) -> AccountState:
    """Lock the member's account row until the transaction ends, settle what is due, and say how it stands.

    Opens the account if there is none. Call it inside a transaction, before reading facts that depend
    on the member's earlier operations.
    """
    data = ledger.call(
        "points_lock",
        {
            "p_member": ("uuid", member_id),
            "p_currency": ("text", currency),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return ledger.account_state(data, member_id)


def freeze(
    *, member_id: UUID, earn: bool, burn: bool, reason: str, now: datetime
) -> tuple[AccountState, ...]:
    """Freeze earning and/or spending of all the member's accounts, with a reason. Returns the accounts."""
    return _set_frozen(member_id=member_id, earn=earn, burn=burn, reason=reason, now=now)


def unfreeze(*, member_id: UUID, now: datetime) -> tuple[AccountState, ...]:
    """Lift any freeze of all the member's accounts. Returns the accounts."""
    return _set_frozen(member_id=member_id, earn=False, burn=False, reason="", now=now)


def lock_members(*, member_ids: Sequence[UUID]) -> int:
    """Lock all accounts of these members, in the order of their keys, until the transaction ends."""
    return int(ledger.call("points_lock_members", {"p_members": ("uuid[]", list(member_ids))}))


def merge(
    *, from_member_id: UUID, into_member_id: UUID, journal_id: UUID, now: datetime, actor: str = ""
) -> tuple[AccountState, ...]:
    """Move all that one member's accounts hold to another's, currency by currency; returns those.

    Lots keep their ends and what they wait for, holds their parts and their end; debt goes along, and what
    of either was frozen stays frozen. What comes back to the emptied accounts later moves on at once.
    Repeating it moves nothing. Writes no event; the caller merges the members and tells of both.
    """
    data = ledger.call(
        "points_merge",
        {
            "p_from": ("uuid", from_member_id),
            "p_into": ("uuid", into_member_id),
            "p_journal": ("uuid", journal_id),
            "p_actor": ("text", actor),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return tuple(ledger.account_state(item, into_member_id) for item in data)


def _set_frozen(
    *, member_id: UUID, earn: bool, burn: bool, reason: str, now: datetime
) -> tuple[AccountState, ...]:
    data = ledger.call(
        "points_freeze",
        {
            "p_member": ("uuid", member_id),
            "p_earn": ("boolean", earn),
            "p_burn": ("boolean", burn),
            "p_reason": ("text", reason),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    return tuple(ledger.account_state(item, member_id) for item in data)
