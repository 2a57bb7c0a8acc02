"""From a draft to a version in four eyes: submitted, decided by somebody else, published now or at its time.

What is submitted is a copy that never changes, so what is approved is what runs; a draft that was changed
since needs a submission of its own. Of a rule at most one submission is open (waiting, or scheduled).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from campaigns import locks
from campaigns.errors import NothingSubmitted, NothingToPublish, SubmissionChanged, SubmissionOpen
from campaigns.models import Rule, RuleStep, RuleSubmission
from campaigns.services import rulewriting
from campaigns.services.rulewriting import Saved, checked, locked, step, warnings_of
from loyalty.lib import instants
from loyalty.lib.errors import Invalid
from points.errors import SameOperator
from tenants.context import current_brand

WORKER: Final = "worker"
Status = RuleSubmission.Status
Kind = RuleStep.Kind


def approval_needed(*, by_api: bool = False) -> bool:
    """Whether a rule of the current brand runs only after a second operator approved it."""
    asked = current_brand().setting("rule_approval")
    return asked == "all" or (asked == "console" and not by_api)


def submit(*, code: str, actor: str, now: datetime, at: datetime | None = None, note: str = "") -> Saved:
    """Put the draft forward as it is now, to be published at `at`, or as soon as it is approved.

    A waiting submission with other content is replaced; repeating the same changes nothing.
    Raises RuleNotFound, RuleRetired, NothingToPublish, SubmissionOpen (one is scheduled already), Invalid.
    """
    with transaction.atomic():
        rule = locked(code)
        if rule.draft is None:
            raise NothingToPublish(rule=code)
        found = checked(rule.draft, now)
        opened = locks.open_submission(rule)
        if opened is not None:
            same = (opened.body, opened.submitted_by, opened.publish_at, opened.note)
            if opened.status == Status.PENDING_APPROVAL and same == (rule.draft, actor, at, note):
                return Saved(rule, warnings_of(found), opened)
            if opened.status == Status.SCHEDULED:
                raise _still_open(opened)
            _end(opened, Status.REPLACED, actor=actor, now=now)
        made = _create(rule, actor=actor, now=now, at=at, note=note, needs_approval=True)
        step(rule, Kind.SUBMITTED, actor=actor, now=now, note=note, submission=made)
        _tell("rule.submitted", made, actor, now, note)
        return Saved(rule, warnings_of(found), made)


def approve(
    *,
    code: str,
    actor: str,
    now: datetime,
    number: int | None = None,
    at: datetime | None = None,
    note: str = "",
) -> Saved:
    """Approve what waits: exactly what was submitted is published, at once or at the time asked for.

    `number` is the submission that was looked at; `at` is another time than the one asked for.
    Raises RuleNotFound, RuleRetired, NothingSubmitted, SubmissionChanged, SameOperator, and Invalid if it no
    longer holds.
    """
    with transaction.atomic():
        rule = locked(code)
        waiting = _waiting(rule, actor, number)
        found = checked(waiting.body, now)
        waiting.approved_by, waiting.approved_at = actor, now
        waiting.publish_at = at if at is not None else waiting.publish_at
        step(rule, Kind.APPROVED, actor=actor, now=now, note=note, submission=waiting)
        _tell("rule.approved", waiting, actor, now, note)
        if waiting.publish_at is not None and waiting.publish_at > now:
            waiting.status = Status.SCHEDULED
            waiting.save(update_fields=["status", "approved_by", "approved_at", "publish_at"])
        else:
            _publish(waiting, rule, found, actor=actor, now=now)
        return Saved(rule, warnings_of(found), waiting)


def reject(*, code: str, actor: str, now: datetime, reason: str, number: int | None = None) -> Saved:
    """Turn down what waits, with a reason. The draft stays.

    Raises RuleNotFound, RuleRetired, NothingSubmitted, SubmissionChanged, SameOperator (withdraw it instead),
    Invalid (no reason).
    """
    if not reason.strip():
        raise Invalid.at("/reason", "required", _("This field is required."))
    with transaction.atomic():
        rule = locked(code)
        waiting = _waiting(rule, actor, number)
        _end(waiting, Status.REJECTED, actor=actor, now=now, reason=reason)
        _tell("rule.rejected", waiting, actor, now, reason)
        return Saved(rule, submission=waiting)


def withdraw(*, code: str, actor: str, now: datetime, reason: str = "") -> Saved:
    """Take back what waits or is scheduled. The draft stays. Raises RuleNotFound, NothingSubmitted."""
    with transaction.atomic():
        rule = locked(code, retired=True)
        opened = locks.open_submission(rule)
        if opened is None:
            raise NothingSubmitted(rule=code)
        _end(opened, Status.WITHDRAWN, actor=actor, now=now, reason=reason)
        return Saved(rule, submission=opened)


def schedule(rule: Rule, *, actor: str, now: datetime, at: datetime) -> RuleSubmission:
    """Let the draft be published at `at`, where nobody else needs to agree. The caller holds the lock, and
    the draft was checked."""
    made = _create(rule, actor=actor, now=now, at=at, note="", needs_approval=False)
    step(rule, Kind.SCHEDULED, actor=actor, now=now, submission=made)
    return made


def scheduled_so(rule: Rule, at: datetime | None) -> RuleSubmission | None:
    """The scheduled submission that says what the draft says, for this time: the same call, repeated."""
    opened = locks.open_submission(rule)
    same = opened is not None and (opened.status, opened.body, opened.publish_at) == (
        Status.SCHEDULED,
        rule.draft,
        at,
    )
    return opened if same else None


def refuse_open(rule: Rule) -> None:
    """Raises SubmissionOpen if something of the rule waits or is scheduled. The caller holds the lock."""
    opened = locks.open_submission(rule)
    if opened is not None:
        raise _still_open(opened)


def end_open(rule: Rule, *, actor: str, now: datetime) -> None:
    """Withdraw what is open of a rule that is being retired. The caller holds the lock."""
    opened = locks.open_submission(rule)
    if opened is not None:
        _end(opened, Status.WITHDRAWN, actor=actor, now=now)


def publish_due(*, now: datetime, limit: int) -> int:
    """Publish up to `limit` submissions whose time has come, oldest first; returns how many were settled.

    Each in a transaction of its own, under the lock on its rule: a second worker finds it done. One that no
    longer holds (a tier was deleted) ends as failed, and the version before runs on.
    """
    due = RuleSubmission.objects.filter(status=Status.SCHEDULED, publish_at__lte=now)
    found = due.order_by("publish_at", "pk").values_list("pk", "rule__code")[:limit]
    return sum(_publish_scheduled(submission_id, code, now) for submission_id, code in list(found))


def _publish_scheduled(submission_id: UUID, code: str, now: datetime) -> bool:
    with transaction.atomic():
        rule = locked(code, retired=True)
        scheduled = locks.open_submission(rule)
        if scheduled is None or scheduled.pk != submission_id or scheduled.status != Status.SCHEDULED:
            return False
        try:
            found = checked(scheduled.body, now)
        except Invalid as invalid:
            reason = "; ".join(f"{error.pointer} {error.code}" for error in invalid.errors)
            _end(scheduled, Status.FAILED, actor=WORKER, now=now, reason=reason)
            _tell("rule.publication_failed", scheduled, WORKER, now, reason)
            return True
        _publish(scheduled, rule, found, actor=scheduled.approved_by or scheduled.submitted_by, now=now)
        return True


def _create(
    rule: Rule, *, actor: str, now: datetime, at: datetime | None, note: str, needs_approval: bool
) -> RuleSubmission:
    last = rule.submissions.aggregate(last=Max("number"))["last"] or 0
    return RuleSubmission.objects.create(
        rule=rule,
        number=last + 1,
        body=rule.draft,
        status=Status.PENDING_APPROVAL if needs_approval else Status.SCHEDULED,
        needs_approval=needs_approval,
        publish_at=at,
        submitted_at=now,
        submitted_by=actor,
        note=note,
    )


def _waiting(rule: Rule, actor: str, number: int | None) -> RuleSubmission:
    waiting = locks.open_submission(rule)
    if waiting is None or waiting.status != Status.PENDING_APPROVAL:
        raise NothingSubmitted(rule=rule.code)
    if number is not None and number != waiting.number:
        raise SubmissionChanged(rule=rule.code, number=waiting.number)
    if waiting.submitted_by == actor:
        raise SameOperator
    return waiting


def _still_open(opened: RuleSubmission) -> SubmissionOpen:
    return SubmissionOpen(number=opened.number, submission_status=opened.status)


def _publish(submission: RuleSubmission, rule: Rule, found: Any, *, actor: str, now: datetime) -> None:
    rulewriting.put_in_force(rule, found, actor=actor, now=now, keep_draft=True)
    submission.status, submission.ended_at = Status.PUBLISHED, now
    submission.version = rule.current_version
    submission.save(
        update_fields=["status", "ended_at", "version", "approved_by", "approved_at", "publish_at"]
    )
    step(rule, Kind.PUBLISHED, actor=actor, now=now, submission=submission)


def _end(submission: RuleSubmission, status: str, *, actor: str, now: datetime, reason: str = "") -> None:
    submission.status, submission.ended_at = status, now
    submission.reason = reason[: rulewriting.LONGEST_NOTE]
    submission.save(update_fields=["status", "ended_at", "reason"])
    # The names of the ends are those of their steps.
    step(submission.rule, status, actor=actor, now=now, note=reason, submission=submission)


def _tell(event: str, submission: RuleSubmission, actor: str, now: datetime, note: str) -> None:
    more = {
        "number": submission.number,
        "publish_at": instants.text(submission.publish_at) if submission.publish_at else None,
        "note": note,
    }
    rulewriting.announce(event, submission.rule, actor, now, more)
