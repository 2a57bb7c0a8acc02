"""A brand's policies, changed by its operators: written in the brand, then carried to where they are read.

Policies are read from the brand's row in the shared table, which comes with the host at no cost, and which a
brand's role cannot write. So a change is a row in the brand's schema first: who, when, why, what was before.
`carry_over` copies what is decided to the shared row as the platform, in the order of the numbers, each once.
It may be cut off and repeated at any time (`tenants.tasks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import foureyes
from loyalty.lib.errors import Invalid, Refusal
from loyalty.lib.foureyes import FourEyes, NothingSubmitted
from tenants import policyrules
from tenants.context import current_brand
from tenants.models import Brand
from tenants.operators import carrying, locks
from tenants.operators.models import PolicyChange

MARK: Final = "policy_change"
"""Beside the policies in the shared row: the number of the last change that was carried over."""
Status = PolicyChange.Status


class PeopleOnly(Refusal):
    """A key loosens what law guards, or agrees to it: its holder may be the one who asked."""

    code = "people_only"
    status = 403
    title = _(
        "A control of law is taken away by an owner and a second operator in the console, not by a key."
    )


class _Policies(FourEyes[PolicyChange]):
    """What changes of policies add to the life of all submissions."""

    def check(self, submission: PolicyChange, now: datetime) -> None:
        """It still holds what it held. Raises Invalid."""
        _check(submission.body)

    def carry_out(self, submission: PolicyChange, found: Any, *, actor: str, now: datetime) -> int:
        """Nothing more: `carry_over` follows when this is committed."""
        return submission.number

    def told(self, submission: PolicyChange, step: str, *, actor: str, now: datetime, note: str = "") -> None:
        """Nothing more: the row says who and when."""


_POLICIES: Final = _Policies()


def change(*, changes: Mapping[str, Any], actor: str, now: datetime, note: str = "") -> PolicyChange | None:
    """Change the policies given; None where they say so already.

    Decided at once, but for what loosens a control: that waits for a second operator. Needs `carry_over`.
    Raises Invalid (with pointers; no note where a control of law is loosened), SubmissionOpen (another change
    waits), PeopleOnly (a key loosens a control of law).
    """
    _check(changes)
    with transaction.atomic():
        locks.policies()
        before = in_force()
        new = {key: value for key, value in changes.items() if before[key] != value}
        if not new:
            return None
        loosened = {key for key, value in new.items() if policyrules.loosens(key, before[key], value)}
        needed = bool(loosened)
        if loosened & policyrules.LAW:
            _refuse_keys(actor)
            if not note.strip():
                raise Invalid.at("/note", "required", _("This field is required."))
        made = PolicyChange(
            body=new,
            before={key: before[key] for key in new},
            status=Status.PENDING_APPROVAL if needed else Status.SCHEDULED,
            needs_approval=needed,
            publish_at=None if needed else now,
            submitted_at=now,
            submitted_by=actor,
            note=note,
        )
        made = _POLICIES.put_forward(made, PolicyChange.objects.all(), locks.open_policy_change(), now=now)
        if not needed:
            _POLICIES.publish_scheduled(made, made.pk, now=now)
        return made


def approve(*, actor: str, now: datetime, number: int | None = None) -> PolicyChange:
    """Agree to the change that waits. Needs `carry_over`.

    Raises NothingSubmitted, SubmissionChanged, SameOperator, PeopleOnly, Invalid.
    """
    with transaction.atomic():
        locks.policies()
        waiting = foureyes.waiting(locks.open_policy_change(), actor, number)
        of_law = policyrules.LAW & set(waiting.body)
        if any(policyrules.loosens(key, waiting.before[key], waiting.body[key]) for key in of_law):
            _refuse_keys(actor)
        _POLICIES.approve(waiting, actor=actor, now=now)
        return waiting


def reject(*, actor: str, now: datetime, reason: str, number: int | None = None) -> PolicyChange:
    """Turn down the change that waits.

    Raises NothingSubmitted, SubmissionChanged, SameOperator (withdraw it instead), Invalid (no reason).
    """
    said = foureyes.reason_given(reason)
    with transaction.atomic():
        locks.policies()
        waiting = foureyes.waiting(locks.open_policy_change(), actor, number)
        _POLICIES.reject(waiting, actor=actor, now=now, reason=said)
        return waiting


def withdraw(*, actor: str, now: datetime, reason: str = "") -> PolicyChange:
    """Take back the change that waits. Raises NothingSubmitted."""
    with transaction.atomic():
        locks.policies()
        opened = locks.open_policy_change()
        if opened is None:
            raise NothingSubmitted
        _POLICIES.withdraw(opened, actor=actor, now=now, reason=reason)
        return opened


def in_force() -> dict[str, Any]:
    """The current brand's policies that operators may set, with what is decided and not carried over yet."""
    brand = current_brand()
    found = {key: brand.setting(key) for key in policyrules.CHECKS}
    for _number, body in _behind(brand):
        found |= body
    return found


def is_behind(_now: datetime) -> bool:
    """Whether `carry_over` has something to carry for the current brand."""
    return bool(_behind(current_brand()))


def carry_over(brand: Brand) -> int:
    """Copy what is decided to the shared row; returns how many changes were new there.

    Call it after the transaction of the change.
    """
    return carrying.carry(brand, MARK, _behind(brand), lambda settings, body: {**settings, **body})


def _behind(brand: Brand) -> list[tuple[int, dict[str, Any]]]:
    """Number and values of what is decided and, as far as this process knows, not in the shared row yet."""
    decided = PolicyChange.objects.filter(status=Status.PUBLISHED, number__gt=brand.settings.get(MARK, 0))
    return list(decided.order_by("number").values_list("number", "body"))


def _refuse_keys(actor: str) -> None:
    if actor.startswith("key:"):
        raise PeopleOnly


def _check(changes: Mapping[str, Any]) -> None:
    faults = [fault for key, value in changes.items() if (fault := policyrules.fault(key, value))]
    if faults:
        raise Invalid(faults)
