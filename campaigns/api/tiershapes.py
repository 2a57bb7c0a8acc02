"""A tier programme as the API takes and tells it, with its example."""

from __future__ import annotations

from typing import Any, Final

from points import tiers as programs
from points.services import tierconfig

_LOCAL: Final[dict[str, Any]] = {"type": "object", "additionalProperties": {"type": "string"}}
_NUMBER: Final[dict[str, Any]] = {"type": ["string", "number"]}
PROGRAM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["qualify_by", "period", "levels"],
    "additionalProperties": False,
    "properties": {
        "qualify_by": {"enum": list(programs.QUALIFY_BY)},
        "period": {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"enum": list(programs.PERIODS)},
                "months": {"type": "integer", "minimum": 1, "maximum": tierconfig.MAX_MONTHS},
            },
            "additionalProperties": False,
        },
        "downgrade": {"enum": list(programs.DOWNGRADES), "default": "one_step"},
        "grace_days": {
            "type": "integer",
            "minimum": 0,
            "maximum": tierconfig.MAX_GRACE_DAYS,
            "default": 0,
            "description": "A tier that was not earned anew is kept for so many days after its period.",
        },
        "on_return": {
            "enum": list(programs.ON_RETURN),
            "default": "at_once",
            "description": "When a return lowers the tier.",
        },
        "levels": {
            "type": "array",
            "minItems": 1,
            "maxItems": tierconfig.MAX_LEVELS,
            "description": "From the lowest, which begins at 0, upwards.",
            "items": {
                "type": "object",
                "required": ["code", "threshold"],
                "additionalProperties": False,
                "properties": {
                    "code": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$"},
                    "name": _LOCAL,
                    "threshold": {**_NUMBER, "description": "Points, local days with an order, or money."},
                    "multiplier": {**_NUMBER, "default": "1", "description": "Of the base points; 1 to 100."},
                },
            },
        },
    },
}
REPLACED: Final[dict[str, Any]] = {
    **PROGRAM,
    "properties": {
        **PROGRAM["properties"],
        "warnings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
    },
}
ASKED: Final[dict[str, Any]] = {
    "qualify_by": "points",
    "period": {"type": "rolling_months", "months": 12},
    "downgrade": "one_step",
    "grace_days": 30,
    "levels": [
        {"code": "silver", "name": {"zh-hans": "银卡", "en": "Silver"}, "threshold": 0, "multiplier": "1"},
        {"code": "gold", "name": {"zh-hans": "金卡", "en": "Gold"}, "threshold": 5000, "multiplier": "1.2"},
    ],
}
ANSWER: Final[dict[str, Any]] = {**ASKED, "on_return": "at_once"}
JSON: Final = "application/json"
