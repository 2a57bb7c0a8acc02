"""Event types of campaigns and of the programme's budget."""

from typing import Any, Final

from loyalty.outbox.types import EventType

_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_INSTANT_OR_NULL: Final = {"type": ["string", "null"], "format": "date-time"}
_CAMPAIGN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["campaign", "at", "name", "kind", "status", "starts_at", "ends_at", "actor"],
    "properties": {
        "campaign": {"type": "string", "description": "Code of the campaign."},
        "at": {**_INSTANT, "description": "When it happened: of a start or an end its very time."},
        "name": _TEXTS,
        "kind": {"enum": ["double_points", "member_day", "exchange_day", "birthday_month", "other"]},
        "status": {"type": "string", "description": "Its state after what happened."},
        "starts_at": _INSTANT,
        "ends_at": _INSTANT,
        "until": {**_INSTANT, "description": "When it ends this time; a campaign may recur."},
        "again_at": {**_INSTANT_OR_NULL, "description": "When it begins the next time; null: never."},
        "announcement": {**_TEXTS, "description": "What members are told of it."},
        "rules": {"type": "array", "items": {"type": "string"}, "description": "Codes of its rules."},
        "given_points": {"type": "integer"},
        "given_amount": {"type": "string", "description": "What the points cost, in the brand's money."},
        "budget_points": {"type": ["integer", "null"]},
        "budget_amount": {"type": ["string", "null"]},
        "actor": {"type": "string"},
        "note": {"type": "string"},
    },
    "additionalProperties": True,
}
_EXAMPLE: Final[dict[str, Any]] = {
    "campaign": "double-12",
    "at": "2026-12-11T16:00:00Z",
    "name": {"zh-hans": "双 12 双倍积分", "en": "Double points on 12/12"},
    "kind": "double_points",
    "status": "running",
    "starts_at": "2026-12-11T16:00:00Z",
    "ends_at": "2026-12-12T16:00:00Z",
    "announcement": {"zh-hans": "今天双倍积分", "en": "Double points today"},
    "rules": ["double-12-x"],
    "given_points": 0,
    "given_amount": "0.00",
    "budget_points": 1_000_000,
    "budget_amount": None,
    "actor": "worker",
}
_PROGRAMME: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["starts_at", "ends_at", "limit", "spent", "forecast", "currency"],
    "properties": {
        "starts_at": _INSTANT,
        "ends_at": _INSTANT,
        "limit": {"type": "string"},
        "spent": {"type": "string", "description": "What redemptions of the period cost so far."},
        "forecast": {"type": "string", "description": "What they will have cost by its end."},
        "currency": {"type": "string"},
    },
    "additionalProperties": True,
}
_PROGRAMME_EXAMPLE: Final = {
    "starts_at": "2026-09-30T16:00:00Z",
    "ends_at": "2026-12-31T16:00:00Z",
    "limit": "150000.00",
    "spent": "120400.50",
    "forecast": "171900.00",
    "currency": "CNY",
}


def _campaign(name: str, description: str, **example: Any) -> EventType:
    return EventType(name, description, _CAMPAIGN, {**_EXAMPLE, **example})


def _programme(name: str, description: str, **example: Any) -> EventType:
    return EventType(name, description, _PROGRAMME, {**_PROGRAMME_EXAMPLE, **example})


CAMPAIGN_EVENTS: Final = (
    _campaign(
        "campaign.submitted",
        "A campaign, or a larger budget of one, waits for a second operator.",
        status="pending_approval",
    ),
    _campaign("campaign.rejected", "A second operator turned a campaign down.", status="draft"),
    _campaign("campaign.scheduled", "A campaign will begin at its time.", status="scheduled"),
    _campaign("campaign.changed", "A budget or a text of a campaign that is under way was changed."),
    _campaign("campaign.started", "A campaign began.", until="2026-12-12T16:00:00Z"),
    _campaign("campaign.paused", "An operator paused a campaign.", status="paused"),
    _campaign("campaign.resumed", "A campaign goes on, after a pause or with a higher budget."),
    _campaign(
        "campaign.ended", "A campaign ended, or pauses until its next day.", again_at=None, status="ended"
    ),
    _campaign("campaign.budget_alarm", "A campaign gave 80 % of its budget.", given_points=800_000),
    _campaign(
        "campaign.budget_reached",
        "A campaign gave its budget: its rules give nothing more; what was given stays.",
        status="stopped",
        given_points=1_000_040,
    ),
    _programme("programme.budget_alarm", "Redemptions cost 80 % of their budget, or will exceed it."),
    _programme(
        "programme.budget_reached",
        "Redemptions cost their budget: bonus rules and new campaigns stop until the period ends.",
        spent="150020.00",
    ),
    _programme("programme.budget_freed", "Bonus rules give again: a new period, or a higher budget."),
)
