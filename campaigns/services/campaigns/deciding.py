"""From a draft to a campaign that will run: at once, or in four eyes where the brand asks for that.

What is submitted is kept as it was, its rules included; what is approved is what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import framing
from campaigns.errors import CampaignApprovalRequired, ProgrammeBudgetUsedUp
from campaigns.models import Campaign, CampaignStep, Rule, RuleStep
from campaigns.services import rulewriting, submissions
from campaigns.services.campaigns import budgets, exchange, raising, turning
from campaigns.services.campaigns import content as contents
from campaigns.services.campaigns.steps import locked, refused, step, tell
from loyalty.lib.errors import FieldError, Invalid
from loyalty.lib.foureyes import SameOperator

Status = Campaign.Status
Kind = CampaignStep.Kind
Bodies = Mapping[str, Any]


def start(*, code: str, actor: str, now: datetime, by_api: bool = False) -> Campaign:
    """Let a draft run at its time, at once if that has come; its rules are published with it.

    Raises CampaignNotFound, CampaignState, CampaignApprovalRequired, ProgrammeBudgetUsedUp, SubmissionOpen
    (of one of its rules), Invalid (it is over already, it has no rule, a rule no longer holds).
    """
    with transaction.atomic():
        campaign = locked(code)
        if campaign.status != Status.DRAFT:
            raise refused(campaign)
        if submissions.approval_needed(by_api=by_api):
            raise CampaignApprovalRequired(campaign=code)
        _schedule(campaign, None, actor, now)
        return campaign


def submit(*, code: str, actor: str, now: datetime, note: str = "") -> Campaign:
    """Put a draft forward, with its rules as they are now. Nothing of it can be changed while it waits.

    Raises CampaignNotFound, CampaignState, Invalid (it is over already, it has no rule, a rule no longer
    holds).
    """
    with transaction.atomic():
        campaign = locked(code)
        if campaign.status != Status.DRAFT:
            raise refused(campaign)
        bodies = {rule.code: rule.draft for rule in _rules(campaign) if rule.draft is not None}
        _check(campaign, bodies, now)
        campaign.status, campaign.submitted, campaign.submitted_by = Status.PENDING_APPROVAL, bodies, actor
        campaign.updated_at = now
        campaign.save()
        step(campaign, Kind.SUBMITTED, actor=actor, at=now, now=now, note=note)
        tell("campaign.submitted", campaign, actor=actor, at=now, note=note)
        return campaign


def approve(*, code: str, actor: str, now: datetime, note: str = "") -> Campaign:
    """Approve what waits: it runs at its time, with its rules as they were submitted. Of one under way it is
    a larger budget that waits, and counts from now on.

    Raises CampaignNotFound, CampaignState, SameOperator, ProgrammeBudgetUsedUp, SubmissionOpen, Invalid.
    """
    with transaction.atomic():
        campaign = _waiting(code, actor)
        step(campaign, Kind.APPROVED, actor=actor, at=now, now=now, note=note)
        if raising.waits(campaign):
            raising.apply(campaign, actor=actor, now=now)
            return campaign
        campaign.approved_by = actor
        _schedule(campaign, campaign.submitted or {}, actor, now)
        return campaign


def reject(*, code: str, actor: str, now: datetime, reason: str) -> Campaign:
    """Turn down what waits, with a reason; it is a draft again, or under way with the budget it had.

    Raises CampaignNotFound, CampaignState, SameOperator (withdraw it instead), Invalid (no reason).
    """
    if not reason.strip():
        raise Invalid.at("/reason", "required", _("This field is required."))
    with transaction.atomic():
        campaign = _waiting(code, actor)
        _as_before(campaign, now)
        step(campaign, Kind.REJECTED, actor=actor, at=now, now=now, note=reason)
        tell("campaign.rejected", campaign, actor=actor, at=now, note=reason)
        return campaign


def withdraw(*, code: str, actor: str, now: datetime) -> Campaign:
    """Take back what waits; it is a draft again, or under way with the budget it had.

    Raises CampaignNotFound, CampaignState.
    """
    with transaction.atomic():
        campaign = _undecided(code)
        _as_before(campaign, now)
        step(campaign, Kind.WITHDRAWN, actor=actor, at=now, now=now)
        return campaign


def _waiting(code: str, actor: str) -> Campaign:
    campaign = _undecided(code)
    if campaign.submitted_by == actor:
        raise SameOperator
    return campaign


def _undecided(code: str) -> Campaign:
    """The campaign, locked, on which something waits for a second operator."""
    campaign = locked(code)
    if campaign.status != Status.PENDING_APPROVAL and not raising.waits(campaign):
        raise refused(campaign)
    return campaign


def _as_before(campaign: Campaign, now: datetime) -> None:
    if raising.waits(campaign):
        raising.take_back(campaign, now=now)
        return
    campaign.status, campaign.submitted, campaign.submitted_by = Status.DRAFT, None, ""
    campaign.updated_at = now
    campaign.save()


def _rules(campaign: Campaign) -> list[Rule]:
    return list(Rule.objects.filter(campaign_of__campaign=campaign).order_by("code"))


def _check(campaign: Campaign, bodies: Bodies, now: datetime) -> None:
    """Whether it could run now. Raises Invalid."""
    errors = list(contents.over(turning.last_end(campaign), now))
    rules = _rules(campaign)
    # On an exchange day something else than rules may be on offer.
    if not rules and campaign.kind != Campaign.Kind.EXCHANGE_DAY:
        errors.append(FieldError("/rules", "required", _("A campaign has at least one rule.")))
    errors += contents.forbidden(contents.of(campaign).said())
    for number, rule in enumerate(rules):
        if rule.status == Rule.Status.RETIRED:
            errors.append(FieldError(f"/rules/{number}", "rule_retired", _("This rule is retired.")))
        elif rule.code in bodies:
            errors += _faults(number, bodies[rule.code], now)
    if errors:
        raise Invalid(errors)


def _faults(number: int, body: Any, now: datetime) -> list[FieldError]:
    try:
        rulewriting.checked(body, now)
    except Invalid as invalid:
        return [FieldError(f"/rules/{number}{e.pointer}", e.code, e.detail) for e in invalid.errors]
    return []


def _schedule(campaign: Campaign, bodies: Bodies | None, actor: str, now: datetime) -> None:
    """Publish its rules, as they were submitted or else as they are drafted, and let it wait for its time."""
    if framing.programme_stopped():
        raise ProgrammeBudgetUsedUp(campaign=campaign.code)
    rules = [rulewriting.locked(rule.code, retired=True) for rule in _rules(campaign)]
    if bodies is None:
        bodies = {rule.code: rule.draft for rule in rules if rule.draft is not None}
    _check(campaign, bodies, now)
    for rule in rules:
        if rule.code in bodies:
            submissions.refuse_open(rule)
            found = rulewriting.checked(bodies[rule.code], now)
            rulewriting.put_in_force(rule, found, actor=actor, now=now, keep_draft=True)
            rulewriting.step(rule, RuleStep.Kind.PUBLISHED, actor=actor, now=now, note=campaign.code)
    campaign.status, campaign.due_at = Status.SCHEDULED, max(now, turning.next_start(campaign, now))
    budgets.begin()
    step(campaign, Kind.SCHEDULED, actor=actor, at=now, now=now)
    tell("campaign.scheduled", campaign, actor=actor, at=now)
    turning.advance(campaign, now)
    exchange.follow(campaign, now)
    rulewriting.changed(now)
