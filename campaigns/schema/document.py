"""The JSON Schema of an earning rule, as it is published at ``GET /api/v1/earning-rules/schema``."""

from __future__ import annotations

import copy
from typing import Any, Final

from campaigns.engine.types import ACTIVITY_TYPE

CODE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
TRIGGER_PATTERN: Final = (
    r"^(order\.(paid|completed)|member\.(enrolled|birthday|anniversary)"
    rf"|referral\.(registered|first_order)|activity\.{ACTIVITY_TYPE})$"
)
TIME_PATTERN: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
CURRENCY_PATTERN: Final = r"^[a-z][a-z0-9_]{0,31}$"
_DECIMAL: Final[dict[str, Any]] = {
    "type": ["number", "string"],
    "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$",
}
_COUNT: Final[dict[str, Any]] = {"type": ["integer", "string"], "pattern": r"^[0-9]{1,12}$"}
NOT_BLANK: Final = r"\S"
_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": NOT_BLANK}
_LIMIT: Final[dict[str, Any]] = {"$ref": "#/$defs/limit"}
_INSTANT: Final[dict[str, Any]] = {"type": ["string", "null"], "format": "date-time", "maxLength": 40}


def _object(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = list(required)
    return found


def _effect(kind: str, properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return _object({"type": {"const": kind}, **properties}, ("type", *required))


EFFECTS: Final[dict[str, dict[str, Any]]] = {
    "per_amount": _effect(
        "per_amount",
        {"points": _DECIMAL, "per": _DECIMAL, "whole": {"type": "boolean"}},
        ("points", "per"),
    ),
    "per_unit": _effect("per_unit", {"points": _DECIMAL}, ("points",)),
    "fixed": _effect("fixed", {"points": {"$ref": "#/$defs/count"}}, ("points",)),
    "multiplier": _effect("multiplier", {"factor": _DECIMAL}, ("factor",)),
    "grant": _effect(
        "grant",
        {
            "kind": {"enum": ["coupon", "benefit", "tag", "draw"]},
            "code": _TEXT,
            "quantity": {"$ref": "#/$defs/count"},
            "valid_days": {"$ref": "#/$defs/count"},
            "attributes": {"type": "object"},
        },
        ("kind", "code"),
    ),
}
EXPIRIES: Final[dict[str, dict[str, Any]]] = {
    "never": _object({"policy": {"const": "never"}}, ("policy",)),
    "fixed": _object(
        {"policy": {"const": "fixed"}, "on": {"type": "string", "format": "date"}}, ("policy", "on")
    ),
    **{
        policy: _object({"policy": {"const": policy}, unit: {"$ref": "#/$defs/count"}}, ("policy", unit))
        for policy, unit in (
            ("days", "days"),
            ("months", "months"),
            ("end_of_month", "months"),
            ("end_of_year", "years"),
            ("inactivity", "months"),
        )
    },
}
PENDINGS: Final[dict[str, dict[str, Any]]] = {
    "days": _object({"days": {"$ref": "#/$defs/count"}}, ("days",)),
    "until": _object({"until": {"enum": ["order.completed", "activity.approved"]}}, ("until",)),
}
_PERIODS: Final = _object(dict.fromkeys(("day", "week", "month", "year", "lifetime"), _LIMIT))
_DEFINITIONS: Final[dict[str, Any]] = {
    "count": _COUNT,
    "limit": {"type": ["integer", "string", "null"], "pattern": r"^[0-9]{1,12}$"},
    "node": {
        "type": "object",
        "description": "A condition, or conditions of which all, any or none must hold.",
        "oneOf": [{"$ref": "#/$defs/condition"}, {"$ref": "#/$defs/group"}],
    },
    "group": {
        **_object(
            {kind: {"type": "array", "items": {"$ref": "#/$defs/node"}} for kind in ("all", "any", "none")}
        ),
        "minProperties": 1,
    },
    "condition": _object(
        {
            "fact": _TEXT,
            "op": {
                "enum": ["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between", "has"],
            },
            "value": {
                "type": ["string", "number", "boolean", "array"],
                "items": {"type": ["string", "number", "boolean"]},
                "maxItems": 2000,
            },
            "window": {"type": "string", "pattern": r"^(week|month|quarter|year|days:[1-9][0-9]{0,3})$"},
            "where": _object(
                {
                    "min_amount": _DECIMAL,
                    "category": {"type": ["array", "string"], "items": _TEXT, "minItems": 1, "maxItems": 200},
                    "distinct_days": {"type": "boolean"},
                }
            ),
        },
        ("fact", "op", "value"),
    ),
}
RULE_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:loyalty:schema:earning-rule:1",
    "title": "Earning rule",
    **_object(
        {
            "code": {"type": "string", "pattern": CODE_PATTERN},
            "name": {
                "type": ["object", "string"],
                "properties": {"zh-hans": _TEXT, "en": _TEXT},
                "additionalProperties": False,
                "minProperties": 1,
                "minLength": 1,
                "maxLength": 200,
                "pattern": NOT_BLANK,
            },
            "description": {"type": "string", "maxLength": 2000},
            "trigger": {"type": "string", "pattern": TRIGGER_PATTERN},
            "when": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "object", "maxProperties": 0}]},
            "schedule": _object(
                {
                    "starts_at": _INSTANT,
                    "ends_at": _INSTANT,
                    "rrule": {"type": ["string", "null"], "maxLength": 400},
                    "hours": {
                        "type": ["array", "null"],
                        "maxItems": 24,
                        "items": {
                            "type": "array",
                            "minItems": 2,
                            "maxItems": 2,
                            "items": {
                                "type": "string",
                                "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
                            },
                        },
                    },
                }
            ),
            "effect": {"type": "object", "oneOf": list(EFFECTS.values())},
            "to": {"enum": ["member", "referrer", "referee", "both"]},
            "stacking": _object({"group": _TEXT, "policy": {"enum": ["best", "all"]}}, ("group",)),
            "priority": {"type": ["integer", "string"], "pattern": r"^-?[0-9]{1,6}$"},
            "caps": _object(
                {
                    "per_order": _LIMIT,
                    "per_member": _PERIODS,
                    "times": _PERIODS,
                    "total": _LIMIT,
                    "once_per": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 4},
                }
            ),
            "points": _object(
                {
                    "currency": {"type": "string", "pattern": CURRENCY_PATTERN},
                    "pending": {"type": ["object", "null"], "oneOf": [{"type": "null"}, *PENDINGS.values()]},
                    "expiry": {"type": ["object", "null"], "oneOf": [{"type": "null"}, *EXPIRIES.values()]},
                    "qualifying": {"type": "boolean"},
                }
            ),
            "audience": _object(
                {"segment": {"type": "string", "maxLength": 64}, "rollout_percent": _DECIMAL}
            ),
            "cost_centre": {"type": "string", "maxLength": 64},
        },
        ("code", "name", "trigger", "effect"),
    ),
    "$defs": _DEFINITIONS,
}


def schema_for(body: dict[str, Any]) -> dict[str, Any]:
    """The same schema with each choice already made by the body (which effect, which policy), so that an
    error names the field that is wrong instead of saying that no alternative fits. Conditions are left
    to `campaigns.schema.conditions`, which knows the facts."""
    schema = copy.deepcopy(RULE_SCHEMA)
    properties = schema["properties"]
    properties["when"] = {"type": "object"}
    properties["effect"] = _chosen(body.get("effect"), "type", EFFECTS)
    points = body.get("points")
    if isinstance(points, dict):
        fields = properties["points"]["properties"]
        fields["expiry"] = _nullable(_chosen(points.get("expiry"), "policy", EXPIRIES), points.get("expiry"))
        pending = points.get("pending")
        kind = "until" if isinstance(pending, dict) and "until" in pending else "days"
        fields["pending"] = _nullable(PENDINGS[kind], pending)
    return schema


def _chosen(value: Any, key: str, choices: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = value.get(key) if isinstance(value, dict) else None
    if isinstance(name, str) and name in choices:
        return choices[name]
    return {"type": "object", "required": [key], "properties": {key: {"enum": list(choices)}}}


def _nullable(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    return {} if value is None else schema
