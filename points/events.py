"""Events of this room. Payloads are thin: ids, numbers and codes, nothing personal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loyalty.outbox.registry import declare
from loyalty.outbox.types import EventType
from points.tierevents import TIER_EVENTS

_ID = {"type": "string", "format": "uuid"}
_ID_OR_NULL = {"type": ["string", "null"], "format": "uuid"}
_AT = {"type": "string", "format": "date-time"}
_AT_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_WHOLE = {"type": "integer"}
_TEXT = {"type": "string"}

_MEMBER = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
_ACCOUNT_EXAMPLE = {
    "account_id": "0199f3a2-8d1c-7d10-8f3e-6a5b4c3d2e1f",
    "member_id": _MEMBER,
    "points_currency": "points",
    "available": 39,
    "pending": 0,
    "held": 0,
    "debt": 0,
    "lifetime_accrued": 39,
    "earn_frozen": False,
    "burn_frozen": False,
}
_ENTRY_EXAMPLE = {
    "entry_id": "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b",
    "journal": "0199f3a2-8d1c-7f01-9c8d-7e6f5a4b3c2d",
    "kind": "accrual",
    "points": 39,
    "points_currency": "points",
    "rule": "base",
    "version": 1,
    "balance_after": 39,
}
_ACCOUNT = {
    "type": "object",
    "required": list(_ACCOUNT_EXAMPLE),
    "properties": {
        "account_id": _ID,
        "member_id": _ID,
        "points_currency": _TEXT,
        "available": _WHOLE,
        "pending": _WHOLE,
        "held": _WHOLE,
        "debt": _WHOLE,
        "lifetime_accrued": _WHOLE,
        "earn_frozen": {"type": "boolean"},
        "burn_frozen": {"type": "boolean"},
    },
}
_ENTRY = {
    "type": "object",
    "required": list(_ENTRY_EXAMPLE),
    "properties": {
        "entry_id": _ID,
        "journal": _ID,
        "kind": _TEXT,
        "points": _WHOLE,
        "points_currency": _TEXT,
        "rule": _TEXT,
        "version": {"type": ["integer", "null"]},
        "balance_after": _WHOLE,
        "lot_id": _ID_OR_NULL,
        "available_at": _AT_OR_NULL,
        "expires_at": _AT_OR_NULL,
        "pending": {"type": "boolean"},
        "debt_repaid": _WHOLE,
        "reverses": _ID,
        "taken": _WHOLE,
        "debt_added": _WHOLE,
    },
}
_BOOKED = {
    "journal": _ID_OR_NULL,
    "entries": {"type": "array", "items": _ENTRY},
    "account": _ACCOUNT,
    "accounts": {"type": "array", "items": _ACCOUNT},
    "source": _TEXT,
    "reference": _TEXT,
    "reason": _TEXT,
}
_HOLD = {
    "hold_id": _ID,
    "status": {"enum": ["open", "captured", "voided", "expired"]},
    "points": _WHOLE,
    "captured": _WHOLE,
    "released": _WHOLE,
    "expires_at": _AT,
}
_HOLD_EXAMPLE = {
    "hold_id": "0199f3a2-8d1c-7a55-8b1c-2d3e4f5a6b7c",
    "status": "open",
    "points": 10,
    "reference": "till-7-0001",
    "expires_at": "2026-11-22T02:30:00+00:00",
}


def _booked(
    name: str,
    description: str,
    *,
    more: Mapping[str, Any] | None = None,
    kind: str | None = None,
    points: int = 39,
    example: Mapping[str, Any] | None = None,
) -> EventType:
    entries = [] if kind is None else [{**_ENTRY_EXAMPLE, "kind": kind, "points": points}]
    return EventType(
        name=name,
        description=description,
        schema={
            "type": "object",
            "required": ["member_id", "entries", "account"],
            "properties": {"member_id": _ID, **_BOOKED, **(more or {})},
        },
        example={
            "member_id": _MEMBER,
            "journal": _ENTRY_EXAMPLE["journal"] if entries else None,
            "entries": entries,
            "account": _ACCOUNT_EXAMPLE,
            **(example or {}),
        },
    )


EVENTS = (
    _booked(
        "points.accrued",
        "A member earned points; one event lists all entries of the journal.",
        kind="accrual",
    ),
    _booked(
        "points.activated",
        "Pending points became available; what repaid debt is told apart.",
        more={
            "points": _WHOLE,
            "debt_repaid": _WHOLE,
            "lots": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"entry_id": _ID, "lot_id": _ID, "points": _WHOLE},
                },
            },
        },
        example={"points": 39, "debt_repaid": 0, "lots": []},
    ),
    _booked(
        "points.burned",
        "A member spent points, by a burn or by the capture of a hold.",
        more=_HOLD,
        kind="burn",
        points=-10,
        example={"source": "burn", "reference": "till-7-0001", "reason": "checkout"},
    ),
    _booked("points.held", "Points were reserved.", more=_HOLD, example=_HOLD_EXAMPLE),
    _booked(
        "points.voided",
        "A hold ended without being captured: voided, or expired by itself.",
        more=_HOLD,
        example={**_HOLD_EXAMPLE, "status": "voided"},
    ),
    _booked(
        "points.reversed",
        "An earlier entry was undone: spent points given back, or earned points taken back.",
        more={"taken": _WHOLE, "debt_added": _WHOLE},
        kind="reversal",
        points=10,
        example={"source": "redemption", "reference": "R-1001", "reason": "cancelled"},
    ),
    EventType(
        name="points.expiring",
        description="Points are about to expire; told once for each day of expiry and stage.",
        schema={
            "type": "object",
            "required": ["member_id", "points_currency", "points", "expires_at", "days_before"],
            "properties": {
                "member_id": _ID,
                "points_currency": _TEXT,
                "points": _WHOLE,
                "expires_at": _AT,
                "days_before": _WHOLE,
            },
        },
        example={
            "member_id": _MEMBER,
            "points_currency": "points",
            "points": 39,
            "expires_at": "2026-12-22T16:00:00+00:00",
            "days_before": 30,
        },
    ),
    _booked("points.expired", "Points ended unused.", kind="expiry", points=-39),
    _booked(
        "points.adjusted",
        "An operator gave or took points, with a reason.",
        kind="adjustment",
        points=5,
        example={"source": "adjustment", "reference": "care-77", "reason": "goodwill"},
    ),
    _booked(
        "points.transferred",
        "A member gave points to another; `entries` has the giver's and the receiver's.",
        more={"from_member_id": _ID, "to_member_id": _ID, "points": _WHOLE},
        kind="transfer",
        points=-10,
        example={
            "from_member_id": _MEMBER,
            "to_member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a22",
            "points": 10,
            "source": "transfer",
            "reference": "gift-1",
        },
    ),
)
LOG_EVENTS = (
    EventType(
        name="ledger.checkpoint_signed",
        description="The transparency log grew and was signed. Keep the note where the platform's operator "
        "cannot reach it: a copy of an older checkpoint is what shows that history was not rewritten.",
        schema={
            "type": "object",
            "required": ["checkpoint_id", "origin", "size", "root", "note", "signed_at"],
            "properties": {
                "checkpoint_id": _ID,
                "origin": _TEXT,
                "size": {"type": "integer", "minimum": 1},
                "root": {"type": "string", "contentEncoding": "base64"},
                "note": {**_TEXT, "description": "C2SP tlog-checkpoint: text and Ed25519 signature."},
                "signed_at": _AT,
            },
        },
        example={
            "checkpoint_id": "0199f3a2-8d1c-7b22-9c1d-3e4f5a6b7c8d",
            "origin": "acme.localhost/points",
            "size": 4,
            "root": "27PoLthitRvN9nDkvvjCPmoKUyTxDPC9hWMBKE/f5VU=",
            "note": "acme.localhost/points\n4\n27PoLthitRvN9nDkvvjCPmoKUyTxDPC9hWMBKE/f5VU=\n\n"
            "— acme.localhost/points TRL2r2NxBZkvlYoeVr9Ii6irTLx2eG5tDV4+o5kiGIx/msqETrLmB1OWOiuBkE0w"
            "VjDIIDPr2yDGznpp8Z9F6+cbQg4=\n",
            "signed_at": "2026-11-22T02:15:10Z",
        },
    ),
    EventType(
        name="ledger.log_key_rotated",
        description="Another key signs the transparency log from now on. The note says which, signed by the "
        "key before it; checkpoints of the old key are still checked by the old key.",
        schema={
            "type": "object",
            "required": ["key_id", "origin", "verifier_key", "previous_key_id", "note", "rotated_at"],
            "properties": {
                "key_id": _ID,
                "origin": _TEXT,
                "verifier_key": {**_TEXT, "description": "C2SP signed-note verifier key."},
                "previous_key_id": _ID,
                "note": {**_TEXT, "description": "The origin and the new key, signed by the old one."},
                "rotated_at": _AT,
            },
        },
        example={
            "key_id": "0199f3a2-8d1c-7b22-9c1d-3e4f5a6b7c8e",
            "origin": "acme.localhost/points",
            "verifier_key": "acme.localhost/points+12befad2+AVZy/rHA6WD9mVfPw8pyYC34mDPlwiNi9Z77DcHiZBKG",
            "previous_key_id": "0199f3a2-8d1c-7b22-9c1d-3e4f5a6b7c8d",
            "note": "acme.localhost/points\n"
            "acme.localhost/points+12befad2+AVZy/rHA6WD9mVfPw8pyYC34mDPlwiNi9Z77DcHiZBKG\n\n"
            "— acme.localhost/points 9Da3f6s9Kku9BZEYJWBEmzMm9pZWq+L3Vn3yVSDBp1yrcGKVICxfBCvnPMVsKP3J"
            "stJw5fAzmV/RNgZKq4OYjdKbtAc=\n",
            "rotated_at": "2026-11-22T02:15:10Z",
        },
    ),
)
declare((*EVENTS, *TIER_EVENTS, *LOG_EVENTS))
