"""From a draft to a version in four eyes, and from a version to its end (`loyalty.lib.foureyes`).

A draft that was changed since it was submitted needs a submission of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from campaigns import locks
from campaigns.errors import NothingToPublish, RuleNotPublished
from campaigns.models import Rule, RuleStep, RuleSubmission
from campaigns.schema import Checked
from campaigns.services import rulewriting
from campaigns.services.rulewriting import Saved, checked, locked, step, warnings_of
from loyalty.lib import foureyes
from loyalty.lib.foureyes import FourEyes, NothingSubmitted
from tenants.context import current_brand

Status = RuleSubmission.Status
Kind = RuleStep.Kind
TOLD: Final = {
    "submitted": "rule.submitted",
    "approved": "rule.approved",
    "rejected": "rule.rejected",
    "failed": "rule.publication_failed",
}
"""The steps that are events."""


class _Rules(FourEyes[RuleSubmission]):
    """What the submissions of rules add to the life of all submissions."""

    def check(self, submission: RuleSubmission, now: datetime) -> Checked | None:
        """The content, checked; nothing of a rule that is to end. Raises Invalid."""
        return None if submission.retires else checked(submission.body, now)

    def carry_out(self, submission: RuleSubmission, found: Any, *, actor: str, now: datetime) -> int:
        """Put the content in force, or end the rule."""
        rule = submission.rule
        if submission.retires:
            rulewriting.end(rule, actor=actor, now=now)
        else:
            rulewriting.put_in_force(rule, found, actor=actor, now=now, keep_draft=True)
        return rule.current_version or 0

    def told(
        self, submission: RuleSubmission, taken: str, *, actor: str, now: datetime, note: str = ""
    ) -> None:
        """A row of the rule's steps, and its event."""
        kind = Kind.RETIRED if submission.retires and taken == Kind.PUBLISHED else taken
        step(submission.rule, kind, actor=actor, now=now, note=note, submission=submission)
        if taken in TOLD:
            more = {**foureyes.told_of(submission, actor, note), "retires": submission.retires}
            rulewriting.announce(TOLD[taken], submission.rule, actor, now, more)

    def said(self, submission: RuleSubmission) -> tuple[Any, ...]:
        """What makes two submissions of a rule the same."""
        return (*super().said(submission), submission.retires)


_RULES: Final = _Rules()


def approval_needed(*, by_api: bool = False) -> bool:
    """Whether a rule of the current brand runs only after a second operator approved it."""
    asked = current_brand().setting("rule_approval")
    return asked == "all" or (asked == "console" and not by_api)


def submit(
    *,
    code: str,
    actor: str,
    now: datetime,
    at: datetime | None = None,
    note: str = "",
    retire: bool = False,
) -> Saved:
    """Put the draft forward as it is now, to be published at `at`, or as soon as it is approved; with
    `retire` the end of the rule that runs.

    A waiting submission with other content is replaced; repeating the same changes nothing.
    Raises RuleNotFound, RuleRetired, NothingToPublish, RuleNotPublished, SubmissionOpen (one is scheduled
    already), Invalid.
    """
    with transaction.atomic():
        rule = locked(code)
        body, warned = _content(rule, retire=retire, now=now)
        made = _made(rule, body, actor=actor, now=now, at=at, note=note, retires=retire)
        opened = _RULES.put_forward(made, rule.submissions.all(), locks.open_submission(rule), now=now)
        return Saved(rule, warned, opened)


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
        found = _RULES.approve(waiting, actor=actor, now=now, at=at, note=note)
        return Saved(rule, warnings_of(found) if found is not None else (), waiting)


def reject(*, code: str, actor: str, now: datetime, reason: str, number: int | None = None) -> Saved:
    """Turn down what waits, with a reason. The draft stays.

    Raises RuleNotFound, RuleRetired, NothingSubmitted, SubmissionChanged, SameOperator (withdraw it instead),
    Invalid (no reason).
    """
    said = foureyes.reason_given(reason)
    with transaction.atomic():
        rule = locked(code)
        waiting = _waiting(rule, actor, number)
        _RULES.reject(waiting, actor=actor, now=now, reason=said)
        return Saved(rule, submission=waiting)


def withdraw(*, code: str, actor: str, now: datetime, reason: str = "") -> Saved:
    """Take back what waits or is scheduled. The draft stays. Raises RuleNotFound, NothingSubmitted."""
    with transaction.atomic():
        rule = locked(code, retired=True)
        opened = locks.open_submission(rule)
        if opened is None:
            raise NothingSubmitted(rule=code)
        opened.rule = rule
        _RULES.withdraw(opened, actor=actor, now=now, reason=reason)
        return Saved(rule, submission=opened)


def schedule(rule: Rule, *, actor: str, now: datetime, at: datetime) -> RuleSubmission:
    """Let the draft be published at `at`, where nobody else needs to agree. The caller holds the lock, and
    the draft was checked."""
    made = _made(rule, rule.draft, actor=actor, now=now, at=at, note="", needs_approval=False)
    return _RULES.put_forward(made, rule.submissions.all(), None, now=now)


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
        raise foureyes.still_open(opened)


def end_open(rule: Rule, *, actor: str, now: datetime) -> None:
    """Withdraw what is open of a rule that is being retired. The caller holds the lock."""
    opened = locks.open_submission(rule)
    if opened is not None:
        opened.rule = rule
        _RULES.withdraw(opened, actor=actor, now=now)


def publish_due(*, now: datetime, limit: int) -> int:
    """Publish up to `limit` submissions whose time has come, oldest first; returns how many were settled.

    Each in a transaction of its own, under the lock on its rule: a second worker finds it done.
    """
    due = RuleSubmission.objects.filter(status=Status.SCHEDULED, publish_at__lte=now)
    found = due.order_by("publish_at", "pk").values_list("pk", "rule__code")[:limit]
    return sum(_publish_scheduled(submission_id, code, now) for submission_id, code in list(found))


def _publish_scheduled(submission_id: UUID, code: str, now: datetime) -> bool:
    with transaction.atomic():
        rule = locked(code, retired=True)
        scheduled = locks.open_submission(rule)
        if scheduled is not None:
            scheduled.rule = rule
        return _RULES.publish_scheduled(scheduled, submission_id, now=now)


def _content(rule: Rule, *, retire: bool, now: datetime) -> tuple[Any, Any]:
    """What is put forward, and what is odd about it."""
    if retire:
        if rule.status != Rule.Status.PUBLISHED:
            raise RuleNotPublished(rule=rule.code)
        running = rule.versions.get(version=rule.current_version or 0)
        return running.body, ()
    if rule.draft is None:
        raise NothingToPublish(rule=rule.code)
    return rule.draft, warnings_of(checked(rule.draft, now))


def _made(
    rule: Rule,
    body: Any,
    *,
    actor: str,
    now: datetime,
    at: datetime | None,
    note: str,
    retires: bool = False,
    needs_approval: bool = True,
) -> RuleSubmission:
    """A submission that is not stored yet."""
    return RuleSubmission(
        rule=rule,
        body=body,
        retires=retires,
        status=Status.PENDING_APPROVAL if needs_approval else Status.SCHEDULED,
        needs_approval=needs_approval,
        publish_at=at,
        submitted_at=now,
        submitted_by=actor,
        note=note,
    )


def _waiting(rule: Rule, actor: str, number: int | None) -> RuleSubmission:
    waiting = foureyes.waiting(locks.open_submission(rule), actor, number, rule=rule.code)
    waiting.rule = rule
    return waiting
