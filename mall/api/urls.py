"""Routes of this room."""

from django.urls import URLPattern, path

from mall.api import grants, member, redemptions, rewards

partner_urlpatterns: list[URLPattern] = [
    path("rewards", rewards.RewardsView.as_view(), name="rewards"),
    path("rewards/<uuid:reward_id>", rewards.RewardView.as_view(), name="reward"),
    path("offers", rewards.OffersView.as_view(), name="offers"),
    path("offers/<uuid:offer_id>", rewards.OfferView.as_view(), name="offer"),
    path("stock", rewards.StockListView.as_view(), name="stock-list"),
    path("stock/<path:sku>", rewards.StockView.as_view(), name="stock"),
    path("members/<uuid:member_id>/grants", grants.MemberGrantsView.as_view(), name="member-grants"),
    path("redemptions", redemptions.RedemptionsView.as_view(), name="redemptions"),
    path("redemptions/<uuid:redemption_id>", redemptions.RedemptionView.as_view(), name="redemption"),
    path(
        "redemptions/<uuid:redemption_id>/cancel",
        redemptions.CancelRedemptionView.as_view(),
        name="redemption-cancel",
    ),
    path(
        "redemptions/<uuid:redemption_id>/fulfil",
        redemptions.FulfilRedemptionView.as_view(),
        name="redemption-fulfil",
    ),
]
member_urlpatterns: list[URLPattern] = [
    path("catalog", member.CatalogView.as_view(), name="catalog"),
    path("catalog/<uuid:reward_id>", member.CatalogItemView.as_view(), name="catalog-item"),
    path("me/grants", grants.OwnGrantsView.as_view(), name="own-grants"),
    path("redemptions", member.OwnRedemptionsView.as_view(), name="own-redemptions"),
    path("redemptions/<uuid:redemption_id>", member.OwnRedemptionView.as_view(), name="own-redemption"),
    path(
        "redemptions/<uuid:redemption_id>/cancel",
        member.CancelOwnRedemptionView.as_view(),
        name="own-redemption-cancel",
    ),
]
