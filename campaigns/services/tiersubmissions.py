"""Tiers in four eyes, in the way of rules: put forward, decided by somebody else, in force now or at a time.

Their multipliers are earning rules, so it is the policy of the rules that asks for a second operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from django.db import transaction

from campaigns import locks
from campaigns.models import TierSubmission
from campaigns.services import tierprogram
from campaigns.services.submissions import approval_needed
from loyalty.lib import foureyes
from loyalty.lib.foureyes import FourEyes, NothingSubmitted
from loyalty.outbox import services as outbox
from points.errors import TiersChanged
from points.services import tiers

Status = TierSubmission.Status
TOLD: Final = {
    "submitted": "tiers.submitted",
    "approved": "tiers.approved",
    "rejected": "tiers.rejected",
    "failed": "tiers.publication_failed",
}
"""The steps that are events; `tiers.changed` tells when they are in force."""


class _Tiers(FourEyes[TierSubmission]):
    """What the submissions of tiers add to the life of all submissions."""

    def check(self, submission: TierSubmission, now: datetime) -> None:
        """It still comes instead of what it was written for. Raises TiersChanged."""
        if tiers.version() != submission.instead_of:
            raise TiersChanged

    def carry_out(self, submission: TierSubmission, found: Any, *, actor: str, now: datetime) -> int:
        """Put it in force. Raises Invalid for a multiplier that no rule may have."""
        program = tierprogram.put_in_force(
            config=submission.body, actor=actor, now=now, instead_of=submission.instead_of
        )
        return program.version

    def told(
        self, submission: TierSubmission, taken: str, *, actor: str, now: datetime, note: str = ""
    ) -> None:
        """Its event; who took it stands in the row."""
        if taken in TOLD:
            payload = foureyes.told_of(submission, actor, note)
            outbox.publish(type=TOLD[taken], payload=payload, occurred_at=now)


_TIERS: Final = _Tiers()


def publish(
    *,
    config: Mapping[str, Any],
    actor: str,
    now: datetime,
    at: datetime | None = None,
    note: str = "",
    instead_of: int | None = None,
    replaces: int | Literal["any"] | None = "any",
    by_api: bool = False,
) -> TierSubmission | None:
    """Put a checked programme in force, and return None; or the submission that waits for a second operator
    where the brand asks for one, else for its time.

    What is in force already needs nobody. `instead_of` is the version that the caller saw, 0 for none;
    `replaces` is the waiting submission that may give way to this one: a number, none, or any.
    Raises TiersChanged, SubmissionOpen, and Invalid for a multiplier that no rule may have.
    """
    with transaction.atomic():
        locks.tiers()
        needed = approval_needed(by_api=by_api)
        later = at is not None and at > now
        if needed and tiers.config() == config and instead_of in (None, tiers.version()):
            return None
        if needed or later:
            made = _made(config, actor, now, at, note, instead_of, needs_approval=needed)
            return _put_forward(made, now, replaces)
        opened = locks.open_tier_submission()
        if opened is not None:
            raise foureyes.still_open(opened)
        tierprogram.put_in_force(config=config, actor=actor, now=now, instead_of=instead_of)
        return None


def submit(
    *, config: Mapping[str, Any], actor: str, now: datetime, at: datetime | None = None, note: str = ""
) -> TierSubmission:
    """Put a checked programme forward, to be in force at `at`, or as soon as it is approved.

    A waiting submission with other content is replaced; repeating the same changes nothing.
    Raises SubmissionOpen (one is scheduled already).
    """
    with transaction.atomic():
        locks.tiers()
        return _put_forward(_made(config, actor, now, at, note, None, needs_approval=True), now)


def approve(
    *, actor: str, now: datetime, number: int | None = None, at: datetime | None = None, note: str = ""
) -> TierSubmission:
    """Approve what waits: exactly what was submitted is in force, at once or at the time asked for.

    Raises NothingSubmitted, SubmissionChanged, SameOperator, TiersChanged, Invalid.
    """
    with transaction.atomic():
        locks.tiers()
        waiting = foureyes.waiting(locks.open_tier_submission(), actor, number)
        _TIERS.approve(waiting, actor=actor, now=now, at=at, note=note)
        return waiting


def reject(*, actor: str, now: datetime, reason: str, number: int | None = None) -> TierSubmission:
    """Turn down what waits, with a reason.

    Raises NothingSubmitted, SubmissionChanged, SameOperator (withdraw it instead), Invalid (no reason).
    """
    said = foureyes.reason_given(reason)
    with transaction.atomic():
        locks.tiers()
        waiting = foureyes.waiting(locks.open_tier_submission(), actor, number)
        _TIERS.reject(waiting, actor=actor, now=now, reason=said)
        return waiting


def withdraw(*, actor: str, now: datetime, reason: str = "") -> TierSubmission:
    """Take back what waits or is scheduled. Raises NothingSubmitted."""
    with transaction.atomic():
        locks.tiers()
        opened = locks.open_tier_submission()
        if opened is None:
            raise NothingSubmitted
        _TIERS.withdraw(opened, actor=actor, now=now, reason=reason)
        return opened


def latest() -> TierSubmission | None:
    """The newest submission, whatever became of it."""
    return TierSubmission.objects.order_by("-number").first()


def opened() -> TierSubmission | None:
    """The submission that waits, for a decision or for its time."""
    return TierSubmission.objects.filter(status__in=TierSubmission.OPEN).first()


def publish_due(*, now: datetime) -> int:
    """Put in force what is scheduled and due; returns how many submissions were settled (at most one)."""
    due = TierSubmission.objects.filter(status=Status.SCHEDULED, publish_at__lte=now).values_list(
        "pk", flat=True
    )
    found = due.first()
    if found is None:
        return 0
    with transaction.atomic():
        locks.tiers()
        return int(_TIERS.publish_scheduled(locks.open_tier_submission(), found, now=now))


def _put_forward(
    made: TierSubmission, now: datetime, replaces: int | Literal["any"] | None = "any"
) -> TierSubmission:
    opened = locks.open_tier_submission()
    kept = opened is not None and replaces not in ("any", opened.number)
    if opened is not None and kept and _TIERS.said(opened) != _TIERS.said(made):
        raise foureyes.still_open(opened)
    return _TIERS.put_forward(made, TierSubmission.objects.all(), opened, now=now)


def _made(
    config: Mapping[str, Any],
    actor: str,
    now: datetime,
    at: datetime | None,
    note: str,
    instead_of: int | None,
    *,
    needs_approval: bool,
) -> TierSubmission:
    """A submission, not stored yet. Raises TiersChanged where `instead_of` is not in force any more."""
    running = tiers.version()
    if instead_of is not None and instead_of != running:
        raise TiersChanged
    return TierSubmission(
        body=dict(config),
        instead_of=running,
        status=Status.PENDING_APPROVAL if needs_approval else Status.SCHEDULED,
        needs_approval=needs_approval,
        publish_at=at,
        submitted_at=now,
        submitted_by=actor,
        note=note,
    )
