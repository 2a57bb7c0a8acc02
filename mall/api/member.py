"""The mall of the member API: the catalogue, and a member's own redemptions."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from loyalty.lib import clock, pagination
from mall import selectors
from mall import services as mall
from mall.api import bodies, schemas, shapes
from mall.api.rewards import CURSOR
from mall.eligibility import Situation
from mall.errors import RewardNotFound
from mall.models import Redemption, Reward
from members.api.base import MemberApiView
from members.models import Member

_PLACE = {"reward_id": schemas.OWN_REDEMPTION["reward_id"], "quantity": 1, "reference": "mini-0001"}
_OWN = schemas.answer("The redemption", schemas.OWN_REDEMPTION)

_SET_ADDRESS: dict[str, Any] = {
    "request": bodies.AddressBody,
    "responses": schemas.OwnRedemption,
    "examples": [schemas.request("Where to", {"address": schemas.REDEMPTION_SHIPPED["address"]}), _OWN],
}


class CatalogView(MemberApiView):
    """What the member may have."""

    @extend_schema(
        operation_id="catalog_list",
        parameters=[
            OpenApiParameter("kind", enum=Reward.Kind.values),
            OpenApiParameter("category", str),
            *CURSOR,
        ],
        responses=schemas.CatalogPage,
        examples=[schemas.page(schemas.CATALOG_ITEM)],
    )
    def get(self, request: Any) -> Response:
        """Rewards open now. `actions` has `redeem` where the member can; else `blocked` says why not."""
        query = self.query(bodies.CatalogQuery)
        situation = selectors.situation_of(self.member, clock.now())
        wanted = {name: query[name] for name in ("kind", "category") if name in query}
        rows = selectors.catalog(situation).filter(**wanted)
        page = pagination.page(rows, request, lambda row: row, order=("sort", "-id"))
        page["items"] = catalog_items(page["items"], self.member, situation)
        return Response(page)


class CatalogItemView(MemberApiView):
    """One reward of the catalogue."""

    @extend_schema(
        operation_id="catalog_get",
        responses=schemas.CatalogItem,
        examples=[schemas.answer("A mug", schemas.CATALOG_ITEM)],
    )
    def get(self, request: Any, reward_id: UUID) -> Response:
        """The reward, as the member sees it."""
        situation = selectors.situation_of(self.member, clock.now())
        row = selectors.catalog(situation).filter(pk=reward_id).first()
        if row is None:
            raise RewardNotFound
        return Response(catalog_items([row], self.member, situation)[0])


class OwnRedemptionsView(MemberApiView):
    """What the member gave points for."""

    @extend_schema(
        operation_id="own_redemptions_list",
        parameters=[OpenApiParameter("status", enum=Redemption.Status.values), *CURSOR],
        responses=schemas.OwnRedemptionPage,
        examples=[schemas.page(schemas.OWN_REDEMPTION)],
    )
    def get(self, request: Any) -> Response:
        """The member's redemptions, the newest first."""
        query = self.query(bodies.OwnRedemptionsQuery)
        rows = selectors.redemptions(self.member.id, query.get("status"))
        return Response(pagination.page(rows, request, shapes.own_redemption, order=("-placed_at", "-id")))

    @extend_schema(
        operation_id="own_redemptions_place",
        request=bodies.OwnRedemptionBody,
        responses={201: schemas.OwnRedemption, 200: schemas.OwnRedemption},
        examples=[schemas.request("A mug", _PLACE), _OWN],
    )
    def post(self, request: Any) -> Any:
        """Points for a reward. `reference` is the client's own number of this wish: repeating it is safe.

        409 `out_of_stock`, `limit_reached`, `insufficient_points`, `reward_not_available`,
        `reference_conflict`; 403 `not_eligible`.
        """
        body = self.body(bodies.OwnRedemptionBody)
        member_id = self.member.id

        def work() -> Response:
            placed = mall.place(
                member_id=member_id,
                reward_id=body["reward_id"],
                quantity=body["quantity"],
                reference=shapes.own_prefix(member_id) + body["reference"],
                offer_id=body.get("offer_id"),
                address=body.get("address"),
                actor=self.caller(),
                now=clock.now(),
            )
            status = 200 if placed.replayed else 201
            return Response(shapes.own_redemption(placed.redemption, placed.account), status=status)

        return self.once(work)


class OwnRedemptionView(MemberApiView):
    """One of the member's redemptions."""

    @extend_schema(operation_id="own_redemptions_get", responses=schemas.OwnRedemption, examples=[_OWN])
    def get(self, request: Any, redemption_id: UUID) -> Response:
        """The redemption, with what can be done with it next in `actions`."""
        return Response(shapes.own_redemption(selectors.redemption(redemption_id, self.member.id)))

    @extend_schema(operation_id="own_redemptions_set_address", **_SET_ADDRESS)
    def patch(self, request: Any, redemption_id: UUID) -> Response:
        """Say where to send it, until it was sent."""
        return self._set_address(redemption_id)

    @extend_schema(operation_id="own_redemptions_set_address_by_put", **_SET_ADDRESS)
    def put(self, request: Any, redemption_id: UUID) -> Response:
        """The same as PATCH, for clients that cannot send one, such as `wx.request`."""
        return self._set_address(redemption_id)

    def _set_address(self, redemption_id: UUID) -> Response:
        body = self.body(bodies.AddressBody)
        changed = mall.set_address(
            redemption_id=redemption_id,
            address=body["address"],
            by_member=self.member.id,
            now=clock.now(),
        )
        return Response(shapes.own_redemption(changed))


class CancelOwnRedemptionView(MemberApiView):
    """Undoing one of the member's redemptions."""

    @extend_schema(
        operation_id="own_redemptions_cancel",
        request=bodies.CancelBody,
        responses=schemas.OwnRedemption,
        examples=[schemas.request("A change of mind", {"reason": "changed my mind"}), _OWN],
    )
    def post(self, request: Any, redemption_id: UUID) -> Any:
        """The points come back with their own expiry. 409 `redemption_state` once it was sent."""
        body = self.body(bodies.CancelBody)

        def work() -> Response:
            undone = mall.cancel(
                redemption_id=redemption_id,
                reason=body["reason"],
                by_member=self.member.id,
                actor=self.caller(),
                now=clock.now(),
            )
            return Response(shapes.own_redemption(undone.redemption, undone.account))

        return self.once(work)


def catalog_items(rows: list[Reward], member: Member, situation: Situation) -> list[dict[str, Any]]:
    """These rewards as the member sees them, with how many of each they had: one query for all."""
    known = (
        replace(situation, taken=selectors.taken(member.id, [row.id for row in rows])) if rows else situation
    )
    return [shapes.catalog_item(row, known) for row in rows]
