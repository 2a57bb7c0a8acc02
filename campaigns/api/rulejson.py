"""A rule as the API tells it: as it runs, as it is drafted, and what was submitted of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from campaigns.engine import explain
from campaigns.models import Rule, RuleSubmission, RuleVersion
from campaigns.selectors import words
from campaigns.services.rules import Saved
from loyalty.lib import fields
from loyalty.lib.submitted import submitted_json


def rules_json(found: list[Rule]) -> list[dict[str, Any]]:
    """Rules for a list; two queries for all of them."""
    bodies, latest, said = _bodies(found), _latest(found), words()
    return [_rendered(rule, bodies.get(rule.pk), latest.get(rule.pk), said) for rule in found]


def rule_json(rule: Rule) -> dict[str, Any]:
    """A rule with all its published versions, newest first."""
    versions = list(rule.versions.order_by("-version"))
    return {**rules_json([rule])[0], "versions": [_version(each) for each in versions]}


def saved_json(saved: Saved) -> dict[str, Any]:
    """A rule after a step of its life, with what is odd about it."""
    shown = rules_json([saved.rule])[0]
    if saved.submission is not None:
        shown["submission"] = submission_json(saved.submission)
    shown["warnings"] = [
        {"pointer": each.pointer, "code": each.code, "detail": str(each.detail)} for each in saved.warnings
    ]
    return shown


def submission_json(submission: RuleSubmission) -> dict[str, Any]:
    """What was put forward of a rule, by whom, and what became of it."""
    return {**submitted_json(submission), "rule": submission.body, "retires": submission.retires}


def _bodies(found: Iterable[Rule]) -> dict[Any, dict[str, Any]]:
    """The bodies of the versions that run, for rules that have one."""
    current = {rule.pk: rule.current_version for rule in found}
    versions = RuleVersion.objects.filter(rule__in=current).values_list("rule_id", "version", "body")
    return {rule_id: body for rule_id, version, body in versions if current[rule_id] == version}


def _latest(found: Iterable[Rule]) -> dict[Any, RuleSubmission]:
    """The latest submission of each rule that has one."""
    wanted = [rule.pk for rule in found]
    newest = RuleSubmission.objects.filter(rule__in=wanted).order_by("rule", "-number").distinct("rule")
    return {submission.rule_id: submission for submission in newest}


def _rendered(
    rule: Rule, body: dict[str, Any] | None, submission: RuleSubmission | None, said: explain.Words
) -> dict[str, Any]:
    """The rule as it runs, or as drafted while it never ran; a draft on top of a version stands apart."""
    shown = body if body is not None else dict(rule.draft or {})
    return {
        **shown,
        "status": rule.status,
        "version": rule.current_version,
        "draft": rule.draft if body is not None else None,
        "submission": submission_json(submission) if submission else None,
        "text": {language: explain.rule_text(shown, language, said) for language in explain.LANGUAGES},
        "created_at": _instant(rule.created_at),
        "updated_at": _instant(rule.updated_at),
        "retired_at": _instant(rule.retired_at),
    }


def _version(version: RuleVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "published_at": _instant(version.published_at),
        "published_by": version.published_by,
        "rule": version.body,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else fields.Instant().to_representation(at)
