"""The words in which the ledger is spoken to: what to post, and what came of it.

Points are integers; instants are aware datetimes in UTC. Nothing here touches the database. What each hot
call takes and answers with is a NamedTuple: a frozen dataclass takes more than twice as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

UNDONE_ELSEWHERE = frozenset({"redemption"})
"""Sources whose entries are undone together with what else belongs to them, by an operation of their own."""
MAX_POINTS = 10**12
"""The most that one operation may move."""

DEFAULT_CURRENCY = "points"


class SystemAccount:
    """The other side of every movement. An alliance account is `alliance:<brand>`."""

    ISSUANCE = "issuance"
    REDEMPTION = "redemption"
    BREAKAGE = "breakage"
    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"
    DONATION = "donation"
    OPENING = "opening"
    ALLIANCE_PREFIX = "alliance:"


class Posting(NamedTuple):
    """One entry that `post` is to write: points that a member earns and the lot that they open.

    `points` > 0. `direction` is +1 (the member is credited). A lot is pending with `available_at`
    in the future or with `waits_for`/`waits_ref` (the event that frees it), else open at once.
    `expires_at` is exclusive; `inactivity_months` says that the account's last accrual or burn
    decides instead. Both empty: the lot never expires.
    """

    kind: str
    points: int
    direction: int
    system_account: str
    source: str
    reference: str
    rule: str = ""
    rule_version: int | None = None
    currency: str = DEFAULT_CURRENCY
    effective_at: datetime | None = None
    available_at: datetime | None = None
    waits_for: str | None = None
    waits_ref: str | None = None
    expires_at: datetime | None = None
    inactivity_months: int | None = None
    cost_centre: str = ""
    explanation: dict[str, Any] | None = None
    reason: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Journal:
    """One business fact of a bulk: what `post` takes, for one member."""

    member_id: UUID
    journal_id: UUID
    entries: Sequence[Posting]
    event_data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ClawbackItem:
    """How many points of one earlier accrual entry are to be taken back."""

    entry_id: UUID
    points: int
    rule: str = ""


class AccountState(NamedTuple):
    """A points account as it stood at the end of an operation."""

    account_id: UUID
    member_id: UUID
    currency: str
    available: int
    pending: int
    held: int
    debt: int
    lifetime_accrued: int
    earn_frozen: bool = False
    burn_frozen: bool = False

    @property
    def balance(self) -> int:
        """available + pending + held − debt."""
        return self.available + self.pending + self.held - self.debt


class EntryResult(NamedTuple):
    """One ledger entry as written. `points` is signed from the member's side."""

    entry_id: UUID
    kind: str
    points: int
    balance_after: int
    rule: str = ""
    rule_version: int | None = None
    currency: str = DEFAULT_CURRENCY
    lot_id: UUID | None = None
    available_at: datetime | None = None
    expires_at: datetime | None = None
    pending: bool = False
    debt_repaid: int = 0
    replayed: bool = False


class PostResult(NamedTuple):
    """What `post` wrote. `account` is that of the first entry's currency; `accounts` has all."""

    account: AccountState
    entries: tuple[EntryResult, ...]
    accounts: dict[str, AccountState]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class BurnResult:
    """What a burn, a capture, an adjustment or a reversal wrote."""

    entry: EntryResult
    account: AccountState
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ActivationResult:
    """What became available of one entry: `points`, of which `debt_repaid` paid a debt."""

    entry_id: UUID
    points: int
    debt_repaid: int
    account: AccountState
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class HoldResult:
    """A hold as it stands. `entry` is the capture, where there was one."""

    hold_id: UUID
    status: str
    points: int
    captured: int
    released: int
    expires_at: datetime
    account: AccountState
    entry: EntryResult | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ClawbackResult:
    """What was taken back: `taken` from lots, `debt_added` owed from now on."""

    account: AccountState
    entries: tuple[EntryResult, ...]
    taken: int
    debt_added: int
    accounts: dict[str, AccountState]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class TransferResult:
    """Both sides of a transfer: the giver's entry and the receiver's."""

    journal_id: UUID
    sent: EntryResult
    received: EntryResult
    from_account: AccountState
    to_account: AccountState
    replayed: bool = False
