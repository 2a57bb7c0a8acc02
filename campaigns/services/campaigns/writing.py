"""Composing a campaign: a draft with its rules, and what may still be changed of one that is under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from campaigns import gallery, schema, selectors
from campaigns.errors import CampaignCodeTaken, TemplateNotFound
from campaigns.models import Campaign, CampaignStep
from campaigns.services import copying, rules, rulewriting, submissions
from campaigns.services.campaigns import budgets, raising
from campaigns.services.campaigns import content as contents
from campaigns.services.campaigns.content import Content
from campaigns.services.campaigns.steps import bind, locked, refused, step, tell
from loyalty.lib.errors import FieldError, Invalid

PROMOTION: Final = {"group": "promo", "policy": "best"}
# What may be changed of a campaign that is under way: nothing that members rely on.
OPEN_FIELDS: Final = frozenset({"name", "announcement", "budget_points", "budget_amount"})
Status = Campaign.Status
Kind = CampaignStep.Kind


def create(
    *,
    content: Content,
    actor: str,
    now: datetime,
    templates: Sequence[str] = (),
    multiplier: str | None = None,
) -> Campaign:
    """Write a campaign down as a draft, with copies of `templates` among its rules, and with a rule that
    multiplies base points by `multiplier`.

    Raises Invalid (with pointers; a period that is past among them), CampaignCodeTaken.
    """
    _refuse(faults(content.said(), templates=templates, multiplier=multiplier, now=now))
    try:
        with transaction.atomic():
            campaign = Campaign.objects.create(
                **content.fields(), created_at=now, created_by=actor, updated_at=now
            )
            made = [_from_template(key, n, content, actor, now) for n, key in enumerate(templates)]
            if multiplier is not None:
                made.append(_multiplying(content, multiplier, actor, now))
            bind(campaign, [*content.rules, *made])
            step(campaign, Kind.CREATED, actor=actor, at=now, now=now)
            return campaign
    except IntegrityError as error:
        raise CampaignCodeTaken(campaign=content.code) from error


def change(
    *, code: str, changes: Mapping[str, Any], actor: str, now: datetime, by_api: bool = False
) -> Campaign:
    """Change the fields given; a draft cannot be made to end in the past. Of one that is under way only
    its texts and its budgets may change; a budget above what was given lets one go on that was stopped by its
    budget. Where the brand asks for a second operator, a budget that is raised or removed waits for one, and
    the rest is changed.

    Raises CampaignNotFound, CampaignState (it, or another budget, waits for approval; it has ended), Invalid.
    """
    with transaction.atomic():
        campaign = locked(code)
        if campaign.status in (Status.PENDING_APPROVAL, Status.ENDED):
            raise refused(campaign)
        if campaign.status in Campaign.LIVE:
            _check_under_way(campaign, changes)
            if submissions.approval_needed(by_api=by_api):
                changes = _without_larger(campaign, changes, actor, now)
        before, content = contents.of(campaign), contents.merged(campaign, changes)
        if content == before:
            return campaign
        _refuse(faults(content.said(), own=campaign, now=now))
        for name, value in content.fields().items():
            setattr(campaign, name, value)
        campaign.updated_at = now
        campaign.save()
        if campaign.status == Status.DRAFT:
            bind(campaign, content.rules)
            if set(content.rules) != set(before.rules):
                # A published rule that it lets go gives at once, out of any campaign.
                rulewriting.changed(now)
        noted = _noted(before, changes)
        step(campaign, Kind.CHANGED, actor=actor, at=now, now=now, note=noted)
        if campaign.status in Campaign.LIVE:
            tell("campaign.changed", campaign, actor=actor, at=now, note=noted)
            # The budget may have been raised above, or lowered below, what was given.
            budgets.hold_against(campaign, actor=actor, now=now)
            rulewriting.changed(now)
        return campaign


def faults(
    said: Mapping[str, Any],
    *,
    now: datetime,
    own: Campaign | None = None,
    templates: Sequence[str] = (),
    multiplier: str | None = None,
) -> list[FieldError]:
    """All that is wrong with a campaign, new or `own`, in the fields that are `said`, with pointers."""
    found = list(contents.faults(said, own=own))
    # A draft whose time has passed may still be corrected in everything else.
    if "ends_at" in said and (own is None or said["ends_at"] != own.ends_at):
        found += contents.over(said["ends_at"], now)
    codes = selectors.tier_codes()
    for number, key in enumerate(templates):
        if _template_body(key, codes) is None:
            found.append(FieldError(f"/templates/{number}", "unknown_template", TemplateNotFound.title))
    if multiplier is not None:
        body = _multiplying_body("x", {"en": "x"}, multiplier)
        errors = schema.check(body, selectors.check_context(now)).errors
        found += [FieldError("/multiplier", each.code, each.detail) for each in errors[:1]]
    return found


def _refuse(errors: Iterable[FieldError]) -> None:
    found = list(errors)
    if found:
        raise Invalid(found)


def _without_larger(
    campaign: Campaign, changes: Mapping[str, Any], actor: str, now: datetime
) -> dict[str, Any]:
    """The changes that are made at once; larger budgets are put forward."""
    asked = raising.larger(campaign, changes)
    if asked:
        raising.put_forward(campaign, asked, actor=actor, now=now)
    return {name: value for name, value in changes.items() if name not in asked}


def _noted(before: Content, changes: Mapping[str, Any]) -> str:
    """What was changed, for the history; of a budget both sides."""
    return ", ".join(
        raising.both_sides(name, getattr(before, name), changes[name])
        if name in raising.BUDGETS and changes[name] != getattr(before, name)
        else name
        for name in sorted(changes)
    )


def _check_under_way(campaign: Campaign, changes: Mapping[str, Any]) -> None:
    before = contents.of(campaign)
    detail = _("This cannot be changed any more: the campaign is under way.")
    errors = [
        FieldError(f"/{name}", "fixed", detail)
        for name, value in changes.items()
        if name not in OPEN_FIELDS and value != getattr(before, name)
    ]
    if errors:
        raise Invalid(errors)


def _from_template(key: str, number: int, content: Content, actor: str, now: datetime) -> str:
    """A draft copied from the gallery, paid by the campaign; its code."""
    body = _template_body(key, selectors.tier_codes())
    if body is None:
        raise Invalid.at(f"/templates/{number}", "unknown_template", TemplateNotFound.title)
    code = copying.free_code(f"{content.code}-{body['code']}"[: copying.LONGEST_CODE])
    return _drafted({**body, "code": code}, content, actor, now)


def _template_body(key: str, tiers: Sequence[str]) -> dict[str, Any] | None:
    found = gallery.template(key)
    return gallery.fitted(found.body, tiers) if found else None


def _multiplying_body(code: str, name: Mapping[str, str], factor: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": {language: text for language, text in name.items() if text},
        "trigger": "order.paid",
        "effect": {"type": "multiplier", "factor": factor},
        "stacking": PROMOTION,
    }


def _multiplying(content: Content, factor: str, actor: str, now: datetime) -> str:
    body = _multiplying_body(copying.free_code(f"{content.code}-x"), content.name, factor)
    try:
        return _drafted(body, content, actor, now)
    except Invalid as invalid:
        raise Invalid.at("/multiplier", invalid.errors[0].code, invalid.errors[0].detail) from invalid


def _drafted(body: dict[str, Any], content: Content, actor: str, now: datetime) -> str:
    paid = {"cost_centre": content.cost_centre} if content.cost_centre else {}
    return str(rules.create_draft(body={**body, **paid}, actor=actor, now=now).rule.code)
