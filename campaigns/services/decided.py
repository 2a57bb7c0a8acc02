"""The steps that wake-ups and audience grants share: put forward, agreed to by somebody else, ended early."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from campaigns.errors import CodeTaken, WrongState
from campaigns.models.decided import Decided
from loyalty.lib.errors import Refusal
from loyalty.lib.foureyes import SameOperator
from tenants.context import current_brand

Status = Decided.Status
LONGEST_NOTE: Final = 500
DECIDED: Final = (
    "status", "needs_approval", "submitted_at", "submitted_by", "approved_at", "approved_by", "ended_at",
    "ended_by", "note",
)  # fmt: skip
"""The fields that these steps write."""


PAST: Final = _("This time is past. Leave it empty to begin as soon as it is decided.")
Row = TypeVar("Row", bound=Decided)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions(Generic[Row]):
    """The steps of one kind of row, each in a transaction under the lock on the row.

    `model` and `locked` are its table and its lock, `missing` what is raised where there is none; `policy`
    is the brand's word on who has to agree. `fill` writes values into a draft, `values` gives those of one;
    `put_forward` and `look_again` raise Invalid where what it names no longer holds, at submission (what it
    goes by is fixed then) and at approval; `timely` raises Invalid where its time is past, as it is saved and
    put forward (who agrees late lets it begin at once); `schedule` says when it begins; `tell` of a step that
    was taken.
    """

    model: type[Row]
    locked: Callable[[str], Row | None]
    missing: type[Refusal]
    policy: str
    fill: Callable[[Row, Mapping[str, Any]], None]
    values: Callable[[Row], Mapping[str, Any]]
    put_forward: Callable[[Row], None]
    look_again: Callable[[Row], None]
    timely: Callable[[Row, datetime], None]
    schedule: Callable[[Row, datetime], None]
    tell: Callable[[str, Row, str, datetime], None]

    def create(self, *, code: str, values: Mapping[str, Any], actor: str, now: datetime) -> Row:
        """Save a new one as a draft. `values` are the fields of the model; `segment` is a code.

        Raises Invalid (with pointers), CodeTaken.
        """
        row = self.model(code=code, created_at=now, created_by=actor)
        self.fill(row, values)
        self.timely(row, now)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise CodeTaken(taken=code) from error
        return row

    def update(self, *, code: str, changes: Mapping[str, Any], now: datetime) -> Row:
        """Change a draft. Raises what is missing, WrongState, Invalid."""
        with transaction.atomic():
            row = self.lock(code)
            expect(row, Status.DRAFT)
            self.fill(row, {**self.values(row), **changes})
            self.timely(row, now)
            row.save()
            return row

    def submit(self, *, code: str, actor: str, now: datetime, note: str = "", by_api: bool = False) -> Row:
        """Put a draft forward; where nobody else needs to agree it is scheduled at once.

        Raises what is missing, WrongState, Invalid (what it names no longer holds, its time is past, or it
        would never begin).
        """
        with transaction.atomic():
            row = self.lock(code)
            expect(row, Status.DRAFT)
            self.put_forward(row)
            self.timely(row, now)
            needed = approval_needed(self.policy, by_api=by_api)
            if submit(row, actor=actor, now=now, note=note, needs_approval=needed):
                self.schedule(row, now)
            row.save()
            self.tell("submitted" if needed else "scheduled", row, actor, now)
            return row

    def approve(self, *, code: str, actor: str, now: datetime) -> Row:
        """Agree, as somebody else than who submitted. Raises what is missing, WrongState, SameOperator,
        Invalid."""
        with transaction.atomic():
            row = self.lock(code)
            approve(row, actor=actor, now=now)
            self.look_again(row)
            self.schedule(row, now)
            row.save()
            self.tell("approved", row, actor, now)
            return row

    def reject(self, *, code: str, actor: str, now: datetime, reason: str) -> Row:
        """Turn down what was submitted, with a reason. Raises what is missing, WrongState, SameOperator."""
        with transaction.atomic():
            row = self.lock(code)
            reject(row, actor=actor, reason=reason)
            row.save(update_fields=DECIDED)
            return row

    def find(self, code: str) -> Row:
        """The row of this code, with its segment. Raises what is missing."""
        row = self.model._default_manager.select_related("segment").filter(code=code).first()
        if row is None:
            raise self.missing
        return row

    def lock(self, code: str) -> Row:
        """The row of this code, locked. Raises what is missing."""
        row = self.locked(code)
        if row is None:
            raise self.missing
        return row


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
