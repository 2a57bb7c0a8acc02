"""The life of a rule: draft, published version, retired. Publishing sends nothing over the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from campaigns import locks, schema, selectors
from campaigns.errors import NothingToPublish, RuleCodeTaken, RuleNotFound, RuleNotPublished, RuleRetired
from campaigns.models import Rule, RulesInForce, RuleVersion
from campaigns.schema import Checked
from loyalty.lib import ids
from loyalty.lib.errors import FieldError, Invalid
from loyalty.outbox import services as outbox


@dataclass(frozen=True, slots=True)
class Saved:
    """A rule as it stands, and what is odd about it without being wrong."""

    rule: Rule
    warnings: tuple[FieldError, ...] = ()


def check(*, body: Any, now: datetime) -> None:
    """Look at a rule without saving it. Raises Invalid (with pointers)."""
    _checked(body, now)


def create_draft(*, body: Any, actor: str, now: datetime) -> Saved:
    """Save a new rule as a draft. Raises Invalid (with pointers) and RuleCodeTaken."""
    checked = _checked(body, now)
    try:
        with transaction.atomic():
            rule = Rule.objects.create(
                code=checked.body["code"],
                draft=dict(checked.body),
                created_at=now,
                created_by=actor,
                updated_at=now,
            )
    except IntegrityError as error:
        raise RuleCodeTaken(rule=checked.body["code"]) from error
    return Saved(rule, _warnings(checked))


def update_draft(*, code: str, changes: Any, now: datetime) -> Saved:
    """Change the fields given, at the top level of the rule; a field given as null is removed.

    A published rule keeps running as it is until the draft is published. Raises RuleNotFound,
    RuleRetired, and Invalid (with pointers), also for an attempt to change the code.
    """
    if not isinstance(changes, dict):
        raise Invalid.at("", "type", _("Must be an object."))
    with transaction.atomic():
        rule = _locked(code)
        if rule.status == Rule.Status.RETIRED:
            raise RuleRetired(rule=code)
        if changes.get("code", code) != code:
            raise Invalid.at("/code", "read_only", _("The code of a rule never changes."))
        merged = {**selectors.working_body(rule), **changes}
        checked = _checked({key: value for key, value in merged.items() if value is not None}, now)
        rule.draft, rule.updated_at = dict(checked.body), now
        rule.save(update_fields=["draft", "updated_at"])
    return Saved(rule, _warnings(checked))


def publish(*, code: str, actor: str, now: datetime) -> Saved:
    """Make the draft the version that runs, for orders processed from now on.

    Raises RuleNotFound, RuleRetired, NothingToPublish, and Invalid if the draft no longer holds (a tier
    that it names was deleted, say).
    """
    with transaction.atomic():
        rule = _locked(code)
        if rule.status == Rule.Status.RETIRED:
            raise RuleRetired(rule=code)
        if rule.draft is None:
            raise NothingToPublish(rule=code)
        return _publish(rule, rule.draft, actor, now)


def retire(*, code: str, actor: str, now: datetime) -> Saved:
    """End a rule for ever: it gives nothing for orders processed from now on.

    Returns of earlier orders are still judged by it. Raises RuleNotFound, RuleRetired, RuleNotPublished.
    """
    with transaction.atomic():
        rule = _locked(code)
        if rule.status == Rule.Status.RETIRED:
            raise RuleRetired(rule=code)
        if rule.current_version is None:
            raise RuleNotPublished(rule=code)
        rule.status, rule.draft = Rule.Status.RETIRED, None
        rule.retired_at, rule.retired_by, rule.updated_at = now, actor, now
        rule.save(update_fields=["status", "draft", "retired_at", "retired_by", "updated_at"])
        _changed(now)
        _announce("rule.retired", rule, actor, now)
    return Saved(rule)


def revive(*, code: str, body: Any, actor: str, now: datetime) -> Saved:
    """Publish this body as the next version of a rule, even of a retired one.

    For rules that are the shadow of something else (a tier's multiplier), which may come back; what an
    operator retired stays retired. Raises RuleNotFound, Invalid.
    """
    with transaction.atomic():
        rule = _locked(code)
        rule.retired_at, rule.retired_by = None, ""
        return _publish(rule, body, actor, now)


def install(*, bodies: list[Mapping[str, Any]], actor: str, now: datetime) -> list[Rule]:
    """Publish these rules unless a rule of the same code exists: safe to repeat. Raises Invalid."""
    known = set(Rule.objects.values_list("code", flat=True))
    made: list[Rule] = []
    for body in bodies:
        if body["code"] not in known:
            create_draft(body=dict(body), actor=actor, now=now)
            made.append(publish(code=body["code"], actor=actor, now=now).rule)
    return made


def _publish(rule: Rule, body: Any, actor: str, now: datetime) -> Saved:
    checked = _checked(body, now)
    rule.current_version = (rule.current_version or 0) + 1
    RuleVersion.objects.create(
        rule=rule,
        version=rule.current_version,
        body=dict(checked.body),
        published_at=now,
        published_by=actor,
    )
    rule.status, rule.draft, rule.updated_at = Rule.Status.PUBLISHED, None, now
    rule.save(update_fields=["status", "draft", "current_version", "updated_at", "retired_at", "retired_by"])
    _changed(now)
    _announce("rule.published", rule, actor, now)
    return Saved(rule, _warnings(checked))


def _checked(body: Any, now: datetime) -> Checked:
    checked = schema.check(body, selectors.check_context(now))
    if checked.errors:
        raise Invalid(checked.errors)
    return checked


def _warnings(checked: Checked) -> tuple[FieldError, ...]:
    return (*checked.warnings, *selectors.warnings(checked.named))


def _locked(code: str) -> Rule:
    rule = locks.rule(code)
    if rule is None:
        raise RuleNotFound
    return rule


def _changed(now: datetime) -> None:
    """Give the rules in force a new revision, so that every process compiles them anew."""
    if locks.rules_in_force() is None:
        RulesInForce.objects.bulk_create(
            [RulesInForce(pk=1, revision=ids.new(), changed_at=now)], ignore_conflicts=True
        )
    RulesInForce.objects.filter(pk=1).update(revision=ids.new(), changed_at=now)


def _announce(event: str, rule: Rule, actor: str, now: datetime) -> None:
    payload = {"rule": rule.code, "version": rule.current_version, "actor": actor}
    outbox.publish(type=event, payload=payload, occurred_at=now)
