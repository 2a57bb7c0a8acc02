"""The frames of rules: what campaigns and budgets say about them, as the engine takes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final
from uuid import UUID

from campaigns.engine.frame import CAMPAIGN_BUDGET, PROGRAMME_BUDGET, Frame, framed
from campaigns.engine.rule import BASE_EFFECTS
from campaigns.engine.schedule import Schedule, compile_schedule
from campaigns.engine.types import ORDER_TRIGGERS, RuleResult
from campaigns.models import Campaign, CampaignPause, CampaignRule, ProgrammeBudget

_PER_CENT: Final = 100
Body = Mapping[str, Any]
Pauses = Mapping[UUID, tuple[tuple[datetime, datetime | None], ...]]


def frames(
    bodies: Iterable[tuple[Body, int]], tz: tzinfo, *, drafts: Collection[str] = ()
) -> dict[str, Frame]:
    """The frame of each rule that stands in one, by code; three queries.

    A rule of a campaign that is not scheduled gives nothing, unless it is one of `drafts`. At the limit of
    the programme's budget all bonus rules stop but a tier's own multiplier, which members were promised.
    """
    known = {body["code"]: body for body, _version in bodies}
    found = dict(_of_campaigns(known, tz, drafts))
    if programme_stopped():
        for body in known.values():
            code = body["code"]
            frame = found.get(code)
            if is_bonus(body) and not (frame is not None and frame.stopped):
                found[code] = _stopped(frame, PROGRAMME_BUDGET)
    return found


def recorded(results: Iterable[RuleResult]) -> dict[str, Frame]:
    """What the frames came to when an order was judged: a return judges it under the same."""
    return {
        each.rule: Frame(verdict=(each.reason, each.path))
        for each in results
        if each.reason is not None and each.path is not None and framed(each.path)
    }


def corrected(results: Iterable[RuleResult], tz: tzinfo) -> dict[str, Frame]:
    """The frames that a corrected order stands in: campaigns by its new time, budgets as they were when it
    was recorded. So a correction costs a used up budget nothing, and takes nothing from who had it in time.
    """
    judged = {each.rule: each for each in results}
    stopped = {code: each.path for code, each in judged.items() if each.reason == "cap" and framed(each.path)}
    found = dict(_of_campaigns(judged, tz, (), budgets=False))
    for code, path in stopped.items():
        found[code] = _stopped(found.get(code), str(path))
    return found


def programme_stopped() -> bool:
    """Whether the programme's budget of the period at hand is used up."""
    latest = ProgrammeBudget.objects.order_by("-starts_at").values_list("status", flat=True).first()
    return latest == ProgrammeBudget.Status.REACHED


def is_bonus(body: Body) -> bool:
    """Whether a rule gives on top of what is earned anyhow; a tier's own multiplier does not count as such.

    Base are rates by amount and by piece, and where there is no order the fixed points of what happened.
    """
    effect = str((body.get("effect") or {}).get("type"))
    if body.get("trigger") not in ORDER_TRIGGERS:
        return effect != "fixed"
    return effect not in BASE_EFFECTS and not str(body.get("code")).startswith("tier-")


def schedule_of(campaign: Campaign, tz: tzinfo) -> Schedule | None:
    """When a campaign runs, up to its real end. Raises ScheduleError."""
    ends_at = campaign.ends_at
    if campaign.ended_at is not None:
        ends_at = max(campaign.starts_at, min(ends_at, campaign.ended_at))
    said = {"starts_at": campaign.starts_at, "ends_at": ends_at, "rrule": campaign.rrule}
    return compile_schedule(said, tz)


def _of_campaigns(
    codes: Collection[str], tz: tzinfo, drafts: Collection[str], *, budgets: bool = True
) -> Iterable[tuple[str, Frame]]:
    bound = list(CampaignRule.objects.filter(rule__code__in=codes).values_list("rule__code", "campaign"))
    if not bound:
        return
    campaigns = Campaign.objects.in_bulk({campaign_id for _code, campaign_id in bound})
    pauses = _pauses(campaigns)
    made = {
        campaign_id: _frame(campaign, pauses.get(campaign_id, ()), tz, budgets=budgets)
        for campaign_id, campaign in campaigns.items()
    }
    for code, campaign_id in bound:
        frame = made[campaign_id]
        yield code, _opened(frame) if code in drafts else frame


def _pauses(campaigns: Collection[UUID]) -> Pauses:
    found: dict[UUID, tuple[tuple[datetime, datetime | None], ...]] = {}
    rows = CampaignPause.objects.filter(campaign__in=campaigns).order_by("starts_at")
    for campaign_id, start, end in rows.values_list("campaign_id", "starts_at", "ends_at"):
        found[campaign_id] = (*found.get(campaign_id, ()), (start, end))
    return found


def _frame(
    campaign: Campaign,
    pauses: tuple[tuple[datetime, datetime | None], ...],
    tz: tzinfo,
    *,
    budgets: bool,
) -> Frame:
    return Frame(
        campaign=campaign.code,
        open=campaign.status not in Campaign.UNPLANNED,
        schedule=schedule_of(campaign, tz),
        pauses=pauses,
        control=campaign.control_percent * _PER_CENT,
        stopped=CAMPAIGN_BUDGET if budgets and campaign.reached_at is not None else "",
    )


def _opened(frame: Frame) -> Frame:
    return Frame(frame.campaign, True, frame.schedule, frame.pauses, frame.control, frame.stopped)


def _stopped(frame: Frame | None, path: str) -> Frame:
    known = frame or Frame()
    return Frame(known.campaign, known.open, known.schedule, known.pauses, known.control, path)
