"""What every step in the life of a rule shares: checking, locking, putting in force, and writing the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from campaigns import locks, schema, selectors
from campaigns.errors import RuleNotFound, RuleRetired
from campaigns.models import Rule, RulesInForce, RuleStep, RuleSubmission, RuleVersion
from campaigns.schema import Checked
from campaigns.services import activitytypes, phrases, segments
from loyalty.lib import ids
from loyalty.lib.errors import FieldError, Invalid
from loyalty.outbox import services as outbox

LONGEST_NOTE: Final = 500


@dataclass(frozen=True, slots=True)
class Saved:
    """A rule as it stands, what is odd about it without being wrong, and the submission it is about."""

    rule: Rule
    warnings: tuple[FieldError, ...] = ()
    submission: RuleSubmission | None = None


def checked(body: Any, now: datetime) -> Checked:
    """The body, checked as the brand is now. Raises Invalid (with pointers)."""
    found = schema.check(body, selectors.check_context(now))
    errors = (*found.errors, *phrases.rule_faults(found.body))
    if errors:
        raise Invalid(errors)
    return found


def warnings_of(found: Checked) -> tuple[FieldError, ...]:
    """What is odd: of the rule itself, and what it names that no order ever had."""
    trigger = str(found.body.get("trigger", ""))
    return (*found.warnings, *activitytypes.warnings(trigger), *selectors.warnings(found.named))


def locked(code: str, *, retired: bool = False) -> Rule:
    """The rule, locked. Raises RuleNotFound, and RuleRetired unless `retired` rules may come."""
    rule = locks.rule(code)
    if rule is None:
        raise RuleNotFound
    if rule.status == Rule.Status.RETIRED and not retired:
        raise RuleRetired(rule=code)
    return rule


def put_in_force(rule: Rule, found: Checked, *, actor: str, now: datetime, keep_draft: bool = False) -> None:
    """Make a checked body the version that runs. The caller holds the rule's lock.

    `keep_draft`: a draft that says something else stays beside it.
    """
    body = dict(found.body)
    rule.current_version = (rule.current_version or 0) + 1
    RuleVersion.objects.create(
        rule=rule, version=rule.current_version, body=body, published_at=now, published_by=actor
    )
    if not keep_draft or rule.draft == body:
        rule.draft = None
    rule.status, rule.updated_at = Rule.Status.PUBLISHED, now
    rule.save(update_fields=["status", "draft", "current_version", "updated_at", "retired_at", "retired_by"])
    segments.read_at_once(body, now)
    changed(now)
    announce("rule.published", rule, actor, now)


def end(rule: Rule, *, actor: str, now: datetime) -> None:
    """Let a rule give nothing from now on. The caller holds the rule's lock."""
    rule.status, rule.draft = Rule.Status.RETIRED, None
    rule.retired_at, rule.retired_by, rule.updated_at = now, actor, now
    rule.save(update_fields=["status", "draft", "retired_at", "retired_by", "updated_at"])
    changed(now)
    announce("rule.retired", rule, actor, now)


def step(
    rule: Rule,
    kind: str,
    *,
    actor: str,
    now: datetime,
    note: str = "",
    submission: RuleSubmission | None = None,
) -> None:
    """Write down what was done to a rule, by whom and why, in the transaction that does it."""
    RuleStep.objects.create(
        rule=rule,
        submission=submission,
        kind=kind,
        version=rule.current_version if kind in (RuleStep.Kind.PUBLISHED, RuleStep.Kind.RETIRED) else None,
        at=now,
        actor=actor,
        note=note[:LONGEST_NOTE],
    )


def changed(now: datetime) -> None:
    """Give the rules in force a new revision, so that every process compiles them anew."""
    if locks.rules_in_force() is None:
        RulesInForce.objects.bulk_create(
            [RulesInForce(pk=1, revision=ids.new(), changed_at=now)], ignore_conflicts=True
        )
    RulesInForce.objects.filter(pk=1).update(revision=ids.new(), changed_at=now)


def announce(
    event: str, rule: Rule, actor: str, now: datetime, more: Mapping[str, Any] | None = None
) -> None:
    """Publish an event about a rule: of its version, or with `more` of a submission."""
    told = {"version": rule.current_version} if more is None else more
    outbox.publish(type=event, payload={"rule": rule.code, **told, "actor": actor}, occurred_at=now)
