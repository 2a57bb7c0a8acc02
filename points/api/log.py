"""`/entries/{id}/receipt`, `/ledger/…` and `/me/receipts/{id}`: the log for those who check it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import fields, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.instants import text as instant
from members.api.base import MemberApiView
from points import receipts, signednote
from points.api import logschemas

MAX_SIZE = 2**53 - 1


class ReceiptView(ApiView):
    """The proof that an entry stands in the transparency log."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(
        operation_id="entry_receipt_get",
        responses=logschemas.Receipt,
        examples=logschemas.RECEIPT_EXAMPLES,
    )
    def get(self, request: Any, entry_id: UUID) -> Response:
        """The receipt, checked offline by points/verify_receipt.py. Raises EntryNotFound, NotSealedYet."""
        return Response(receipts.receipt(entry_id))


class OwnReceiptView(MemberApiView):
    """The proof that an entry of one's own stands in the transparency log."""

    @extend_schema(
        operation_id="me_receipt_get",
        responses=logschemas.OwnReceipt,
        examples=logschemas.OWN_RECEIPT_EXAMPLES,
    )
    def get(self, request: Any, entry_id: UUID) -> Response:
        """The receipt, without what operators wrote for each other. Raises EntryNotFound, NotSealedYet."""
        return Response(receipts.receipt(entry_id, member_id=self.member.id, details=False))


class PageQuery(StrictSerializer):
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class CheckpointsView(ApiView):
    """What the brand signed, the newest first."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(
        operation_id="checkpoints_list",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=logschemas.CheckpointPage,
        examples=logschemas.CHECKPOINT_PAGE_EXAMPLES,
    )
    def get(self, request: Any) -> Response:
        """One page of signed checkpoints."""
        self.query(PageQuery)
        return Response(pagination.page(receipts.checkpoints(), request, receipts.shape, order=("-size",)))


class LatestCheckpointView(ApiView):
    """What the brand signed last."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(
        operation_id="checkpoint_latest_get",
        responses=logschemas.Checkpoint,
        examples=logschemas.CHECKPOINT_EXAMPLES,
    )
    def get(self, request: Any) -> Response:
        """The newest checkpoint. Raises CheckpointNotFound before the first sealing."""
        return Response(receipts.shape(receipts.checkpoint()))


class ConsistencyQuery(StrictSerializer):
    to = serializers.IntegerField(min_value=1, max_value=MAX_SIZE, required=False)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python, so it cannot stand as a class attribute.
        return {"from": serializers.IntegerField(min_value=1, max_value=MAX_SIZE), **super().get_fields()}


class ConsistencyView(ApiView):
    """The proof that the log only grew between two sizes."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(
        operation_id="ledger_consistency_get",
        parameters=[
            OpenApiParameter("from", int, required=True, description="Leaves of the older checkpoint."),
            OpenApiParameter("to", int, description="Leaves of the newer one. Default: the newest."),
        ],
        responses=logschemas.Consistency,
        examples=logschemas.CONSISTENCY_EXAMPLES,
    )
    def get(self, request: Any) -> Response:
        """The consistency proof of RFC 6962. Raises CheckpointNotFound, Invalid for sizes it never had."""
        query = self.query(ConsistencyQuery)
        end, proof = receipts.consistency(query["from"], query.get("to"))
        hashes = [b64encode(hashed).decode() for hashed in proof]
        return Response({"from": query["from"], "to": end, "hashes": hashes})


class KeyView(ApiView):
    """The public keys of the log."""

    required_scopes = {"GET": "points:read"}

    @extend_schema(
        operation_id="ledger_key_get", responses=logschemas.LogKeys, examples=logschemas.KEY_EXAMPLES
    )
    def get(self, request: Any) -> Response:
        """Every key that ever signed, the present one first. Raises LogKeyNotFound before there is one."""
        found = receipts.keys()
        return Response(
            {
                "origin": found[0].origin,
                "keys": [
                    {
                        "key_id": str(key.pk),
                        "algorithm": "Ed25519",
                        "public_key": b64encode(bytes(key.public)).decode(),
                        "verifier_key": signednote.verifier_key(key.origin, bytes(key.public)),
                        "created_at": instant(key.created_at),
                    }
                    for key in found
                ],
            }
        )
