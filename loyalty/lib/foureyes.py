"""What a second operator agrees to: put forward, decided by somebody else, carried out now or at its time.

What is submitted is a copy that never changes, so what is approved is what is carried out. Of one thing at
most one submission is open (waiting, or scheduled). A room adds the thing itself (`Submitted`) and what it
does with it (`FourEyes`); locks are taken by the room, before any of these steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Max, Q
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids, instants
from loyalty.lib.errors import Invalid, Refusal

WORKER: Final = "worker"
LONGEST_NOTE: Final = 500
OPEN: Final = ("pending_approval", "scheduled")
ENDED: Final = ("status", "ended_at", "ended_by")


class SubmissionOpen(Refusal):
    """A submission is waiting or scheduled; `number` and `submission_status` say which."""

    code = "submission_open"
    status = 409
    title = _("A submission is still open: withdraw it first.")


class NothingSubmitted(Refusal):
    """No submission is open, or the one that is was decided already."""

    code = "nothing_submitted"
    status = 409
    title = _("Nothing waits for a decision.")


class SubmissionChanged(Refusal):
    """Another submission took the place of the one that was meant; `number` is the one that is open."""

    code = "submission_changed"
    status = 409
    title = _("Another submission has taken its place meanwhile: look at it before you decide.")


class SameOperator(Refusal):
    """Whoever asked for something cannot approve it."""

    code = "same_operator"
    status = 403
    title = _("A second operator must decide")


class Submitted(models.Model):
    """Something as it was put forward: its content is frozen, somebody else decides, and it is carried out
    now or at its time. `published` means carried out. What was decided never changes."""

    class Status(models.TextChoices):
        PENDING_APPROVAL = "pending_approval", _("waits for approval")
        SCHEDULED = "scheduled", _("scheduled")
        PUBLISHED = "published", _("published")
        REJECTED = "rejected", _("rejected")
        WITHDRAWN = "withdrawn", _("withdrawn")
        REPLACED = "replaced", _("replaced by a later one")
        FAILED = "failed", _("no longer held when its time came")

    OPEN: ClassVar[Sequence[str]] = OPEN

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    number = models.PositiveIntegerField(_("number"))
    body = models.JSONField(_("content"))
    status = models.CharField(_("status"), max_length=16, choices=Status.choices)
    needs_approval = models.BooleanField(_("needs a second operator"))
    publish_at = models.DateTimeField(_("publish at"), null=True, blank=True)
    submitted_at = models.DateTimeField(_("submitted at"))
    submitted_by = models.CharField(_("submitted by"), max_length=120)
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    approved_by = models.CharField(_("approved by"), max_length=120, blank=True, default="")
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    ended_by = models.CharField(_("ended by"), max_length=120, blank=True, default="", db_default="")
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    version = models.PositiveIntegerField(_("version"), null=True, blank=True)

    class Meta:
        abstract = True

    @staticmethod
    def rules(table: str, of: str | None) -> list[models.BaseConstraint]:
        """The constraints of this life, named after the table; `of` is the column of what it is about."""
        return [
            models.UniqueConstraint(fields=[*([of] if of else []), "number"], name=f"{table}_once"),
            models.CheckConstraint(
                condition=~Q(approved_by=F("submitted_by")) | Q(approved_by=""), name=f"{table}_four_eyes"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["scheduled", "published"])
                | Q(needs_approval=False)
                | ~Q(approved_by=""),
                name=f"{table}_approved",
            ),
            models.CheckConstraint(
                condition=Q(status__in=list(OPEN), ended_at__isnull=True)
                | (~Q(status__in=list(OPEN)) & Q(ended_at__isnull=False)),
                name=f"{table}_ended",
            ),
            models.CheckConstraint(
                condition=~Q(status="scheduled") | Q(publish_at__isnull=False), name=f"{table}_has_time"
            ),
            models.CheckConstraint(condition=~Q(status="rejected") | ~Q(reason=""), name=f"{table}_says_why"),
            models.CheckConstraint(
                condition=Q(status="published", version__isnull=False)
                | (~Q(status="published") & Q(version__isnull=True)),
                name=f"{table}_version",
            ),
        ]


Status = Submitted.Status
S = TypeVar("S", bound=Submitted)


class FourEyes(ABC, Generic[S]):
    """The steps in the life of the submissions of one table. The caller holds the lock on what they are about
    and on the one that is `opened`, in a transaction."""

    @abstractmethod
    def check(self, submission: S, now: datetime) -> Any:
        """What carrying it out needs, if it still holds. Raises Refusal."""

    @abstractmethod
    def carry_out(self, submission: S, found: Any, *, actor: str, now: datetime) -> int:
        """Do what was agreed to; the version that runs from now on. Raises Refusal."""

    @abstractmethod
    def told(self, submission: S, step: str, *, actor: str, now: datetime, note: str = "") -> None:
        """Write the step down, and publish its event where it has one."""

    def put_forward(self, made: S, others: models.QuerySet[S], opened: S | None, *, now: datetime) -> S:
        """Let `made` (not yet stored) wait for somebody else, or for its time where nobody needs to agree.

        A waiting one with other content is replaced; repeating the same changes nothing. `others` are those
        about the same thing. Raises SubmissionOpen (one is scheduled already).
        """
        actor = made.submitted_by
        if opened is not None:
            if opened.status == made.status and self.said(opened) == self.said(made):
                return opened
            if Status.SCHEDULED in (opened.status, made.status):
                raise still_open(opened)
            self._end(opened, Status.REPLACED, actor=actor, now=now)
        made.number = (others.aggregate(last=Max("number"))["last"] or 0) + 1
        made.save(force_insert=True)
        step = "submitted" if made.needs_approval else "scheduled"
        self.told(made, step, actor=actor, now=now, note=made.note)
        return made

    def approve(
        self, waiting: S, *, actor: str, now: datetime, at: datetime | None = None, note: str = ""
    ) -> Any:
        """Agree to what `waits`: it is carried out at once, or at the time asked for, or at `at`.

        Returns what the check found. Raises Refusal if it no longer holds.
        """
        found = self.check(waiting, now)
        waiting.approved_by, waiting.approved_at = actor, now
        waiting.publish_at = at if at is not None else waiting.publish_at
        self.told(waiting, "approved", actor=actor, now=now, note=note)
        if waiting.publish_at is not None and waiting.publish_at > now:
            waiting.status = Status.SCHEDULED
            waiting.save(update_fields=["status", "approved_by", "approved_at", "publish_at"])
        else:
            self._publish(waiting, found, actor=actor, now=now)
        return found

    def reject(self, waiting: S, *, actor: str, now: datetime, reason: str) -> None:
        """Turn down what `waits`, with a reason (`reason_given`)."""
        self._end(waiting, Status.REJECTED, actor=actor, now=now, reason=reason)

    def withdraw(self, opened: S, *, actor: str, now: datetime, reason: str = "") -> None:
        """Take back what waits or is scheduled."""
        self._end(opened, Status.WITHDRAWN, actor=actor, now=now, reason=reason)

    def publish_scheduled(self, opened: S | None, submission_id: UUID, *, now: datetime) -> bool:
        """Carry out what is due; False if a second worker finds it done.

        One that no longer holds (a tier was deleted) ends as failed, and what ran before runs on.
        """
        if opened is None or opened.pk != submission_id or opened.status != Status.SCHEDULED:
            return False
        try:
            with transaction.atomic():
                found = self.check(opened, now)
                self._publish(opened, found, actor=opened.approved_by or opened.submitted_by, now=now)
        except Refusal as refusal:
            opened.status, opened.version = Status.SCHEDULED, None
            self._end(opened, Status.FAILED, actor=WORKER, now=now, reason=_why(refusal))
        return True

    def said(self, submission: S) -> tuple[Any, ...]:
        """What makes two submissions the same."""
        return (submission.body, submission.submitted_by, submission.publish_at, submission.note)

    def _publish(self, submission: S, found: Any, *, actor: str, now: datetime) -> None:
        submission.version = self.carry_out(submission, found, actor=actor, now=now)
        submission.status, submission.ended_at, submission.ended_by = Status.PUBLISHED, now, actor
        submission.save(update_fields=[*ENDED, "version", "approved_by", "approved_at", "publish_at"])
        self.told(submission, "published", actor=actor, now=now)

    def _end(self, submission: S, status: str, *, actor: str, now: datetime, reason: str = "") -> None:
        submission.status, submission.ended_at, submission.ended_by = status, now, actor
        submission.reason = reason[:LONGEST_NOTE]
        submission.save(update_fields=[*ENDED, "reason"])
        # The names of the ends are those of their steps.
        self.told(submission, status, actor=actor, now=now, note=reason)


def waiting(opened: S | None, actor: str, number: int | None, **about: Any) -> S:
    """The submission that waits, if this operator may decide it. `number` is the one that was looked at.

    Raises NothingSubmitted (with `about`), SubmissionChanged, SameOperator.
    """
    if opened is None or opened.status != Status.PENDING_APPROVAL:
        raise NothingSubmitted(**about)
    if number is not None and number != opened.number:
        raise SubmissionChanged(number=opened.number, **about)
    if opened.submitted_by == actor:
        raise SameOperator
    return opened


def reason_given(reason: str) -> str:
    """The reason of a rejection. Raises Invalid where there is none."""
    if not reason.strip():
        raise Invalid.at("/reason", "required", _("This field is required."))
    return reason


def still_open(opened: Submitted) -> SubmissionOpen:
    """The refusal that names what is open."""
    return SubmissionOpen(number=opened.number, submission_status=opened.status)


def told_of(submission: Submitted, actor: str, note: str) -> dict[str, Any]:
    """What an event says of a submission, whatever it is about."""
    at = submission.publish_at
    return {
        "number": submission.number,
        "publish_at": instants.text(at) if at else None,
        "note": note,
        "actor": actor,
    }


def _why(refusal: Refusal) -> str:
    if isinstance(refusal, Invalid):
        return "; ".join(f"{error.pointer} {error.code}" for error in refusal.errors)
    return str(refusal.code)
