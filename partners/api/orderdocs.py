"""Orders and returns as OpenAPI describes them. `tests/orders` holds them to what the parser knows."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

JSON: Final = "application/json"
Schema = dict[str, Any]

MEMBER_ID: Final = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
ENTRY_ID: Final = "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b"
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
            " that gives nothing any more.",
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

ORDER_EXAMPLE: Final[dict[str, Any]] = {
    "order_id": "S01-20261122-0007",
    "member": {"external_id": "C123"},
    "ordered_at": "2026-11-22T10:15:00+08:00",
    "channel": "store",
    "store_id": "S01",
    "region": "440100",
    "currency": "CNY",
    "lines": [
        {
            "line_id": "1",
            "sku": "6901234567892",
            "name": "鲜牛奶 1L",
            "category": "fresh/dairy",
            "brand": "acme",
            "quantity": "2",
            "unit_price": "19.90",
            "discount": "0.00",
            "tags": [],
        }
    ],
    "attributes": {},
}
ACCOUNT_EXAMPLE: Final = {"available": 39, "pending": 0, "held": 0, "debt": 0, "points_currency": "points"}
ENTRY_EXAMPLE: Final[dict[str, Any]] = {
    "entry_id": ENTRY_ID,
    "points": 39,
    "points_currency": "points",
    "rule": "base",
    "version": 1,
    "available_at": "2026-11-22T02:15:01Z",
    "expires_at": "2027-11-22T16:00:00Z",
}
RECORDED_EXAMPLE: Final[dict[str, Any]] = {
    "order_id": "S01-20261122-0007",
    "member_id": MEMBER_ID,
    "status": "recorded",
    "points": {"accrued": 39, "pending": 0, "debt_repaid": 0},
    "entries": [ENTRY_EXAMPLE],
    "explanation": [
        {
            "rule": "base",
            "version": 1,
            "name": "Base rate",
            "points": 39,
            "text": "39.80 × 1 point per CNY → 39",
            "lines": ["1"],
        },
        {
            "rule": "weekend",
            "version": 1,
            "name": "Weekend 1.5×",
            "points": 0,
            "text": "Not today",
            "reason": "schedule",
            "path": "/schedule/rrule",
        },
    ],
    "account": ACCOUNT_EXAMPLE,
    "tier": "silver",
}
PREVIEW_EXAMPLE: Final[dict[str, Any]] = {
    **RECORDED_EXAMPLE,
    "status": "preview",
    "entries": [{**ENTRY_EXAMPLE, "entry_id": None}],
}
CORRECTION_EXAMPLE: Final[dict[str, Any]] = {
    **ORDER_EXAMPLE,
    "lines": [{**ORDER_EXAMPLE["lines"][0], "quantity": "1"}],
    "revision": 2,
}
CORRECTED_EXAMPLE: Final[dict[str, Any]] = {
    **RECORDED_EXAMPLE,
    "points": {"accrued": 19, "pending": 0, "debt_repaid": 0},
    "account": {**ACCOUNT_EXAMPLE, "available": 19},
    "revision": 2,
    "booked": {"accrued": 0, "pending": 0, "debt_repaid": 0, "taken_back": 20, "debt": 0},
}
STORED_EXAMPLE: Final[dict[str, Any]] = {
    **{k: v for k, v in ORDER_EXAMPLE.items() if k != "member"},
    **RECORDED_EXAMPLE,
    "ordered_at": "2026-11-22T02:15:00Z",
    "completed_at": None,
    "amount": "39.80",
    "revision": 1,
    "payments": [],
    "returns": [],
    "recorded_at": "2026-11-22T02:15:01Z",
}
RETURN_EXAMPLE: Final = {
    "return_id": "R-1",
    "returned_at": "2026-11-23T10:00:00+08:00",
    "lines": [{"line_id": "1", "quantity": "1"}],
}
_CLAWED_EXAMPLE: Final = {
    "entry_id": "0199f3a2-8d1c-7f55-b1b2-0c1d2e3f4a5b",
    "points": -20,
    "points_currency": "points",
    "rule": "base",
    "order_id": "S01-20261122-0007",
    "reverses": ENTRY_ID,
}
RETURNED_EXAMPLE: Final[dict[str, Any]] = {
    "return_id": "R-1",
    "order_id": "S01-20261122-0007",
    "member_id": MEMBER_ID,
    "status": "applied",
    "returned_at": "2026-11-23T02:00:00Z",
    "lines": [{"line_id": "1", "quantity": "1"}],
    "points": {"taken_back": 20, "debt": 0},
    "entries": [_CLAWED_EXAMPLE],
    "whole": False,
    "account": {**ACCOUNT_EXAMPLE, "available": 19},
}
PARKED_EXAMPLE: Final[dict[str, Any]] = {
    "return_id": "R-2",
    "order_id": "S01-20261123-0001",
    "status": "parked",
    "parked_at": "2026-11-23T02:00:00Z",
    "dropped_at": None,
    "problem": None,
}
COMPLETED_EXAMPLE: Final[dict[str, Any]] = {
    "order_id": "S01-20261122-0007",
    "member_id": MEMBER_ID,
    "status": "completed",
    "completed_at": "2026-11-29T02:15:00Z",
    "points": {"activated": 39, "accrued": 0, "pending": 0, "debt_repaid": 0},
    "activated": [{"points_currency": "points", "points": 39}],
    "entries": [],
    "account": ACCOUNT_EXAMPLE,
}
CANCELLED_EXAMPLE: Final[dict[str, Any]] = {
    "order_id": "S01-20261122-0007",
    "member_id": MEMBER_ID,
    "status": "cancelled",
    "points": {"taken_back": 39, "debt": 0},
    "entries": [{**_CLAWED_EXAMPLE, "points": -39}],
    "account": {**ACCOUNT_EXAMPLE, "available": 0},
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
