"""`/home` of the member API: everything for a mini-program's first screen in one call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api import membertasks
from loyalty.lib import clock, words
from loyalty.lib.instants import text as instant
from mall import selectors as mall
from mall.api.member import catalog_items
from mall.api.schemas import CATALOG_ITEM, CatalogItem
from members.api.base import MemberApiView
from members.api.shapes import MEMBER_ID
from members.models import Member
from points import selectors as points
from points import tierwords
from points.selectors import AccountView
from points.services import tiers
from tenants.context import current_brand

OFFERS_SHOWN = 6
TASKS_SHOWN = 6
SOON = timedelta(days=30)
EXAMPLE: dict[str, Any] = {
    "profile": {"member_id": MEMBER_ID, "name": "陈静", "referral_code": "8KQ4ZT2M", "locale": "zh-hans"},
    "brand": {"name": "Acme", "points_name": "积分"},
    "account": {
        "points_currency": "points",
        "available": 38,
        "pending": 0,
        "held": 0,
        "debt": 0,
        "lifetime_accrued": 38,
    },
    "tier": {
        "code": "silver",
        "name": "银卡",
        "since": "2026-11-22T02:15:00Z",
        "until": None,
        "qualify_by": "points",
        "qualifying_points": 38,
        "next": {
            "code": "gold",
            "name": "金卡",
            "points_missing": 4962,
            "by": None,
            "text": "再得4,962积分可升至金卡",
        },
        "keep": None,
    },
    "expiring": [{"expires_at": "2026-12-22T16:00:00Z", "points": 10}],
    "offers": [CATALOG_ITEM],
    "tasks": membertasks.EXAMPLES,
}


class HomeProfile(serializers.Serializer[Any]):
    """Who it is."""

    member_id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    referral_code = serializers.CharField()
    locale = serializers.CharField(allow_blank=True)


class HomeBrand(serializers.Serializer[Any]):
    """Whose programme it is."""

    name = serializers.CharField()
    points_name = serializers.CharField()


class HomeAccount(serializers.Serializer[Any]):
    """What the member holds."""

    points_currency = serializers.CharField()
    available = serializers.IntegerField()
    pending = serializers.IntegerField()
    held = serializers.IntegerField()
    debt = serializers.IntegerField()
    lifetime_accrued = serializers.IntegerField()


class HomeNextTier(serializers.Serializer[Any]):
    """The next tier, and what is missing for it."""

    code = serializers.CharField()
    name = serializers.CharField()
    points_missing = serializers.JSONField()
    by = serializers.DateTimeField(allow_null=True)
    text = serializers.CharField()


class HomeKeepTier(serializers.Serializer[Any]):
    """What is missing, and by when, to hold the tier on; 0 where it is kept."""

    by = serializers.DateTimeField()
    points_missing = serializers.JSONField()
    text = serializers.CharField()


class HomeTier(serializers.Serializer[Any]):
    """The member's tier; the numbers are points, visits or (as a string) money, by `qualify_by`."""

    code = serializers.CharField()
    name = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    qualify_by = serializers.ChoiceField(choices=["points", "spend", "visits"])
    qualifying_points = serializers.JSONField()
    next = HomeNextTier(allow_null=True)
    keep = HomeKeepTier(allow_null=True)


class HomeExpiring(serializers.Serializer[Any]):
    """Points that end within 30 days."""

    expires_at = serializers.DateTimeField()
    points = serializers.IntegerField()


class Home(serializers.Serializer[Any]):
    """The first screen."""

    profile = HomeProfile()
    brand = HomeBrand()
    account = HomeAccount()
    tier = HomeTier(allow_null=True)
    expiring = HomeExpiring(many=True)
    offers = CatalogItem(many=True)
    tasks = membertasks.TaskShape(many=True)


class HomeView(MemberApiView):
    """The first screen of the member who calls."""

    @extend_schema(
        operation_id="home",
        responses=Home,
        examples=[OpenApiExample("The first screen", EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Profile, account, tier and what is missing for the next, points about to expire, offers, tasks."""
        now = clock.now()
        account = points.account_view(self.member.id, now)
        tier = tiers.tier_view(self.member.id, now)
        situation = mall.situation(
            self.member, now, available={account.currency: account.available}, tier=tier
        )
        rows = list(mall.catalog(situation).order_by("sort", "-id")[:OFFERS_SHOWN])
        return Response(
            {
                "profile": _profile(self.member),
                "brand": {"name": current_brand().name, "points_name": current_brand().points_label},
                "account": _account(account),
                "tier": _tier(tierwords.told(tier)),
                "expiring": [
                    {"expires_at": instant(at), "points": count}
                    for at, count in account.expiring
                    if at <= now + SOON
                ],
                "offers": catalog_items(rows, self.member, situation),
                "tasks": membertasks.tasks_json(self.member)[:TASKS_SHOWN],
            }
        )


def _profile(member: Member) -> dict[str, Any]:
    return {
        "member_id": str(member.id),
        "name": member.name,
        "referral_code": member.referral_code,
        "locale": member.locale,
    }


def _account(view: AccountView) -> dict[str, Any]:
    return {
        "points_currency": view.currency,
        "available": view.available,
        "pending": view.pending,
        "held": view.held,
        "debt": view.debt,
        "lifetime_accrued": view.lifetime_accrued,
    }


def _tier(tier: dict[str, Any] | None) -> dict[str, Any] | None:
    if tier is None:
        return None
    following = tier["next"]
    return {
        **tier,
        "name": words.pick(tier["name"]),
        "next": {**following, "name": words.pick(following["name"])} if following else None,
    }
