"""New drafts made from what there is: a template, or a version that was published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from campaigns import gallery, selectors
from campaigns.errors import RuleNotFound, TemplateNotFound, VersionNotFound
from campaigns.models import Rule, RuleVersion
from campaigns.services import rules
from campaigns.services.rulewriting import Saved

LONGEST_CODE: Final = 64


def copy_template(*, key: str, actor: str, now: datetime) -> Saved:
    """A template as a new draft, under a code that is free. Raises TemplateNotFound, Invalid, RuleCodeTaken
    (another took the code at this moment)."""
    found = gallery.template(key)
    body = gallery.fitted(found.body, selectors.tier_codes()) if found else None
    if body is None:
        raise TemplateNotFound(template=key)
    return _copy(body, actor, now)


def copy_as_rule(*, code: str, version: int, actor: str, now: datetime) -> Saved:
    """A published version as the draft of a new rule. Raises VersionNotFound, Invalid, RuleCodeTaken."""
    return _copy(_body(code, version), actor, now)


def copy_as_draft(*, code: str, version: int, now: datetime) -> Saved:
    """A published version as the draft of its own rule, in the place of the draft that it has.

    Raises RuleNotFound, VersionNotFound, RuleRetired, Invalid (a tier that it names was deleted, say).
    """
    with transaction.atomic():
        body = _body(code, version)
        rule = Rule.objects.filter(code=code).first()
        if rule is None:
            raise RuleNotFound
        gone = dict.fromkeys(set(selectors.working_body(rule)) - set(body))
        return rules.update_draft(code=code, changes={**gone, **body}, now=now)


def free_code(code: str) -> str:
    """The code, or with the first number behind it that no rule has yet."""
    base = code[: LONGEST_CODE - 5]
    taken = set(Rule.objects.filter(code__startswith=base).values_list("code", flat=True))
    candidates = (code, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in candidates if each not in taken)


def _copy(body: Mapping[str, Any], actor: str, now: datetime) -> Saved:
    return rules.create_draft(body={**body, "code": free_code(body["code"])}, actor=actor, now=now)


def _body(code: str, version: int) -> dict[str, Any]:
    found = (
        RuleVersion.objects.filter(rule__code=code, version=version).values_list("body", flat=True).first()
    )
    if found is None:
        raise VersionNotFound
    return dict(found)
