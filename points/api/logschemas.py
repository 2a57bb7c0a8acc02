"""What the calls of the transparency log answer, for the OpenAPI document, with examples that verify."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers


class OpenedLot(serializers.Serializer[Any]):
    """A lot that the entry opened, as it was promised then."""

    earned_at = serializers.CharField()
    expires_at = serializers.CharField(allow_null=True)
    lot = serializers.UUIDField()
    points = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": serializers.UUIDField(allow_null=True)}


class TakenLot(serializers.Serializer[Any]):
    """What the entry took from a lot; negative where it gave back."""

    lot = serializers.UUIDField()
    points = serializers.IntegerField()


class SealedEntry(serializers.Serializer[Any]):
    """An entry as it was sealed. `details` is the SHA-256 of the receipt's own `details`, null without."""

    account = serializers.UUIDField()
    balance_after = serializers.IntegerField()
    cost_centre = serializers.CharField(allow_blank=True)
    currency = serializers.CharField()
    details = serializers.CharField(allow_null=True)
    direction = serializers.ChoiceField(choices=[1, -1])
    effective_at = serializers.CharField()
    entry = serializers.UUIDField()
    journal = serializers.UUIDField()
    kind = serializers.CharField()
    opened = OpenedLot(many=True)
    points = serializers.IntegerField()
    recorded_at = serializers.CharField()
    reference = serializers.CharField()
    reverses = serializers.UUIDField(allow_null=True)
    rule = serializers.CharField(allow_blank=True)
    rule_version = serializers.IntegerField(allow_null=True)
    seq = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]
    system_account = serializers.CharField()
    taken = TakenLot(many=True)


class SealedDetails(serializers.Serializer[Any]):
    """What operators wrote for each other; the explanation is JSON as text, digit for digit."""

    actor = serializers.CharField(allow_blank=True)
    explanation = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    salt = serializers.CharField()


class OwnReceipt(serializers.Serializer[Any]):
    """The proof that an entry stands in the log; its leaf is SHA-256(0x00 ‖ canonical JSON {entry, salt})."""

    format = serializers.CharField()
    entry = SealedEntry()
    salt = serializers.CharField()
    leaf_index = serializers.IntegerField()
    proof = serializers.ListField(child=serializers.CharField())
    checkpoint = serializers.CharField()
    key = serializers.CharField()


class Receipt(OwnReceipt):
    """The same, with the details behind their hash; null where there are none."""

    details = SealedDetails(allow_null=True)


class Checkpoint(serializers.Serializer[Any]):
    """What the brand signed: so many leaves, this root. `note` is a C2SP tlog-checkpoint."""

    checkpoint_id = serializers.UUIDField()
    size = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]
    note = serializers.CharField()
    key_id = serializers.UUIDField()
    signed_at = serializers.DateTimeField()


class CheckpointPage(serializers.Serializer[Any]):
    items = Checkpoint(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class Consistency(serializers.Serializer[Any]):
    """The hashes of RFC 6962, section 2.1.2, in base64."""

    to = serializers.IntegerField()
    hashes = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.IntegerField(), **super().get_fields()}


class LogKey(serializers.Serializer[Any]):
    key_id = serializers.UUIDField()
    algorithm = serializers.ChoiceField(choices=["Ed25519"])
    public_key = serializers.CharField()
    verifier_key = serializers.CharField()
    created_at = serializers.DateTimeField()


class LogKeys(serializers.Serializer[Any]):
    """Keep these from the first day: a key from the receipt itself proves nothing."""

    origin = serializers.CharField()
    keys = LogKey(many=True)


_ENTRY = "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5b"
_ROOT = "27PoLthitRvN9nDkvvjCPmoKUyTxDPC9hWMBKE/f5VU="
_NOTE = (
    f"acme.localhost/points\n4\n{_ROOT}\n\n"
    "— acme.localhost/points "
    "TRL2r2NxBZkvlYoeVr9Ii6irTLx2eG5tDV4+o5kiGIx/msqETrLmB1OWOiuBkE0wVjDIIDPr2yDGznpp8Z9F6+cb"
    "Qg4=\n"
)
_PUBLIC = "RCmTBlAEqh5MSPTdAVgZTAI0m8xmTNluQA6iaZGKjVE="
_VERIFIER_KEY = "acme.localhost/points+4d12f6af+AUQpkwZQBKoeTEj03QFYGUwCNJvMZkzZbkAOommRio1R"
_OWN_RECEIPT: dict[str, Any] = {
    "format": "loyalty-receipt-v1",
    "entry": {
        "account": "0199f3a2-8d1c-7d10-8f3e-6a5b4c3d2e1f",
        "balance_after": 39,
        "cost_centre": "",
        "currency": "points",
        "details": "394e79b53d2d4ae3ceb0cf5b7022cb1f78b64680b248c44cb21755e44571a8a2",
        "direction": 1,
        "effective_at": "2026-11-22T02:15:00.000000Z",
        "entry": _ENTRY,
        "journal": "0199f3a2-8d1c-7f01-9c8d-7e6f5a4b3c2d",
        "kind": "accrual",
        "opened": [
            {
                "earned_at": "2026-11-22T02:15:00.000000Z",
                "expires_at": "2027-11-30T16:00:00.000000Z",
                "from": None,
                "lot": _ENTRY,
                "points": 39,
            }
        ],
        "points": 39,
        "recorded_at": "2026-11-22T02:15:01.000000Z",
        "reference": "S01-20261122-0007",
        "reverses": None,
        "rule": "base",
        "rule_version": 1,
        "seq": 1,
        "source": "order",
        "system_account": "issuance",
        "taken": [],
    },
    "salt": "000102030405060708090a0b0c0d0e0f",
    "leaf_index": 2,
    "proof": [
        "kGxdJIXK5yIHOkMPTQT+F2dQdZLO8iZimurbhaLskJ0=",
        "ywCYnZSlacCmeK4EK2Pc1GJduWRAUX83put5duok7Us=",
    ],
    "checkpoint": _NOTE,
    "key": _VERIFIER_KEY,
}
_RECEIPT = {
    **_OWN_RECEIPT,
    "details": {
        "actor": "api_key:till-7",
        "explanation": None,
        "reason": "",
        "salt": "f0e1d2c3b4a5968778695a4b3c2d1e0f",
    },
}
_KEY_ID = "0199f3a2-8d1c-7b11-8c2d-1e2f3a4b5c6d"
_CHECKPOINT = {
    "checkpoint_id": "0199f3a2-8d1c-7b22-9c1d-3e4f5a6b7c8d",
    "size": 4,
    "root": _ROOT,
    "note": _NOTE,
    "key_id": _KEY_ID,
    "signed_at": "2026-11-22T02:15:10Z",
}


def _answer(value: dict[str, Any]) -> list[OpenApiExample]:
    return [OpenApiExample("Answer", value=value, response_only=True, status_codes=["200"])]


RECEIPT_EXAMPLES = _answer(_RECEIPT)
OWN_RECEIPT_EXAMPLES = _answer(_OWN_RECEIPT)
CHECKPOINT_EXAMPLES = _answer(_CHECKPOINT)
CHECKPOINT_PAGE_EXAMPLES = _answer({"items": [_CHECKPOINT], "next_cursor": None})
CONSISTENCY_EXAMPLES = _answer(
    {
        "from": 3,
        "to": 4,
        "hashes": [
            "TBwi8vlBJ/m+6IxekFkxUWOG3OysItYSYCWFcWpB1K8=",
            "kGxdJIXK5yIHOkMPTQT+F2dQdZLO8iZimurbhaLskJ0=",
            "ywCYnZSlacCmeK4EK2Pc1GJduWRAUX83put5duok7Us=",
        ],
    }
)
KEY_EXAMPLES = _answer(
    {
        "origin": "acme.localhost/points",
        "keys": [
            {
                "key_id": _KEY_ID,
                "algorithm": "Ed25519",
                "public_key": _PUBLIC,
                "verifier_key": _VERIFIER_KEY,
                "created_at": "2026-01-01T00:00:00Z",
            }
        ],
    }
)
