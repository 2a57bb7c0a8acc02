"""`/redemptions` of the partner API."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from loyalty.lib import clock, pagination
from loyalty.lib.api import ApiView
from mall import selectors
from mall import services as mall
from mall.api import bodies, schemas, shapes
from mall.api.rewards import CURSOR
from mall.models import Redemption, Reward
from members.api import refs

_PLACE = {
    "member": {"member_id": schemas.REDEMPTION["member_id"]},
    "reward_id": schemas.REDEMPTION["reward_id"],
    "quantity": 1,
    "reference": "mini-0001",
}
_CANCELLED = {
    **schemas.REDEMPTION_DONE,
    "status": "cancelled",
    "reversal_id": "0199f3a2-8d1c-7e44-a1b2-0c1d2e3f4a5c",
    "cancelled_at": "2026-11-22T03:15:00Z",
    "actions": [],
    "account": {"points_currency": "points", "available": 79, "pending": 0, "held": 0, "debt": 0},
}


class RedemptionsView(ApiView):
    """All redemptions."""

    required_scopes: ClassVar = {"GET": "mall:read", "POST": "mall:write"}

    @extend_schema(
        operation_id="redemptions_list",
        parameters=[
            OpenApiParameter("member_id", str),
            OpenApiParameter("reward_id", str),
            OpenApiParameter("status", enum=Redemption.Status.values),
            OpenApiParameter("reference", str),
            *CURSOR,
        ],
        responses=schemas.RedemptionPage,
        examples=[schemas.page(schemas.REDEMPTION)],
    )
    def get(self, request: Any) -> Response:
        """Redemptions, the newest first."""
        query = self.query(bodies.RedemptionsQuery)
        wanted = {
            name: query[name] for name in ("member_id", "reward_id", "status", "reference") if name in query
        }
        rows = selectors.redemptions().filter(**wanted)
        return Response(pagination.page(rows, request, shapes.redemption, order=("-placed_at", "-id")))

    @extend_schema(
        operation_id="redemptions_place",
        request=bodies.RedemptionBody,
        responses={201: schemas.RedemptionShape, 200: schemas.RedemptionShape},
        examples=[
            schemas.request("A mug", _PLACE),
            schemas.answer("The redemption", schemas.REDEMPTION_DONE),
        ],
    )
    def post(self, request: Any) -> Any:
        """Points for a reward, in one transaction with the stock.

        The same reference with the same content answers 200 with the first redemption, with other content
        409 `reference_conflict`. 409 `out_of_stock`, `limit_reached`, `insufficient_points`,
        `reward_not_available`; 403 `not_eligible`.
        """
        body = self.body(bodies.RedemptionBody)

        def work() -> Response:
            now = clock.now()
            member = refs.resolve(body["member"], now=now)
            placed = mall.place(
                member_id=member.id,
                reward_id=body["reward_id"],
                quantity=body["quantity"],
                reference=body["reference"],
                offer_id=body.get("offer_id"),
                address=body.get("address"),
                actor=self.caller(),
                now=now,
            )
            status = 200 if placed.replayed else 201
            return Response(shapes.redemption(placed.redemption, placed.account), status=status)

        return self.once(work)


class RedemptionView(ApiView):
    """One redemption."""

    required_scopes: ClassVar = {"GET": "mall:read", "PATCH": "mall:write"}

    @extend_schema(
        operation_id="redemptions_get",
        responses=schemas.RedemptionInFull,
        examples=[schemas.answer("The redemption", schemas.REDEMPTION_IN_FULL)],
    )
    def get(self, request: Any, redemption_id: UUID) -> Response:
        """The redemption with its history."""
        return Response(shapes.redemption_in_full(selectors.redemption(redemption_id)))

    @extend_schema(
        operation_id="redemptions_set_address",
        request=bodies.AddressBody,
        responses=schemas.RedemptionShape,
        examples=[
            schemas.request("Where to", {"address": schemas.REDEMPTION_SHIPPED["address"]}),
            schemas.answer("The redemption", schemas.REDEMPTION),
        ],
    )
    def patch(self, request: Any, redemption_id: UUID) -> Response:
        """Say where to send it, until it was sent."""
        body = self.body(bodies.AddressBody)
        changed = mall.set_address(redemption_id=redemption_id, address=body["address"], now=clock.now())
        return Response(shapes.redemption(changed))


class CancelRedemptionView(ApiView):
    """Undoing a redemption."""

    required_scopes: ClassVar = {"POST": "mall:write"}

    @extend_schema(
        operation_id="redemptions_cancel",
        request=bodies.CancelBody,
        responses=schemas.RedemptionShape,
        examples=[
            schemas.request("A change of mind", {"reason": "changed my mind"}),
            schemas.answer("Cancelled", _CANCELLED),
        ],
    )
    def post(self, request: Any, redemption_id: UUID) -> Any:
        """The points go back to the very lots they came from, the piece back to stock; until it was sent.

        Cancelling again changes nothing. 409 `redemption_state` once it was sent or completed.
        """
        body = self.body(bodies.CancelBody)

        def work() -> Response:
            undone = mall.cancel(
                redemption_id=redemption_id, reason=body["reason"], actor=self.caller(), now=clock.now()
            )
            return Response(shapes.redemption(undone.redemption, undone.account))

        return self.once(work)


class FulfilRedemptionView(ApiView):
    """What the brand did for a redemption."""

    required_scopes: ClassVar = {"POST": "mall:write"}

    @extend_schema(
        operation_id="redemptions_fulfil",
        request=bodies.FulfilBody,
        responses=schemas.RedemptionShape,
        examples=[
            schemas.request(
                "Sent",
                {
                    "step": "ship",
                    "address": schemas.REDEMPTION_SHIPPED["address"],
                    "carrier": "SF",
                    "tracking_number": "SF1001",
                },
            ),
            schemas.request("Handed over", {"step": "complete"}),
            schemas.answer("Sent", schemas.REDEMPTION_SHIPPED),
        ],
    )
    def post(self, request: Any, redemption_id: UUID) -> Any:
        """`ship`: an article was sent, to an address known by now. `complete`: the member has it.

        Without `step` an article counts as sent, anything else as handed over. Repeating a step changes
        nothing. 409 `redemption_state` where it does not follow, such as after a cancellation.
        """
        body = self.body(bodies.FulfilBody)
        return self.once(lambda: self._fulfilled(redemption_id, body))

    def _fulfilled(self, redemption_id: UUID, body: dict[str, Any]) -> Response:
        step = body.get("step") or _usual_step(selectors.redemption(redemption_id))
        if step == "complete":
            done = mall.complete(
                redemption_id=redemption_id, actor=self.caller(), note=body["note"], now=clock.now()
            )
        else:
            done = mall.ship(
                redemption_id=redemption_id,
                actor=self.caller(),
                address=body.get("address"),
                carrier=body["carrier"],
                tracking_number=body["tracking_number"],
                note=body["note"],
                now=clock.now(),
            )
        return Response(shapes.redemption(done))


def _usual_step(redemption: Redemption) -> str:
    return "ship" if redemption.reward.kind == Reward.Kind.PHYSICAL else "complete"
