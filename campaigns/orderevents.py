"""Events of orders, returns and activities; declared with the room's others in `events.py`."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_noop as _

from loyalty.outbox.types import EventType

_ID: Final = {"type": ["string", "null"], "format": "uuid"}
_AT: Final = {"type": "string", "format": "date-time"}
_MEMBER: Final = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
_ORDER: Final[dict[str, Any]] = {
    "order_id": {"type": "string"},
    "member_id": _ID,
    "ordered_at": _AT,
    "channel": {"type": "string"},
    "store_id": {"type": "string"},
    "amount": {"type": "string"},
    "currency": {"type": "string"},
}
_EXAMPLE: Final[dict[str, Any]] = {
    "order_id": "S01-20261122-0007",
    "member_id": _MEMBER,
    "ordered_at": "2026-11-22T02:15:00Z",
    "channel": "store",
    "store_id": "S01",
    "amount": "39.80",
    "currency": "CNY",
}
_POINTS: Final = {"type": "object", "additionalProperties": {"type": "integer"}}


def _event(name: str, description: str, more: dict[str, Any], example: dict[str, Any]) -> EventType:
    return EventType(
        name=name,
        description=description,
        schema={
            "type": "object",
            "required": ["order_id", "member_id", *more],
            "properties": {**_ORDER, **more},
            "additionalProperties": True,
        },
        example={**_EXAMPLE, **example},
    )


ORDER_EVENTS: Final = (
    _event(
        "order.recorded",
        _("An order was recorded; `points` says what it earned. A guest order has no member."),
        {"points": _POINTS},
        {"points": {"accrued": 39, "pending": 0, "debt_repaid": 0}},
    ),
    _event(
        "order.corrected",
        _("An order was corrected; `points` says what was given or taken back for the difference."),
        {"revision": {"type": "integer"}, "points": _POINTS},
        {"revision": 2, "points": {"accrued": 0, "taken_back": 20, "debt": 0}},
    ),
    _event(
        "order.completed",
        _("An order was completed: what waited for it became available."),
        {"completed_at": _AT},
        {"completed_at": "2026-11-29T02:15:00Z"},
    ),
    _event(
        "order.returned",
        _("Some or all of an order came back; `points` says what was taken back for it."),
        {"return_id": {"type": "string"}, "points": _POINTS, "whole": {"type": "boolean"}},
        {"return_id": "R-1", "points": {"taken_back": 39, "debt": 0}, "whole": True},
    ),
    _event(
        "order.cancelled",
        _("An order was cancelled: everything that was left of it came back."),
        {"points": _POINTS},
        {"points": {"taken_back": 39, "debt": 0}},
    ),
    _event(
        "order.claimed",
        _("A member claimed a guest order: it is theirs now. `points` says what it earned."),
        {"points": _POINTS},
        {"points": {"accrued": 39, "pending": 0, "debt_repaid": 0}},
    ),
    *(
        EventType(
            name=name,
            description=description,
            schema={
                "type": "object",
                "required": ["activity_id", "member_id", "type"],
                "properties": {
                    "activity_id": {"type": "string"},
                    "member_id": _ID,
                    "type": {"type": "string"},
                    "reason": {"type": "string"},
                    "actor": {"type": "string"},
                },
            },
            example={
                "activity_id": "A-1",
                "member_id": _MEMBER,
                "type": "review",
                "reason": "",
                "actor": "operator:anna@acme.example",
            },
        )
        for name, description in (
            ("activity.approved", "An activity was approved: what waited for that is available."),
            ("activity.rejected", "An activity was rejected: what was given for it was taken back."),
        )
    ),
    EventType(
        name="activity_type.registered",
        description="The brand registered a type of activity, or changed one.",
        schema={
            "type": "object",
            "required": ["code", "enabled"],
            "properties": {
                "code": {"type": "string"},
                "enabled": {"type": "boolean"},
                "actor": {"type": "string"},
            },
        },
        example={"code": "tasting", "enabled": True, "actor": "operator:anna@acme.example"},
    ),
    EventType(
        name="activity.recorded",
        description=_("A member did something: checked in, wrote a review, answered a survey …"),
        schema={
            "type": "object",
            "required": ["activity_id", "member_id", "type", "occurred_at", "points"],
            "properties": {
                "activity_id": {"type": "string"},
                "member_id": _ID,
                "type": {"type": "string"},
                "occurred_at": _AT,
                "points": _POINTS,
            },
        },
        example={
            "activity_id": "A-1",
            "member_id": _MEMBER,
            "type": "check-in",
            "occurred_at": "2026-11-22T02:15:00Z",
            "points": {"accrued": 5, "pending": 0, "debt_repaid": 0},
        },
    ),
)
