"""The life of a rule: draft, published version, retired. Publishing sends nothing over the network.

Where a second operator must agree, `submissions` stands between the draft and the version.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from campaigns import selectors
from campaigns.errors import ApprovalRequired, NothingToPublish, RuleCodeTaken, RuleNotPublished
from campaigns.models import Rule, RuleStep
from campaigns.services import rulewriting, submissions
from campaigns.services.rulewriting import Saved, checked, locked, step, warnings_of
from loyalty.lib.errors import Invalid

__all__ = [
    "Saved",
    "check",
    "create_draft",
    "discontinue",
    "install",
    "publish",
    "retire",
    "revive",
    "update_draft",
]


def check(*, body: Any, now: datetime) -> None:
    """Look at a rule without saving it. Raises Invalid (with pointers)."""
    checked(body, now)


def create_draft(*, body: Any, actor: str, now: datetime) -> Saved:
    """Save a new rule as a draft. Raises Invalid (with pointers) and RuleCodeTaken."""
    found = checked(body, now)
    try:
        with transaction.atomic():
            rule = Rule.objects.create(
                code=found.body["code"],
                draft=dict(found.body),
                created_at=now,
                created_by=actor,
                updated_at=now,
            )
            step(rule, RuleStep.Kind.DRAFTED, actor=actor, now=now)
    except IntegrityError as error:
        raise RuleCodeTaken(rule=found.body["code"]) from error
    return Saved(rule, warnings_of(found))


def update_draft(*, code: str, changes: Any, now: datetime) -> Saved:
    """Change the fields given, at the top level of the rule; a field given as null is removed.

    A published rule keeps running as it is until the draft is published, and what was submitted stays as it
    was submitted. Raises RuleNotFound, RuleRetired, and Invalid (with pointers), also for an attempt to
    change the code.
    """
    if not isinstance(changes, dict):
        raise Invalid.at("", "type", _("Must be an object."))
    with transaction.atomic():
        rule = locked(code)
        if changes.get("code", code) != code:
            raise Invalid.at("/code", "read_only", _("The code of a rule never changes."))
        merged = {**selectors.working_body(rule), **changes}
        found = checked({key: value for key, value in merged.items() if value is not None}, now)
        rule.draft, rule.updated_at = dict(found.body), now
        rule.save(update_fields=["draft", "updated_at"])
    return Saved(rule, warnings_of(found))


def publish(
    *, code: str, actor: str, now: datetime, at: datetime | None = None, by_api: bool = False
) -> Saved:
    """Make the draft the version that runs, for orders processed from now on, or from `at` on.

    With an `at` in the future the answer's submission is scheduled, and its content is frozen; repeating it
    changes nothing. Raises RuleNotFound, RuleRetired, NothingToPublish, ApprovalRequired (the brand asks for
    a second operator), SubmissionOpen, and Invalid if the draft no longer holds (a tier that it names was
    deleted, say).
    """
    with transaction.atomic():
        rule = locked(code)
        later = at is not None and at > now
        if later:
            known = submissions.scheduled_so(rule, at)
            if known is not None:
                return Saved(rule, submission=known)
        if rule.draft is None:
            raise NothingToPublish(rule=code)
        if submissions.approval_needed(by_api=by_api):
            raise ApprovalRequired(rule=code)
        submissions.refuse_open(rule)
        found = checked(rule.draft, now)
        if at is not None and later:
            made = submissions.schedule(rule, actor=actor, now=now, at=at)
            return Saved(rule, warnings_of(found), made)
        rulewriting.put_in_force(rule, found, actor=actor, now=now)
        step(rule, RuleStep.Kind.PUBLISHED, actor=actor, now=now)
        return Saved(rule, warnings_of(found))


def retire(*, code: str, actor: str, now: datetime, by_api: bool = False) -> Saved:
    """End a rule for ever: it gives nothing for orders processed from now on.

    Returns of earlier orders are still judged by it; what was submitted of it is withdrawn.
    Raises RuleNotFound, RuleRetired, RuleNotPublished, ApprovalRequired (the brand asks for a second
    operator: `submissions.submit` with `retire`).
    """
    with transaction.atomic():
        rule = locked(code)
        if rule.current_version is None:
            raise RuleNotPublished(rule=code)
        if submissions.approval_needed(by_api=by_api):
            raise ApprovalRequired(
                _("This brand asks for a second operator: submit the end of the rule for approval."),
                rule=code,
            )
        return _end(rule, actor=actor, now=now)


def discontinue(*, code: str, actor: str, now: datetime) -> Saved:
    """End a rule that is the shadow of something else (a tier's multiplier, a campaign that is over), without
    a second operator of its own. Raises RuleNotFound, RuleRetired, RuleNotPublished."""
    with transaction.atomic():
        rule = locked(code)
        if rule.current_version is None:
            raise RuleNotPublished(rule=code)
        return _end(rule, actor=actor, now=now)


def _end(rule: Rule, *, actor: str, now: datetime) -> Saved:
    submissions.end_open(rule, actor=actor, now=now)
    rulewriting.end(rule, actor=actor, now=now)
    step(rule, RuleStep.Kind.RETIRED, actor=actor, now=now)
    return Saved(rule)


def revive(*, code: str, body: Any, actor: str, now: datetime) -> Saved:
    """Publish this body as the next version of a rule, even of a retired one, without a second operator.

    For rules that are the shadow of something else (a tier's multiplier), which may come back, and for those
    a brand begins with; what an operator retired stays retired. Raises RuleNotFound, Invalid.
    """
    with transaction.atomic():
        rule = locked(code, retired=True)
        rule.retired_at, rule.retired_by = None, ""
        found = checked(body, now)
        rulewriting.put_in_force(rule, found, actor=actor, now=now)
        step(rule, RuleStep.Kind.PUBLISHED, actor=actor, now=now)
        return Saved(rule, warnings_of(found))


def install(*, bodies: list[Mapping[str, Any]], actor: str, now: datetime) -> list[Rule]:
    """Publish these rules unless a rule of the same code exists: safe to repeat. Raises Invalid."""
    known = set(Rule.objects.values_list("code", flat=True))
    made: list[Rule] = []
    for body in bodies:
        if body["code"] not in known:
            create_draft(body=dict(body), actor=actor, now=now)
            made.append(revive(code=body["code"], body=dict(body), actor=actor, now=now).rule)
    return made
