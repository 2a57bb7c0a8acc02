"""A rule's history: its versions with what differs, in words, and every step with who, when and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from campaigns.engine.differences import Difference
from campaigns.models import Rule, RuleStep, RuleSubmission, RuleVersion
from campaigns.selectors import words
from campaigns.wording import differing, in_words
from loyalty.lib.display import doer

MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Version:
    """One published version, or the draft (without a number), beside what stood before."""

    number: int | None
    sentence: str
    at: datetime
    by: str
    submitted_by: str
    note: str
    running: bool
    first: bool
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Taken:
    """A step: what was done, by whom, when and why."""

    what: str
    version: int | None
    number: int | None
    at: datetime
    by: str
    why: str


def history_of(rule: Rule) -> dict[str, Any]:
    """The draft and the newest versions, newest first, and the newest steps."""
    known = words()
    found = list(rule.versions.order_by("-version")[: MOST + 1])
    sides = {version.version: version for version in found}
    submitted = {each.version: each for each in rule.submissions.filter(retires=False).exclude(version=None)}
    versions = [
        _version(each, sides.get(each.version - 1), submitted.get(each.version), rule, known)
        for each in found[:MOST]
    ]
    if rule.draft is not None:
        current = sides.get(rule.current_version or 0)
        versions.insert(
            0,
            Version(
                number=None,
                sentence=in_words(rule.draft, known),
                at=rule.updated_at,
                by="",
                submitted_by="",
                note="",
                running=False,
                first=current is None,
                differences=differing(current.body, rule.draft, known) if current else [],
            ),
        )
    steps = rule.steps.select_related("submission").order_by("-id")[:MOST]
    return {"versions": versions, "steps": [_taken(step) for step in steps]}


def _version(
    version: RuleVersion,
    before: RuleVersion | None,
    submission: RuleSubmission | None,
    rule: Rule,
    known: Any,
) -> Version:
    return Version(
        number=version.version,
        sentence=in_words(version.body, known),
        at=version.published_at,
        by=doer(version.published_by),
        submitted_by=doer(submission.submitted_by) if submission and submission.approved_by else "",
        note=submission.note if submission else "",
        running=rule.status == Rule.Status.PUBLISHED and version.version == rule.current_version,
        first=before is None,
        differences=differing(before.body, version.body, known) if before else [],
    )


def _taken(step: RuleStep) -> Taken:
    return Taken(
        what=step.get_kind_display(),
        version=step.version,
        number=step.submission.number if step.submission else None,
        at=step.at,
        by=doer(step.actor),
        why=step.note,
    )
