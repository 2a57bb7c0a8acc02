"""`/rewards`, `/offers` and `/stock`: what the brand gives for points."""

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from loyalty.lib import clock, pagination
from loyalty.lib.api import ApiView
from mall import selectors
from mall import services as mall
from mall.api import bodies, schemas, shapes
from mall.models import Offer, Reward, StockItem

CURSOR = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_NEW_REWARD = {
    "name": {"zh-hans": "马克杯", "en": "Mug"},
    "kind": "physical",
    "sku": "MUG",
    "stock": 10,
    "points": 50,
    "limit_per_member": 1,
    "status": "published",
}
_NEW_OFFER = {
    "reward_id": schemas.OFFER["reward_id"],
    "points": 40,
    "tier_min": "gold",
    "ends_at": "2026-12-31T16:00:00Z",
}


class RewardsView(ApiView):
    """All rewards."""

    required_scopes: ClassVar = {"GET": "mall:read", "POST": "mall:write"}

    @extend_schema(
        operation_id="rewards_list",
        parameters=[
            OpenApiParameter("status", enum=Reward.Status.values),
            OpenApiParameter("kind", enum=Reward.Kind.values),
            OpenApiParameter("sku", str),
            *CURSOR,
        ],
        responses=schemas.RewardPage,
        examples=[schemas.page(schemas.REWARD)],
    )
    def get(self, request: Any) -> Response:
        """Rewards in the order of the catalogue, whatever their status."""
        query = self.query(bodies.RewardsQuery)
        wanted = {name: query[name] for name in ("status", "kind", "sku") if name in query}
        rows = selectors.rewards().filter(**wanted)
        shape = partial(shapes.reward, cuts=selectors.cuts(clock.now()))
        return Response(pagination.page(rows, request, shape, order=("sort", "-id")))

    @extend_schema(
        operation_id="rewards_create",
        request=bodies.RewardBody,
        responses={201: schemas.RewardShape},
        examples=[schemas.request("A mug", _NEW_REWARD), schemas.answer("A mug", schemas.REWARD)],
    )
    def post(self, request: Any) -> Any:
        """A reward with its main offer. With `stock`, stock is kept of it; without, there is no end of it."""
        values = self.body(bodies.RewardBody)

        def work() -> Response:
            made = mall.create_reward(values=values, actor=self.caller(), now=clock.now())
            return Response(_shown(made), status=201)

        return self.once(work)


class RewardView(ApiView):
    """One reward."""

    required_scopes: ClassVar = {"GET": "mall:read", "PATCH": "mall:write"}

    @extend_schema(
        operation_id="rewards_get",
        responses=schemas.RewardShape,
        examples=[schemas.answer("A mug", schemas.REWARD)],
    )
    def get(self, request: Any, reward_id: UUID) -> Response:
        """The reward with its offers and stock."""
        return Response(_shown(selectors.reward(reward_id)))

    @extend_schema(
        operation_id="rewards_change",
        request=bodies.RewardChangeBody,
        responses=schemas.RewardShape,
        examples=[
            schemas.request("Published", {"status": "published"}),
            schemas.answer("A mug", schemas.REWARD),
        ],
    )
    def patch(self, request: Any, reward_id: UUID) -> Response:
        """Change the reward and its main offer, publish or archive it. What was redeemed stays as it is."""
        values = self.body(bodies.RewardChangeBody)
        changed = mall.update_reward(reward_id=reward_id, values=values, now=clock.now())
        return Response(_shown(changed))


class OffersView(ApiView):
    """All offers."""

    required_scopes: ClassVar = {"GET": "mall:read", "POST": "mall:write"}

    @extend_schema(
        operation_id="offers_list",
        parameters=[OpenApiParameter("reward_id", str), *CURSOR],
        responses=schemas.OfferPage,
        examples=[schemas.page(schemas.OFFER)],
    )
    def get(self, request: Any) -> Response:
        """Offers of all rewards or of one, the newest first."""
        query = self.query(bodies.OffersQuery)
        rows = Offer.objects.all()
        if "reward_id" in query:
            rows = rows.filter(reward_id=query["reward_id"])
        return Response(pagination.page(rows, request, shapes.offer))

    @extend_schema(
        operation_id="offers_create",
        request=bodies.OfferBody,
        responses={201: schemas.OfferShape},
        examples=[
            schemas.request("Cheaper for gold", _NEW_OFFER),
            schemas.answer(
                "The offer", {**schemas.OFFER, **_NEW_OFFER, "limit_per_member": None, "main": False}
            ),
        ],
    )
    def post(self, request: Any) -> Any:
        """One more offer of a reward. A redemption takes the cheapest that is open to the member."""
        values = self.body(bodies.OfferBody)

        def work() -> Response:
            made = mall.create_offer(reward_id=values["reward_id"], values=values, now=clock.now())
            return Response(shapes.offer(made), status=201)

        return self.once(work)


class OfferView(ApiView):
    """One offer."""

    required_scopes: ClassVar = {"GET": "mall:read", "PATCH": "mall:write"}

    @extend_schema(
        operation_id="offers_get",
        responses=schemas.OfferShape,
        examples=[schemas.answer("An offer", schemas.OFFER)],
    )
    def get(self, request: Any, offer_id: UUID) -> Response:
        """The offer."""
        return Response(shapes.offer(selectors.offer(offer_id)))

    @extend_schema(
        operation_id="offers_change",
        request=bodies.OfferChangeBody,
        responses=schemas.OfferShape,
        examples=[
            schemas.request("Ended", {"enabled": False}),
            schemas.answer("An offer", {**schemas.OFFER, "enabled": False}),
        ],
    )
    def patch(self, request: Any, offer_id: UUID) -> Response:
        """Change the offer; `enabled: false` ends it."""
        values = self.body(bodies.OfferChangeBody)
        return Response(shapes.offer(mall.update_offer(offer_id=offer_id, values=values, now=clock.now())))


class StockListView(ApiView):
    """All stock that is kept."""

    required_scopes: ClassVar = {"GET": "mall:read", "POST": "mall:write"}

    @extend_schema(
        operation_id="stock_list",
        parameters=CURSOR,
        responses=schemas.StockPage,
        examples=[schemas.page(schemas.STOCK)],
    )
    def get(self, request: Any) -> Response:
        """Stock by SKU."""
        self.query(bodies.PageQuery)
        return Response(pagination.page(StockItem.objects.all(), request, shapes.stock, order=("sku",)))

    @extend_schema(
        operation_id="stock_set",
        request=bodies.StockBody,
        responses=schemas.StockShape,
        examples=[
            schemas.request("Counted", {"sku": "MUG", "on_hand": 9}),
            schemas.request("Delivered", {"sku": "MUG", "add": 100}),
            schemas.answer("The stock", schemas.STOCK),
        ],
    )
    def post(self, request: Any) -> Any:
        """State how many pieces there are, or how many more; begins to keep stock of a new SKU.

        `add` counts each time it is sent: send an Idempotency-Key with it.
        """
        values = self.body(bodies.StockBody)
        return self.once(lambda: _stock_changed(values["sku"], values, self.caller()))


class StockView(ApiView):
    """The stock of one article."""

    required_scopes: ClassVar = {"GET": "mall:read", "PATCH": "mall:write"}

    @extend_schema(
        operation_id="stock_get",
        responses=schemas.StockShape,
        examples=[schemas.answer("The stock", schemas.STOCK)],
    )
    def get(self, request: Any, sku: str) -> Response:
        """How many pieces there are."""
        return Response(shapes.stock(selectors.stock_item(sku)))

    @extend_schema(
        operation_id="stock_change",
        request=bodies.StockChangeBody,
        responses=schemas.StockShape,
        examples=[
            schemas.request("Counted", {"on_hand": 9, "low_at": 5}),
            schemas.answer("The stock", schemas.STOCK),
        ],
    )
    def patch(self, request: Any, sku: str) -> Any:
        """State how many pieces there are, or how many more."""
        values = self.body(bodies.StockChangeBody)
        selectors.stock_item(sku)
        return self.once(lambda: _stock_changed(sku, values, self.caller()))


def _shown(row: Reward) -> dict[str, Any]:
    return shapes.reward(row, selectors.cuts(clock.now()))


def _stock_changed(sku: str, values: dict[str, Any], actor: str) -> Response:
    now = clock.now()
    if "add" in values:
        item = mall.add_stock(sku=sku, change=values["add"], actor=actor, now=now)
    else:
        item = mall.set_stock(
            sku=sku, on_hand=values["on_hand"], low_at=values.get("low_at"), actor=actor, now=now
        )
    return Response(shapes.stock(item))
