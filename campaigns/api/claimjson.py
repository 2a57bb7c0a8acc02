"""Claims as the two APIs tell them, with an example of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rest_framework import serializers

from campaigns.models import Claim
from loyalty.lib import money
from loyalty.lib.instants import text as instant
from members.models import Purchase
from tenants.context import current_brand

CLAIM_ID: Final = "0199f3a2-8d1c-7d10-9a8b-7c6d5e4f3a2b"
OWN: Final[dict[str, Any]] = {
    "claim_id": CLAIM_ID,
    "order_id": "S01-20261122-0007",
    "amount": "39.80",
    "currency": "CNY",
    "ordered_on": "2026-11-22",
    "store_id": "S01",
    "note": "",
    "status": "accepted",
    "outcome": "order",
    "points": 39,
    "reason": "",
    "filed_at": "2026-11-23T02:15:00Z",
    "decided_at": "2026-11-23T02:15:00Z",
    "actions": [],
}
OPEN: Final[dict[str, Any]] = {
    **OWN,
    "status": "open",
    "outcome": None,
    "points": None,
    "decided_at": None,
    "actions": ["withdraw"],
}
DESK: Final[dict[str, Any]] = {
    **OPEN,
    "member_id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "finding": "differs",
    "waits_until": None,
    "adjustment_id": None,
    "decided_by": "",
    "order": {
        "order_id": "S01-20261122-0007",
        "member_id": None,
        "status": "recorded",
        "ordered_at": "2026-11-22T02:15:00Z",
        "store_id": "S01",
        "amount": "93.80",
    },
    "actions": ["accept", "reject"],
}


class ClaimShape(serializers.Serializer[Any]):
    """A claim as its member sees it. `points` are what it brought, `reason` is what the operator wrote."""

    claim_id = serializers.UUIDField()
    order_id = serializers.CharField()
    amount = serializers.DecimalField(max_digits=16, decimal_places=2)
    currency = serializers.CharField()
    ordered_on = serializers.DateField(allow_null=True)
    store_id = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=Claim.Status.values)
    outcome = serializers.ChoiceField(choices=Claim.Outcome.values, allow_null=True)
    points = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    filed_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    actions = serializers.ListField(child=serializers.ChoiceField(choices=["withdraw"]))


class ClaimedOrder(serializers.Serializer[Any]):
    """What is known of the order of this number; `member_id` is null for a guest's."""

    order_id = serializers.CharField()
    member_id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=Purchase.Status.values)
    ordered_at = serializers.DateTimeField()
    store_id = serializers.CharField(allow_blank=True)
    amount = serializers.DecimalField(max_digits=16, decimal_places=2)


class DeskClaim(ClaimShape):
    """A claim as operators see it. `finding` says how it stood with the order when it was last looked at."""

    member_id = serializers.UUIDField()
    finding = serializers.ChoiceField(choices=Claim.Finding.values)
    waits_until = serializers.DateTimeField(allow_null=True)
    adjustment_id = serializers.UUIDField(allow_null=True)
    decided_by = serializers.CharField(allow_blank=True)
    order = ClaimedOrder(allow_null=True)
    actions = serializers.ListField(child=serializers.ChoiceField(choices=["accept", "reject"]))


class ClaimList(serializers.Serializer[Any]):
    """A page of the member's claims."""

    items = ClaimShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class DeskList(serializers.Serializer[Any]):
    """A page of claims."""

    items = DeskClaim(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def own_json(claim: Claim) -> dict[str, Any]:
    """A claim for its member: nothing that says whether somebody else's order exists, and nothing of a
    decision that is not one yet."""
    decided = claim.status != Claim.Status.OPEN
    free = not decided and claim.adjustment_id is None
    return {
        "claim_id": str(claim.pk),
        "order_id": claim.order_id,
        "amount": money.plain(claim.amount),
        "currency": current_brand().currency,
        "ordered_on": claim.ordered_on.isoformat() if claim.ordered_on else None,
        "store_id": claim.store_id,
        "note": claim.note,
        "status": claim.status,
        "outcome": claim.outcome or None,
        "points": claim.points if claim.outcome else None,
        "reason": claim.reason if decided else "",
        "filed_at": instant(claim.filed_at),
        "decided_at": instant(claim.decided_at) if claim.decided_at else None,
        "actions": ["withdraw"] if free else [],
    }


def orders_of(claims: Iterable[Claim]) -> Mapping[str, Purchase]:
    """The orders that the claims name, by number."""
    return {
        each.order_id: each for each in Purchase.objects.filter(order_id__in=[c.order_id for c in claims])
    }


def desk_json(claim: Claim, order: Purchase | None) -> dict[str, Any]:
    """A claim for operators, with what is known of the order that it names."""
    free = claim.status == Claim.Status.OPEN and claim.adjustment_id is None
    return {
        **own_json(claim),
        "points": claim.points,
        "reason": claim.reason,
        "member_id": str(claim.member_id),
        "finding": claim.finding,
        "waits_until": instant(claim.waits_until) if claim.waits_until else None,
        "adjustment_id": str(claim.adjustment_id) if claim.adjustment_id else None,
        "decided_by": claim.decided_by,
        "order": order_json(order) if order else None,
        "actions": ["accept", "reject"] if free else [],
    }


def order_json(order: Purchase) -> dict[str, Any]:
    """What an operator compares a receipt with."""
    return {
        "order_id": order.order_id,
        "member_id": str(order.member_id) if order.member_id else None,
        "status": order.status,
        "ordered_at": instant(order.ordered_at),
        "store_id": order.store_id,
        "amount": money.plain(order.amount),
    }
