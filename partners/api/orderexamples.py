"""The examples of orders and returns in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

MEMBER_ID: Final = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
ENTRY_ID: Final = "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b"

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
