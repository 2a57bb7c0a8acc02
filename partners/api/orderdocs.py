"""Orders and returns as OpenAPI describes them. `tests/orders` holds them to what the parser knows."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

JSON: Final = "application/json"
Schema = dict[str, Any]

_AT: Final[Schema] = {"type": "string", "format": "date-time"}
_AT_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_ID: Final[Schema] = {"type": "string", "format": "uuid"}
_ID_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "uuid"}
_WHOLE: Final[Schema] = {"type": "integer"}
_TEXT: Final[Schema] = {"type": "string"}
_WHOSE: Final[Schema] = {"order_id": _TEXT, "member_id": _ID_OR_NULL}


def _text(most: int, least: int = 0) -> Schema:
    return {"type": "string", "maxLength": most, **({"minLength": least} if least else {})}


def _decimal(places: int, about: str) -> Schema:
    whole = r"^\d{1,14}"
    return {
        "oneOf": [{"type": "string", "pattern": rf"{whole}(\.\d{{1,{places}}})?$"}, {"type": "number"}],
        "description": f"{about} An exact decimal, at most {places} digits after the point.",
    }


def _object(properties: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _counts(*names: str) -> Schema:
    return {"type": "object", "properties": dict.fromkeys(names, _WHOLE)}


MEMBER_REF: Final[Schema] = {
    **_object(
        {
            "member_id": _ID,
            "external_id": _text(128),
            "phone": _text(128),
            "email": _text(128),
            "card_no": _text(128),
            "unionid": _text(128),
            "alipay_open_id": _text(128),
            "openid": _text(128),
            "app_id": _text(64),
            "provider": _text(40),
            "subject": _text(128),
        }
    ),
    "description": "A member's id, or exactly one identity.",
}
LINE: Final = _object(
    {
        "line_id": {**_text(64), "description": "Defaults to the position, counted from 1."},
        "sku": _text(64),
        "name": _text(200),
        "category": {**_text(200), "description": "A path such as `fresh/dairy`."},
        "brand": _text(80),
        "product_line": _text(80),
        "quantity": _decimal(3, "More than 0."),
        "unit_price": _decimal(4, "0 or more."),
        "discount": _decimal(2, "Of the whole line; at most quantity × unit_price."),
        "tags": {"type": "array", "items": _text(64, 1), "maxItems": 50},
    },
    ("quantity", "unit_price"),
)
ORDER: Final = _object(
    {
        "order_id": _text(100, 1),
        "member": {"oneOf": [MEMBER_REF, {"type": "null"}], "description": "null: a guest order."},
        "ordered_at": {**_AT, "description": "At most a day ahead."},
        "completed_at": _AT_OR_NULL,
        "channel": _text(40),
        "store_id": _text(64),
        "region": _text(32),
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "The brand's."},
        "lines": {"type": "array", "items": LINE, "minItems": 1, "maxItems": 1000},
        "total": _decimal(6, "Must equal what the lines come to."),
        "payments": {
            "type": "array",
            "maxItems": 20,
            "items": _object(
                {"method": _text(40, 1), "amount": _decimal(2, "0 or more.")}, ("method", "amount")
            ),
            "description": "What is paid by the methods `points`, `coupon` and `gift_card` does not earn.",
        },
        "attributes": {"type": "object", "additionalProperties": True},
    },
    ("order_id", "member", "ordered_at", "currency", "lines"),
)
CORRECTION: Final = _object(
    {**ORDER["properties"], "revision": {"type": "integer", "minimum": 2, "maximum": 2**31 - 1}},
    (*ORDER["required"], "revision"),
)
RETURN: Final = _object(
    {
        "return_id": _text(100, 1),
        "returned_at": _AT,
        "lines": {
            "type": "array",
            "maxItems": 1000,
            "items": _object(
                {"line_id": _text(64, 1), "quantity": _decimal(3, "More than 0.")}, ("line_id", "quantity")
            ),
        },
        "all": {"type": "boolean", "description": "Everything that is left; instead of `lines`."},
    },
    ("return_id",),
)
COMPLETE: Final = _object({"completed_at": {**_AT, "description": "Default: now."}})
NOTHING: Final = _object({})

ACCOUNT: Final[Schema] = {
    "type": ["object", "null"],
    "properties": {
        **dict.fromkeys(("available", "pending", "held", "debt"), _WHOLE),
        "points_currency": _TEXT,
    },
}
ENTRY: Final[Schema] = {
    "type": "object",
    "properties": {
        "entry_id": _ID_OR_NULL,
        "points": _WHOLE,
        "points_currency": _TEXT,
        "rule": _TEXT,
        "version": _WHOLE,
        "available_at": _AT_OR_NULL,
        "expires_at": _AT_OR_NULL,
        "waits_for": _TEXT,
    },
}
EXPLANATION: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "rule": _TEXT,
            "version": _WHOLE,
            "name": _TEXT,
            "points": _WHOLE,
            "text": {"type": "string", "description": "In the language of Accept-Language."},
            "reason": {
                "enum": ["condition", "schedule", "cap", "stacking", "audience", "compliance", "rounding"]
            },
            "path": {"type": "string", "description": "The part of the rule that decided."},
            "lines": {"type": "array", "items": _TEXT},
        },
        "additionalProperties": True,
    },
}
_POINTS: Final[Schema] = {
    "type": "object",
    "properties": {
        "accrued": {**_WHOLE, "description": "All points given."},
        "pending": {**_WHOLE, "description": "The part of them that cannot be spent yet."},
        "debt_repaid": {**_WHOLE, "description": "The part of them that repaid debt."},
    },
}
RECORDED: Final[Schema] = {
    "type": "object",
    "properties": {
        **_WHOSE,
        "status": {"enum": ["recorded", "completed", "cancelled", "preview"]},
        "points": _POINTS,
        "entries": {"type": "array", "items": ENTRY},
        "explanation": EXPLANATION,
        "account": ACCOUNT,
        "tier": {"type": ["string", "null"], "description": "The tier that the member holds now."},
        "returns": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": True},
            "description": "Returns that had been parked for this order and were applied.",
        },
        "notice": {
            "type": "string",
            "description": "`earning_frozen`: recorded, but gave nothing; `rule_retired`: a preview by a rule"
            " that gives nothing any more; `guest_order`: a preview of what somebody who joins would earn,"
            " the guest's order itself gives nothing until it is claimed.",
        },
    },
}
CORRECTED: Final[Schema] = {
    "type": "object",
    "properties": {
        **RECORDED["properties"],
        "revision": _WHOLE,
        "booked": {
            **_counts("accrued", "pending", "debt_repaid", "taken_back", "debt"),
            "description": "What this correction gave and took back; empty when it changed nothing.",
        },
    },
}
STORED: Final[Schema] = {
    "type": "object",
    "properties": {
        **RECORDED["properties"],
        **{name: {} for name in ("ordered_at", "completed_at", "channel", "store_id", "region", "currency")},
        "amount": _TEXT,
        "revision": _WHOLE,
        "lines": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "payments": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "attributes": {"type": "object", "additionalProperties": True},
        "returns": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "recorded_at": _AT,
    },
}
CLAWED: Final[Schema] = {
    "type": "object",
    "properties": {
        "entry_id": _ID,
        "points": _WHOLE,
        "points_currency": _TEXT,
        "rule": _TEXT,
        "order_id": {"type": "string", "description": "The order whose points these were."},
        "reverses": _ID,
    },
}
_TAKEN: Final[Schema] = {
    "type": "object",
    "properties": {
        "taken_back": {**_WHOLE, "description": "All points taken back, debt included."},
        "debt": {**_WHOLE, "description": "The part of them that the member owes now."},
    },
}
RETURNED: Final[Schema] = {
    "type": "object",
    "properties": {
        "return_id": _TEXT,
        **_WHOSE,
        "status": {"enum": ["applied", "parked", "dropped"]},
        "returned_at": _AT,
        "lines": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "points": _TAKEN,
        "entries": {"type": "array", "items": CLAWED},
        "whole": {"type": "boolean", "description": "Whether nothing of the order is left."},
        "account": ACCOUNT,
    },
}
PARKED: Final[Schema] = {
    "type": "object",
    "properties": {
        "return_id": _TEXT,
        "order_id": _TEXT,
        "status": {"enum": ["parked", "applied", "dropped"]},
        "parked_at": _AT,
        "dropped_at": _AT_OR_NULL,
        "problem": {"type": ["object", "null"], "additionalProperties": True},
    },
}
PARKED_PAGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": PARKED},
        "next_cursor": {"type": ["string", "null"]},
    },
}
COMPLETED: Final[Schema] = {
    "type": "object",
    "properties": {
        **_WHOSE,
        "status": {"const": "completed"},
        "completed_at": _AT,
        "points": _counts("activated", "accrued", "pending", "debt_repaid"),
        # In every points currency.
        "activated": {"type": "array", "items": _object({"points_currency": _TEXT, "points": _WHOLE})},
        "entries": {"type": "array", "items": ENTRY},
        "account": ACCOUNT,
    },
}
CANCELLED: Final[Schema] = {
    "type": "object",
    "properties": {
        **_WHOSE,
        "status": {"const": "cancelled"},
        "points": _TAKEN,
        "entries": {"type": "array", "items": CLAWED},
        "account": ACCOUNT,
    },
}

KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="16 to 255 printable characters: the same call twice has one effect and one answer.",
)


def asked(value: Any, name: str = "Request") -> OpenApiExample:
    """An example of a request."""
    return OpenApiExample(name, value, request_only=True)


def answered(value: Any, name: str = "Answer", status: str = "200") -> OpenApiExample:
    """An example of an answer."""
    return OpenApiExample(name, value, response_only=True, status_codes=[status])
