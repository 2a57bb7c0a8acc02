"""The result of a simulation in the OpenAPI document, with an example."""

from __future__ import annotations

from typing import Any, Final

_NUMBER: Final = {"type": "integer"}
_AMOUNT: Final = {"type": "string", "description": "An exact decimal in `currency`."}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _compared(one: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _object({**more, "today": one, "draft": one, "difference": one})


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


_CELL: Final = _object({"points": _NUMBER, "cost": _AMOUNT, "orders": _NUMBER})
_LIABILITY: Final = _object({"points": _NUMBER, "pending": _NUMBER, "amount": _AMOUNT})
_TOTAL: Final = _object(
    {
        "points": _NUMBER,
        "cost": _AMOUNT,
        "liability": _LIABILITY,
        "orders": {**_NUMBER, "description": "Orders that got points."},
        "members": {**_NUMBER, "description": "Members who got points."},
        "grants": _NUMBER,
    }
)
_TEXT: Final = {"type": "string"}
_COUNTS: Final = {"type": "object", "additionalProperties": {"type": "integer"}}
_MEMBER: Final = _object({"member_id": _TEXT, "today": _NUMBER, "draft": _NUMBER, "difference": _NUMBER})
_SPREAD: Final = _object(
    {"members": _NUMBER, "mean": _TEXT, "p50": _NUMBER, "p90": _NUMBER, "p99": _NUMBER, "max": _NUMBER}
)
_WORKED: Final = _object(
    {
        "points": _NUMBER,
        "cost": _AMOUNT,
        "orders": _NUMBER,
        "matched": {**_NUMBER, "description": "Orders at which it would have given something before caps."},
        "cut_by_caps": _NUMBER,
        "grants": _NUMBER,
        "refused": {
            **_COUNTS,
            "description": "Orders by reason: condition, schedule, cap, stacking, …",
        },
    }
)
DIMENSIONS: Final = ("cost_centre", "tier", "category", "store", "channel", "day")
RESULT: Final[dict[str, Any]] = _object(
    {
        "job_id": {"type": "string", "format": "uuid"},
        "period": _object({"from": _TEXT, "to": _TEXT, "time_zone": _TEXT}),
        "filters": _object({name: _list(_TEXT) for name in ("stores", "channels", "tiers")}),
        "basis": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "How it reckons: orders as placed, facts as recorded, caps from zero.",
        },
        "currency": _TEXT,
        "changes": _list(
            _object(
                {
                    "rule": _TEXT,
                    "change": {"type": "string", "enum": ["new", "replaced", "retired"]},
                    "version": {"type": ["integer", "null"], "description": "What runs today."},
                }
            )
        ),
        "orders": _object(
            {
                "recorded": {**_NUMBER, "description": "Orders of the period."},
                "judged": {**_NUMBER, "description": "Without guests and accounts that could not earn."},
                "counted": {**_NUMBER, "description": "Those of them that the filters let through."},
                "lines": _NUMBER,
                "guests": _NUMBER,
                "members": _NUMBER,
                "points_given_then": {**_NUMBER, "description": "What was really given for them."},
            }
        ),
        "totals": _compared(_TOTAL),
        "by_currency": _list(
            _compared(
                _object({"points": _NUMBER, "cost": _AMOUNT, "liability": _LIABILITY}), points_currency=_TEXT
            )
        ),
        "members": _object(dict.fromkeys(("gain", "lose", "same", "points_gained", "points_lost"), _NUMBER)),
        "distribution": _object({"today": _SPREAD, "draft": _SPREAD}),
        "top_members": _object({name: _list(_MEMBER) for name in ("points", "gain", "lose")}),
        "refusals": _object({"today": _COUNTS, "draft": _COUNTS}),
        "by_rule": _list(
            _object(
                {
                    "rule": _TEXT,
                    "name": {"type": "object", "additionalProperties": _TEXT},
                    "version": {"type": ["integer", "null"]},
                    "points_currency": _TEXT,
                    "today": _WORKED,
                    "draft": _WORKED,
                    "difference": _CELL,
                }
            )
        ),
        **{f"by_{name}": _list(_compared(_CELL, **{name: _TEXT})) for name in DIMENSIONS},
        "warnings": _list(
            _object(
                {
                    "rule": {"type": ["string", "null"]},
                    "code": _TEXT,
                    "pointer": _TEXT,
                    "values": {"type": "object", "additionalProperties": True},
                    "detail": _TEXT,
                }
            )
        ),
        "speed": _object({"seconds": _TEXT, "orders_per_s": _NUMBER}),
    }
)


def _cell(points: int, cost: str, orders: int) -> dict[str, Any]:
    return {"points": points, "cost": cost, "orders": orders}


def _total(points: int, cost: str, members: int) -> dict[str, Any]:
    owed = {"points": points, "pending": 0, "amount": cost}
    return {"points": points, "cost": cost, "liability": owed, "orders": 3, "members": members, "grants": 0}


_ROW: Final[dict[str, Any]] = {
    "today": _cell(100, "1.00", 3),
    "draft": _cell(130, "1.30", 3),
    "difference": _cell(30, "0.30", 0),
}
_WORK: Final[dict[str, Any]] = {"matched": 3, "cut_by_caps": 0, "grants": 0, "refused": {"schedule": 2}}
EXAMPLE: Final[dict[str, Any]] = {
    "job_id": "0199f3a2-8d1c-7a10-8c1d-1f2e3d4c5b6a",
    "period": {"from": "2026-09-30T16:00:00Z", "to": "2026-10-31T16:00:00Z", "time_zone": "Asia/Shanghai"},
    "filters": {"stores": [], "channels": [], "tiers": []},
    "basis": {"orders": "as_placed", "facts": "as_recorded", "caps": "from_zero"},
    "currency": "CNY",
    "changes": [{"rule": "weekend-fresh", "change": "replaced", "version": 1}],
    "orders": {
        "recorded": 5,
        "judged": 5,
        "counted": 5,
        "lines": 9,
        "guests": 0,
        "members": 2,
        "points_given_then": 100,
    },
    "totals": {
        "today": _total(100, "1.00", 2),
        "draft": _total(130, "1.30", 2),
        "difference": _total(30, "0.30", 0) | {"orders": 0},
    },
    "by_currency": [],
    "members": {"gain": 1, "lose": 0, "same": 1, "points_gained": 30, "points_lost": 0},
    "distribution": {
        "today": {"members": 2, "mean": "50.0", "p50": 40, "p90": 60, "p99": 60, "max": 60},
        "draft": {"members": 2, "mean": "65.0", "p50": 40, "p90": 90, "p99": 90, "max": 90},
    },
    "top_members": {"points": [], "gain": [], "lose": []},
    "refusals": {"today": {"schedule": 2}, "draft": {"schedule": 2}},
    "by_rule": [
        {
            "rule": "weekend-fresh",
            "name": {"en": "Weekend triple on fresh food"},
            "version": 1,
            "points_currency": "points",
            "today": _ROW["today"] | _WORK,
            "draft": _ROW["draft"] | _WORK,
            "difference": _ROW["difference"],
        }
    ],
    **{f"by_{name}": [] for name in DIMENSIONS},
    "by_store": [{"store": "S01", **_ROW}],
    "warnings": [
        {
            "rule": "weekend-fresh",
            "code": "category_never_seen",
            "pointer": "/when/all/0/value/0",
            "values": {"value": "fresh"},
            "detail": "No order so far has “fresh”.",
        }
    ],
    "speed": {"seconds": "0.1", "orders_per_s": 1500},
}
