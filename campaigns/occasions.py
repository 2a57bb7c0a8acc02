"""The occasions on which a member is told something about their own account, and the facts of each.

A template whose `event` is one of these is sent by itself. `facts` are what its texts may name, with a value
for the preview.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Text

_SOMEBODY: Final[Mapping[str, Any]] = {"zh-hans": "陈静", "en": "Anna Chen"}
# What every text may name. The brand's name and the link stand for those of the brand that sends.
ALWAYS: Final[Mapping[str, Any]] = {
    "member": _SOMEBODY,
    "brand": "Acme",
    "link": "https://acme.example/m/…",
}
_POINTS: Final[Mapping[str, Any]] = {
    "points": 39,
    "balance": 120,
    "currency": {"zh-hans": "积分", "en": "points"},
}
_BUYS: Final[Mapping[str, Any]] = {
    "reward": {"zh-hans": "马克杯", "en": "Mug"},
    "buys": {"zh-hans": "可兑换马克杯", "en": "Enough for: Mug"},
}
_TIER: Final[Mapping[str, Any]] = {
    "tier": {"zh-hans": "金卡", "en": "Gold"},
    "from_tier": {"zh-hans": "银卡", "en": "Silver"},
}
_REDEMPTION: Final[Mapping[str, Any]] = {
    "reward": {"zh-hans": "马克杯", "en": "Mug"},
    "quantity": 1,
    "points": 50,
    "currency": _POINTS["currency"],
    "reference": "mini-0001",
}
# What a wake-up tells: the `task_…` only where coming back is rewarded, `reward` and `missing` only where its
# segment is of those who are almost there.
WAKEUP: Final[Mapping[str, Any]] = {
    "name": _SOMEBODY,
    "points": 120,
    "points_name": _POINTS["currency"],
    "task_points": 100,
    "task_min_spend": "50.00",
    "task_until_at": "2026-12-22T10:00:00+08:00",
    "reward": _BUYS["reward"],
    "missing": 30,
}
_CLAIM: Final[Mapping[str, Any]] = {"order": "S01-20261122-0007", "reason": "已核对小票"}


@dataclass(frozen=True, slots=True)
class Occasion:
    """When it is, and what can be said then."""

    code: str
    name: Text
    facts: Mapping[str, Any]


OCCASIONS: Final[dict[str, Occasion]] = {
    each.code: each
    for each in (
        Occasion("points.arrived", _("Points arrived"), {**_POINTS, **_BUYS}),
        Occasion("points.spent", _("Points were spent"), _POINTS),
        Occasion("points.given_back", _("Spent points were given back"), _POINTS),
        Occasion("points.taken_back", _("Earned points were taken back"), _POINTS),
        Occasion(
            "points.expiring",
            _("Points are about to expire"),
            {
                "points": 39,
                "currency": _POINTS["currency"],
                "last_day_at": "2026-12-22T10:00:00+08:00",
                "days": 30,
                **_BUYS,
            },
        ),
        Occasion("tier.upgraded", _("A higher tier was reached"), _TIER),
        Occasion("tier.downgraded", _("The tier fell"), _TIER),
        Occasion(
            "tier.downgrade_upcoming",
            _("The tier is about to fall"),
            {
                **_TIER,
                "missing": 380,
                "needs": {"zh-hans": "再得380积分", "en": "380 more points"},
                "last_day_at": "2026-12-31T10:00:00+08:00",
            },
        ),
        Occasion(
            "claim.accepted",
            _("A member's claim was accepted"),
            {**_CLAIM, "points": 39, "currency": _POINTS["currency"]},
        ),
        Occasion("claim.rejected", _("A member's claim was rejected"), _CLAIM),
        Occasion("redemption.placed", _("A reward was redeemed"), _REDEMPTION),
        Occasion(
            "redemption.shipped",
            _("A reward was shipped"),
            {**_REDEMPTION, "carrier": "SF", "tracking_number": "SF1001"},
        ),
    )
}


def facts_of(event: str) -> Mapping[str, Any]:
    """What a text of this occasion may name, with sample values; without an occasion a wake-up sends it."""
    found = OCCASIONS.get(event)
    return {**ALWAYS, **(found.facts if found else WAKEUP)}
