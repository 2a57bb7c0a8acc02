"""The cells of the compliance matrix that a brand unlocks: asked for, agreed to, withdrawn, carried over.

An owner asks, with counsel's note and a reason; another operator agrees. Where there is no other, the owner
says the password once more, is told by mail and in the console, and the cell is unlocked a day after that
unless somebody withdraws it. Locking again needs one person and no time. Every step is a row that is never
rewritten; where the matrix is read, it stands in the brand's shared row (`compliance_unlocked`, `carrying`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import compliance, foureyes
from loyalty.lib.errors import FieldError, Invalid, Refusal
from loyalty.lib.foureyes import LONGEST_NOTE, FourEyes, NothingSubmitted
from tenants.context import current_brand
from tenants.models import Brand
from tenants.operators import carrying, compliancenotices, locks
from tenants.operators.models import ALONE_HOURS, ComplianceChange, Operator, Role

MARK: Final = "compliance_change"
"""Beside the policies in the shared row: the version of the last change that was carried over."""
UNLOCKED: Final = "compliance_unlocked"
DECIDERS: Final = (Role.OWNER, Role.MARKETING)
"""Roles of which a second operator may agree, and anybody withdraw."""
DELAY: Final = timedelta(hours=ALONE_HOURS)
LONGEST_COUNSEL: Final = 4000
Cell = tuple[str, str]
Status = ComplianceChange.Status


class StepUpNeeded(Refusal):
    """Nobody else could agree: whoever asks has to say the password once more."""

    code = "step_up_needed"
    status = 403
    title = _("There is no second operator: enter your password once more.")


class _Matrix(FourEyes[ComplianceChange]):
    """What changes of the matrix add to the life of all submissions."""

    def check(self, submission: ComplianceChange, now: datetime) -> None:
        """The cell may still be unlocked. Raises Invalid."""
        if submission.opens:
            _check_cell(submission.tag, submission.act)

    def carry_out(self, submission: ComplianceChange, found: Any, *, actor: str, now: datetime) -> int:
        """The next place in the order of changes; `carry_over` follows when this is committed."""
        last = ComplianceChange.objects.aggregate(last=Max("version"))["last"]
        return (last or 0) + 1

    def told(
        self, submission: ComplianceChange, step: str, *, actor: str, now: datetime, note: str = ""
    ) -> None:
        """Nothing more: the row says who and when, and `settle` tells the owners."""

    def said(self, submission: ComplianceChange) -> tuple[Any, ...]:
        """The time is not part of it: asking twice is asking once."""
        return (submission.opens, submission.counsel, submission.submitted_by, submission.note)


_MATRIX: Final = _Matrix()


def ask(
    *, tag: str, act: str, counsel: str, reason: str, actor: str, now: datetime, stepped_up: bool = False
) -> ComplianceChange:
    """Ask for a cell to be unlocked: it waits for a second operator, or for its day where there is none.

    `stepped_up`: the password was entered once more just now. Asking the same again changes nothing; asking
    in other words takes the place of what waits. Raises Invalid (with pointers: no such cell, one of infants,
    one that is unlocked, no note, no reason), StepUpNeeded, SubmissionOpen (one waits for its day already).
    """
    counsel, reason = counsel.strip(), reason.strip()
    _check_cell(tag, act, _faults(counsel, reason))
    with transaction.atomic():
        locks.compliance()
        if (tag, act) in unlocked():
            raise Invalid.at("/cell", "unlocked", _("This cell is unlocked already."))
        alone = not others(actor)
        if alone and not stepped_up:
            raise StepUpNeeded
        made = ComplianceChange(
            **_of(tag, act, opens=True),
            counsel=counsel,
            note=reason,
            alone=alone,
            stepped_up_at=now if alone else None,
            status=Status.SCHEDULED if alone else Status.PENDING_APPROVAL,
            needs_approval=not alone,
            publish_at=now + DELAY if alone else None,
            submitted_at=now,
            submitted_by=actor,
        )
        opened = locks.open_compliance_change(tag=tag, act=act)
        return _MATRIX.put_forward(made, ComplianceChange.objects.all(), opened, now=now)


def approve(*, number: int, actor: str, now: datetime) -> ComplianceChange:
    """Agree to an unlocking that waits: the cell is unlocked. Needs `carry_over`.

    Raises NothingSubmitted, SameOperator, Invalid (it cannot be unlocked any more).
    """
    with transaction.atomic():
        locks.compliance()
        waiting = foureyes.waiting(locks.open_compliance_change(number=number), actor, number)
        _MATRIX.approve(waiting, actor=actor, now=now)
        return waiting


def reject(*, number: int, actor: str, now: datetime, reason: str) -> ComplianceChange:
    """Turn down an unlocking that waits. Raises NothingSubmitted, SameOperator (lock it instead), Invalid (no
    reason)."""
    said = foureyes.reason_given(reason)
    with transaction.atomic():
        locks.compliance()
        waiting = foureyes.waiting(locks.open_compliance_change(number=number), actor, number)
        _MATRIX.reject(waiting, actor=actor, now=now, reason=said)
        return waiting


def lock(*, tag: str, act: str, actor: str, now: datetime, reason: str = "") -> ComplianceChange:
    """Lock a cell at once: what was asked for is withdrawn, what is unlocked is locked again.

    One person does it alone. Needs `carry_over`. Raises NothingSubmitted (it is locked, and nobody asked).
    """
    reason = reason.strip()[:LONGEST_NOTE]
    with transaction.atomic():
        locks.compliance()
        opened = locks.open_compliance_change(tag=tag, act=act)
        if opened is not None:
            _MATRIX.withdraw(opened, actor=actor, now=now, reason=reason)
        if (tag, act) in unlocked():
            made = ComplianceChange(
                **_of(tag, act, opens=False),
                note=reason,
                status=Status.SCHEDULED,
                needs_approval=False,
                publish_at=now,
                submitted_at=now,
                submitted_by=actor,
            )
            opened = _MATRIX.put_forward(made, ComplianceChange.objects.all(), None, now=now)
            _MATRIX.publish_scheduled(opened, opened.pk, now=now)
    if opened is None:
        raise NothingSubmitted
    return opened


def settle(*, now: datetime) -> int:
    """What the time brings: owners are told of what nobody else agreed to, and what has waited its day is
    unlocked; everything is carried over. Returns how many changes reached the shared row. Safe to repeat.

    Sends mail, so call it outside of a transaction. A mail that cannot be sent is tried again, and the day
    begins when it went out.
    """
    for change in ComplianceChange.objects.filter(status=Status.SCHEDULED, alone=True, told_at=None):
        if compliancenotices.tell_owners(change):
            _told(change.number, now)
    due = ComplianceChange.objects.filter(
        status=Status.SCHEDULED, alone=True, publish_at__lte=now, told_at__lte=now - DELAY
    )
    for number in due.order_by("number").values_list("number", flat=True):
        with transaction.atomic():
            locks.compliance()
            opened = locks.open_compliance_change(number=number)
            if opened is not None:
                _MATRIX.publish_scheduled(opened, opened.pk, now=now)
    return carry_over(current_brand())


def is_any_due(now: datetime) -> bool:
    """Whether `settle` has something to do: owners to be told, a day that is over, a change to be carried."""
    alone = ComplianceChange.objects.filter(status=Status.SCHEDULED, alone=True)
    over = Q(publish_at__lte=now, told_at__lte=now - DELAY)
    return alone.filter(Q(told_at=None) | over).exists() or bool(_behind(current_brand()))


def others(actor: str) -> list[str]:
    """Who could agree to what this operator asks for, by address."""
    found = Operator.objects.filter(is_active=True, role__in=DECIDERS).order_by("pk")
    return [name for name in found.values_list("username", flat=True) if f"operator:{name}" != actor]


def unlocked() -> set[Cell]:
    """The current brand's unlocked cells, with what is decided and not carried over yet."""
    brand = current_brand()
    cells = {(tag, act) for tag, act in brand.setting(UNLOCKED)}
    for _version, (cell, opens) in _behind(brand):
        cells = cells | {cell} if opens else cells - {cell}
    return cells


def last_decided() -> dict[Cell, ComplianceChange]:
    """The last decided change of each cell that ever had one."""
    rows = ComplianceChange.objects.filter(status=Status.PUBLISHED).order_by("version")
    return {(row.tag, row.act): row for row in rows}


def carry_over(brand: Brand) -> int:
    """Copy what is decided to the shared row; returns how many changes were new there.

    Call it after the transaction of the change.
    """
    return carrying.carry(brand, MARK, _behind(brand), _into)


def _into(settings: carrying.Settings, change: tuple[Cell, bool]) -> carrying.Settings:
    """One cell more or less; what the platform unlocked by itself stays."""
    (tag, act), opens = change
    kept = [cell for cell in settings.get(UNLOCKED, []) if tuple(cell) != (tag, act)]
    return {**settings, UNLOCKED: [*kept, [tag, act]] if opens else kept}


def _behind(brand: Brand) -> list[tuple[int, tuple[Cell, bool]]]:
    """Version, cell and direction of what is decided and, as far as this process knows, not carried over."""
    rows = ComplianceChange.objects.filter(status=Status.PUBLISHED, version__gt=brand.settings.get(MARK, 0))
    return [(row.version or 0, ((row.tag, row.act), row.opens)) for row in rows.order_by("version")]


def _told(number: int, now: datetime) -> None:
    """The notice went out: the day begins."""
    with transaction.atomic():
        locks.compliance()
        opened = locks.open_compliance_change(number=number)
        if opened is not None and opened.told_at is None:
            opened.told_at = now
            opened.publish_at = max(now + DELAY, opened.publish_at or now)
            opened.save(update_fields=["told_at", "publish_at"])


def _of(tag: str, act: str, *, opens: bool) -> dict[str, Any]:
    return {"tag": tag, "act": act, "opens": opens, "body": {"cell": [tag, act], "opens": opens}}


def _faults(counsel: str, reason: str) -> list[FieldError]:
    texts = (("counsel", counsel, LONGEST_COUNSEL), ("reason", reason, LONGEST_NOTE))
    missing = [
        FieldError(f"/{name}", "required", _("This field is required."))
        for name, text, _m in texts
        if not text
    ]
    return missing + [
        FieldError(f"/{name}", "max_length", _("At most %(most)d characters.") % {"most": most})
        for name, text, most in texts
        if len(text) > most
    ]


def _check_cell(tag: str, act: str, faults: Iterable[FieldError] = ()) -> None:
    found = list(faults)
    if tag in compliance.INFANT_TAGS:
        detail = _("The rows of infants are never unlocked.")
        found.append(FieldError("/cell", "infant", detail))
    elif (tag, act) not in compliance.unlockable(current_brand().setting("compliance")):
        detail = _("The matrix has no such cell to unlock.")
        found.append(FieldError("/cell", "unknown", detail))
    if found:
        raise Invalid(found)
