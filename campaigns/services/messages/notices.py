"""From an event of a lower room to a message about the member's own account.

Each event leads to one message at most: its id is the occasion, so that a handler that is run twice queues
once. What happened longer ago is not told any more (imports, late orders of old days).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import translation
from django.utils.dateparse import parse_datetime

from campaigns.models import MessageTemplate
from campaigns.services import messages
from campaigns.services.messages import rewards
from loyalty.lib import instants, words
from loyalty.lib.plurals import one_of
from loyalty.outbox.models import OutboxEvent
from mall.models import Reward
from members import selectors as members
from members.models import Member
from points import tierwords
from points.postings import DEFAULT_CURRENCY
from points.services import tiers
from tenants.context import current_brand

TOLD_WITHIN: Final = timedelta(days=2)
Facts = dict[str, Any]


def tell(event: OutboxEvent, *, now: datetime) -> None:
    """Queue what the event has to say to its member, if the brand wants it said."""
    if event.occurred_at < now - TOLD_WITHIN or event.member_id is None:
        return
    occasion, read = _READERS[event.type](event.payload)
    template = MessageTemplate.objects.filter(
        event=occasion, enabled=True, current_version__isnull=False
    ).first()
    if template is None:
        return
    member = Member.objects.select_related("merged_into").get(pk=event.member_id)
    member = member.merged_into or member
    if member.status != Member.Status.ACTIVE:
        return
    facts = read(member, now)
    if facts is not None:
        messages.queue(
            template=template, member_id=member.pk, occasion=f"event:{event.id}", facts=facts, now=now
        )


Read = Callable[[Member, datetime], Facts | None]


def _accrued(payload: Mapping[str, Any]) -> tuple[str, Read]:
    def read(member: Member, now: datetime) -> Facts | None:
        own = [e for e in payload["entries"] if e["kind"] == "accrual" and not e.get("pending")]
        return _arrived(sum(each["points"] for each in own), payload, member, now)

    return "points.arrived", read


def _activated(payload: Mapping[str, Any]) -> tuple[str, Read]:
    return "points.arrived", lambda member, now: _arrived(payload.get("points", 0), payload, member, now)


def _arrived(points: int, payload: Mapping[str, Any], member: Member, now: datetime) -> Facts | None:
    if points <= 0:
        return None
    currency = payload["account"]["points_currency"]
    return {**_balance(points, payload), **_rewards(member, currency, now)}


def _rewards(member: Member, currency: str, now: datetime) -> Facts:
    """What the points buy; nothing for minors and for those who said no to marketing: it advertises."""
    adult = members.age_facts(member, now, current_brand().tz)["adult"]
    said = members.consents_now([member.pk], ["marketing"])
    if adult is False or said.get((member.pk, "marketing")) is False:
        return dict(rewards.NOTHING)
    return rewards.in_reach(member, currency=currency, now=now)


def _burned(payload: Mapping[str, Any]) -> tuple[str, Read]:
    points = -sum(entry["points"] for entry in payload["entries"])
    return "points.spent", lambda _member, _now: _balance(points, payload) if points > 0 else None


def _reversed(payload: Mapping[str, Any]) -> tuple[str, Read]:
    points = sum(entry["points"] for entry in payload["entries"])
    occasion = "points.given_back" if points > 0 else "points.taken_back"
    return occasion, lambda _member, _now: _balance(abs(points), payload) if points else None


def _balance(points: int, payload: Mapping[str, Any]) -> Facts:
    account = payload["account"]
    return {
        "points": points,
        "balance": account["available"],
        "currency": _currency(account["points_currency"], points),
    }


def _currency(code: str, points: int) -> Any:
    """What so many points are called; of one the English name is told in the singular."""
    named = current_brand().points_name
    if code != DEFAULT_CURRENCY:
        return code
    named = named or {"zh-hans": "积分", "en": "points"}
    return {**named, "en": one_of(named["en"])} if points == 1 and named.get("en") else named


def _expiring(payload: Mapping[str, Any]) -> tuple[str, Read]:
    def read(member: Member, now: datetime) -> Facts:
        return {
            "points": payload["points"],
            "currency": _currency(payload["points_currency"], payload["points"]),
            "days": payload["days_before"],
            "last_day_at": _day_before(payload["expires_at"]),
            **_rewards(member, payload["points_currency"], now),
        }

    return "points.expiring", read


def _day_before(end: str) -> str:
    """The last day that counts: an end is the first instant that does not."""
    at = parse_datetime(end)
    assert at is not None
    return instants.text(at - timedelta(seconds=1))


def _tier(occasion: str) -> Callable[[Mapping[str, Any]], tuple[str, Read]]:
    def of(payload: Mapping[str, Any]) -> tuple[str, Read]:
        def read(_member: Member, _now: datetime) -> Facts:
            facts: Facts = {"tier": _tier_name(payload["to"]), "from_tier": _tier_name(payload["from"])}
            if "missing" in payload:
                facts |= {
                    "missing": payload["missing"],
                    "needs": _needs(payload),
                    "last_day_at": _day_before(payload["at"]),
                }
            return facts

        return occasion, read

    return of


def _needs(payload: Mapping[str, Any]) -> dict[str, str]:
    """What keeps the tier, in each language: so many points, so much money, so many visits."""
    said = {}
    for language in words.LANGUAGES:
        with translation.override(language):
            said[language] = tierwords.needs(payload["qualify_by"], payload["missing"])
    return said


def _tier_name(code: str) -> Any:
    program = tiers.program()
    level = program.level(code) if program else None
    return dict(level.name) if level and level.name else code


def _claim(occasion: str) -> Callable[[Mapping[str, Any]], tuple[str, Read]]:
    def of(payload: Mapping[str, Any]) -> tuple[str, Read]:
        facts: Facts = {"order": payload["order_id"], "reason": payload.get("reason", "")}
        points = payload.get("points")
        if points is not None:
            facts |= {"points": points, "currency": _currency(DEFAULT_CURRENCY, points)}
        return occasion, lambda _member, _now: facts

    return of


def _redemption(occasion: str) -> Callable[[Mapping[str, Any]], tuple[str, Read]]:
    def of(payload: Mapping[str, Any]) -> tuple[str, Read]:
        def read(_member: Member, _now: datetime) -> Facts | None:
            reward = Reward.objects.filter(pk=UUID(payload["reward_id"])).first()
            if reward is None:
                return None
            return {
                "reward": reward.name,
                "tags": list(reward.tags),
                "quantity": payload["quantity"],
                "points": payload["points"],
                "currency": _currency(payload["points_currency"], payload["points"]),
                "reference": payload["reference"],
                "carrier": payload.get("carrier", ""),
                "tracking_number": payload.get("tracking_number", ""),
            }

        return occasion, read

    return of


_READERS: Final[dict[str, Callable[[Mapping[str, Any]], tuple[str, Read]]]] = {
    "points.accrued": _accrued,
    "points.activated": _activated,
    "points.burned": _burned,
    "points.reversed": _reversed,
    "points.expiring": _expiring,
    "tier.upgraded": _tier("tier.upgraded"),
    "tier.downgraded": _tier("tier.downgraded"),
    "tier.downgrade_upcoming": _tier("tier.downgrade_upcoming"),
    "claim.accepted": _claim("claim.accepted"),
    "claim.rejected": _claim("claim.rejected"),
    "redemption.placed": _redemption("redemption.placed"),
    "redemption.shipped": _redemption("redemption.shipped"),
}
TYPES: Final = tuple(_READERS)
