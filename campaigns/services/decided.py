"""The steps that wake-ups and audience grants share: put forward, agreed to by somebody else, ended early."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from campaigns.errors import WrongState
from campaigns.models.decided import Decided
from points.errors import SameOperator
from tenants.context import current_brand

Status = Decided.Status
LONGEST_NOTE: Final = 500
DECIDED: Final = (
    "status", "needs_approval", "submitted_at", "submitted_by", "approved_at", "approved_by", "ended_at",
    "ended_by", "note",
)  # fmt: skip
"""The fields that these steps write."""


def approval_needed(policy: str, *, by_api: bool) -> bool:
    """Whether the current brand asks for a second operator: always, or for what the console submits."""
    asked = current_brand().setting(policy)
    return asked == "all" or (asked == "console" and not by_api)


def expect(row: Decided, *wanted: str) -> None:
    """Raises WrongState unless the row is in one of these states."""
    if row.status not in wanted:
        raise WrongState(state=row.status)


def submit(row: Decided, *, actor: str, now: datetime, note: str, needs_approval: bool) -> bool:
    """Put a draft forward; whether it may run without anybody else. The caller holds the lock and saves.

    Raises WrongState.
    """
    expect(row, Status.DRAFT)
    row.submitted_at, row.submitted_by, row.note = now, actor, note[:LONGEST_NOTE]
    row.needs_approval = needs_approval
    row.status = Status.SUBMITTED if needs_approval else Status.SCHEDULED
    return not needs_approval


def approve(row: Decided, *, actor: str, now: datetime) -> None:
    """Agree, as somebody else than who submitted. The caller holds the lock and saves.

    Raises WrongState, SameOperator.
    """
    expect(row, Status.SUBMITTED)
    _somebody_else(row, actor)
    row.status, row.approved_at, row.approved_by = Status.SCHEDULED, now, actor


def reject(row: Decided, *, actor: str, reason: str) -> None:
    """Turn down what was submitted: it is a draft again, with the reason as its note.

    Raises WrongState, SameOperator (take it back by cancelling it).
    """
    expect(row, Status.SUBMITTED)
    _somebody_else(row, actor)
    row.status, row.note = Status.DRAFT, reason[:LONGEST_NOTE]


def end(row: Decided, status: str, *, actor: str, now: datetime, before: Collection[str]) -> None:
    """End it as done or cancelled, from one of the states `before`. Raises WrongState."""
    expect(row, *before)
    row.status, row.ended_at, row.ended_by = status, now, actor


def _somebody_else(row: Decided, actor: str) -> None:
    if row.submitted_by == actor:
        raise SameOperator
