"""How a member earns: the live rules in words, check-ins, and friends brought."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import ways
from campaigns.engine import explain
from campaigns.services import checkins, referrals
from loyalty.lib import clock, words
from loyalty.lib.api import StrictSerializer
from loyalty.lib.instants import text as instant
from members.api.base import MemberApiView
from tenants.context import current_brand

WAY: dict[str, Any] = {
    "rule": "check-in",
    "trigger": "activity.check-in",
    "name": "Check-in",
    "text": "On each check-in: 5 points; at most once a day",
    "starts_at": None,
    "ends_at": None,
}
_REFERRAL: dict[str, Any] = {
    "code": "8KQ4ZT2M",
    "link": "https://acme.example/join?code=8KQ4ZT2M",
    "friends": 2,
    "rewarded": 1,
    "newest": [
        {"name": "陈•", "registered_at": "2026-11-20T02:15:00Z", "state": "rewarded"},
        {"name": "", "registered_at": "2026-11-19T02:15:00Z", "state": "registered"},
    ],
    "ways": [{**WAY, "rule": "invite", "trigger": "referral.first_order", "name": "Invite a friend"}],
}
_STREAK: dict[str, Any] = {
    "today": "2026-11-22",
    "checked_in_today": True,
    "streak": 3,
    "days": ["2026-11-20", "2026-11-21", "2026-11-22"],
}
_CHECKED_IN: dict[str, Any] = {
    **_STREAK,
    "points": {"accrued": 5, "pending": 0, "debt_repaid": 0},
    "account": {"points_currency": "points", "available": 43, "pending": 0, "held": 0, "debt": 0},
}


class Way(serializers.Serializer[Any]):
    """A way to earn: a rule that runs or will, in words."""

    rule = serializers.CharField()
    trigger = serializers.CharField()
    name = serializers.CharField()
    text = serializers.CharField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)


class Ways(serializers.Serializer[Any]):
    """All ways to earn."""

    items = Way(many=True)


class FriendShape(serializers.Serializer[Any]):
    """Somebody who came by the member's code; of the name only what tells friends apart."""

    name = serializers.CharField(allow_blank=True)
    registered_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=["registered", "refused", "ordered", "rewarded"])


class Referral(serializers.Serializer[Any]):
    """The member's code and what came of it."""

    code = serializers.CharField()
    link = serializers.CharField(allow_null=True)
    friends = serializers.IntegerField()
    rewarded = serializers.IntegerField()
    newest = FriendShape(many=True)
    ways = Way(many=True)


class StreakShape(serializers.Serializer[Any]):
    """Days in a row, and the days of this month."""

    today = serializers.DateField()
    checked_in_today = serializers.BooleanField()
    streak = serializers.IntegerField()
    days = serializers.ListField(child=serializers.DateField())


class CheckedIn(StreakShape):
    """What a check-in gave."""

    points = serializers.DictField(child=serializers.IntegerField())
    account = serializers.DictField()


class Nothing(StrictSerializer):
    """An empty body."""


class EarnView(MemberApiView):
    """How points are earned."""

    @extend_schema(
        operation_id="earn",
        responses=Ways,
        examples=[OpenApiExample("Ways to earn", {"items": [WAY]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The rules that run for this member, or will, in words made from the very rules that run."""
        return Response({"items": _ways(self)})


class ReferralView(MemberApiView):
    """Friends."""

    @extend_schema(
        operation_id="me_referral",
        responses=Referral,
        examples=[OpenApiExample("Two friends", _REFERRAL, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The member's code and link, how many friends came, and what there is to earn by it."""
        brought, rewarded, newest = referrals.friends(member_id=self.member.id)
        code = self.member.referral_code
        link = str(current_brand().setting("referral_link"))
        return Response(
            {
                "code": code,
                "link": link.replace("{code}", code) if link else None,
                "friends": brought,
                "rewarded": rewarded,
                "newest": [
                    {
                        "name": each.member.name[:1] + "•" if each.member.name else "",
                        "registered_at": instant(each.member.enrolled_at),
                        "state": each.state,
                    }
                    for each in newest
                ],
                "ways": _ways(self, ways.REFERRAL),
            }
        )


class CheckInsView(MemberApiView):
    """Checking in, once a day."""

    @extend_schema(
        operation_id="check_ins",
        responses=StreakShape,
        examples=[OpenApiExample("Three days in a row", _STREAK, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """How many days in a row, and on which days of this month, in the brand's time zone."""
        return Response(_streak(self))

    @extend_schema(
        operation_id="check_in",
        request=Nothing,
        responses={201: CheckedIn, 200: CheckedIn},
        examples=[
            OpenApiExample("Nothing to say", {}, request_only=True),
            OpenApiExample("Checked in", _CHECKED_IN, response_only=True, status_codes=["201"]),
            OpenApiExample("Again today", _CHECKED_IN, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Any:
        """Check in for today (201). Again today: 200 with the points of the first time."""
        self.body(Nothing)

        def work() -> Response:
            done = checkins.check_in(member_id=self.member.id, now=clock.now())
            told = done.body()
            answer = {**_streak(self), "points": told["points"], "account": told["account"]}
            return Response(answer, status=201 if done.created else 200)

        return self.once(work)


def _ways(view: MemberApiView, trigger: str = "") -> list[dict[str, Any]]:
    """What is open to the member who calls, of the triggers that begin so."""
    found = [way for way in ways.open_ways(view.member, clock.now()) if way.rule.trigger.startswith(trigger)]
    said = ways.member_words() if found else None
    return [way_json(each, said) for each in found]


def way_json(way: ways.Way, said: explain.Words | None) -> dict[str, Any]:
    """A way to earn in the words of the request's language."""
    language = words.language()
    schedule = way.rule.schedule
    return {
        "rule": way.rule.code,
        "trigger": way.rule.trigger,
        "name": explain.rule_name(way.rule.body, language),
        "text": explain.member_text(way.told, language, said),
        "starts_at": instant(schedule.starts_at) if schedule else None,
        "ends_at": instant(schedule.ends_at) if schedule else None,
    }


def _streak(view: MemberApiView) -> dict[str, Any]:
    found = checkins.streak_of(member_id=view.member.id, now=clock.now())
    return {
        "today": found.today.isoformat(),
        "checked_in_today": found.checked_in_today,
        "streak": found.streak,
        "days": [day.isoformat() for day in found.days],
    }
