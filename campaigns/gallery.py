"""Rules to begin with, one click away: each is a valid rule, with a sample that shows what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from campaigns.templates import BASE, BIRTHDAY_MONTH, RATES, WEEKEND

SATURDAY: Final = "2026-11-28T15:00:00+08:00"
FRIDAY: Final = "2026-11-27T15:00:00+08:00"


@dataclass(frozen=True, slots=True)
class Template:
    """A rule to copy, and what would have to happen for it to give something."""

    key: str
    group: str
    body: Mapping[str, Any]
    sample: Mapping[str, Any] = field(default_factory=dict)


def _rule(
    code: str, zh: str, en: str, trigger: str, effect: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    return {"code": code, "name": {"zh-hans": zh, "en": en}, "trigger": trigger, "effect": effect, **more}


def _fixed(points: int) -> dict[str, Any]:
    return {"type": "fixed", "points": points}


def _times(factor: str) -> dict[str, Any]:
    return {"type": "multiplier", "factor": factor}


def _all(*conditions: tuple[str, str, Any]) -> dict[str, Any]:
    return {"all": [{"fact": fact, "op": op, "value": value} for fact, op, value in conditions]}


def _basket(at: str = FRIDAY, category: str = "fresh", **more: Any) -> dict[str, Any]:
    return {"at": at, "lines": [{"category": category, "unit_price": "168.00", "quantity": "1"}], **more}


ONCE: Final = {"times": {"lifetime": 1}}
_PROMOTION: Final = {"group": "promo", "policy": "best"}
GALLERY: Final[tuple[Template, ...]] = (
    Template("base", "orders", BASE, _basket()),
    Template(
        "first-order",
        "orders",
        _rule(
            "first-order",
            "首单礼",
            "First order",
            "order.paid",
            _fixed(1000),
            when=_all(("member.first_order", "eq", True), ("order.amount", "gte", "50")),
            caps=ONCE,
        ),
        _basket(),
    ),
    Template(
        "weekend",
        "orders",
        {**WEEKEND, "stacking": _PROMOTION},
        _basket(SATURDAY),
    ),
    Template(
        "category-rate",
        "orders",
        _rule(
            "fresh-rate",
            "生鲜每元 2 分",
            "Fresh food at 2 a yuan",
            "order.paid",
            {"type": "per_amount", "points": "2", "per": "1"},
            when=_all(("line.category", "in", ["fresh"])),
            stacking=RATES,
        ),
        _basket(),
    ),
    Template(
        "every-full-hundred",
        "orders",
        _rule(
            "every-full-hundred",
            "每满 100 元送 10 分",
            "10 for every full 100",
            "order.paid",
            {"type": "per_amount", "points": "10", "per": "100", "whole": True},
        ),
        _basket(),
    ),
    Template(
        "three-orders",
        "orders",
        _rule(
            "three-orders-a-month",
            "当月第 3 单奖励",
            "Third order of the month",
            "order.paid",
            _fixed(1000),
            when={
                "all": [
                    {
                        "fact": "member.orders.count",
                        "op": "eq",
                        "value": 3,
                        "window": "month",
                        "where": {"min_amount": "20", "distinct_days": True},
                    }
                ]
            },
            caps={"times": {"month": 1}},
        ),
        _basket(nth_order=3),
    ),
    Template(
        "tier-multiplier",
        "members",
        _rule(
            "tier-promotion",
            "高等级会员 1.5 倍",
            "1.5× for higher tiers",
            "order.paid",
            _times("1.5"),
            when=_all(("member.tier", "gte", "gold")),
            stacking=_PROMOTION,
        ),
        _basket(tier="gold"),
    ),
    Template(
        "member-day",
        "members",
        _rule(
            "member-day",
            "会员日双倍（每月 28 日）",
            "Member day (the 28th) double",
            "order.paid",
            _times("2"),
            schedule={"rrule": "FREQ=MONTHLY;BYMONTHDAY=28"},
            stacking=_PROMOTION,
            caps={"per_member": {"day": 2000}},
        ),
        _basket(SATURDAY),
    ),
    Template("birthday-month", "members", BIRTHDAY_MONTH, _basket(birthday="month")),
    Template(
        "birthday-gift",
        "members",
        _rule(
            "birthday-gift",
            "生日礼",
            "Birthday gift",
            "member.birthday",
            _fixed(200),
            caps={"times": {"year": 1}},
            points={"expiry": {"policy": "days", "days": 60}},
        ),
        {"at": FRIDAY},
    ),
    Template(
        "come-back",
        "members",
        _rule(
            "come-back",
            "60 天未购回归礼",
            "Back after 60 days",
            "order.paid",
            _fixed(100),
            when=_all(("member.days_since_last_order", "gte", 60)),
            caps={"times": {"year": 4}},
        ),
        _basket(nth_order=2, days_since=61),
    ),
    Template(
        "check-in",
        "activities",
        _rule(
            "check-in",
            "每日签到",
            "Daily check-in",
            "activity.check-in",
            _fixed(5),
            caps={"times": {"day": 1}},
        ),
        {"at": FRIDAY},
    ),
    Template(
        "check-in-streak",
        "activities",
        _rule(
            "check-in-streak",
            "连续签到第 7 天",
            "Seventh day in a row",
            "activity.check-in",
            _fixed(50),
            when=_all(("activity.streak_day", "eq", 7)),
            caps={"times": {"day": 1}},
        ),
        {"at": FRIDAY, "streak": 7},
    ),
    Template(
        "review-with-picture",
        "activities",
        _rule(
            "review-with-picture",
            "带图评价",
            "Review with a picture",
            "activity.review",
            _fixed(200),
            when=_all(("activity.pictures", "gte", 1)),
            caps={"once_per": ["activity.order_id", "activity.sku"]},
            points={"pending": {"until": "activity.approved"}},
        ),
        {"at": FRIDAY, "attributes": {"pictures": 2, "order_id": "S-1", "sku": "MILK"}},
    ),
    Template(
        "survey",
        "activities",
        _rule(
            "survey",
            "填写问卷",
            "Survey",
            "activity.survey",
            _fixed(100),
            caps={"once_per": ["activity.survey_id"]},
        ),
        {"at": FRIDAY, "attributes": {"survey_id": "2026-Q4"}},
    ),
    Template(
        "share",
        "activities",
        _rule(
            "share",
            "分享（仅限允许的渠道）",
            "Sharing, where the channel allows it",
            "activity.share",
            _fixed(10),
            when={"none": [{"fact": "activity.channel", "op": "in", "value": ["wechat", "miniprogram"]}]},
            caps={"times": {"day": 1, "month": 10}},
        ),
        {"at": FRIDAY, "attributes": {"channel": "app"}},
    ),
    Template(
        "own-bag",
        "low-carbon",
        _rule(
            "own-bag",
            "自带购物袋",
            "Own bag",
            "activity.reuse-bag",
            _fixed(100),
            caps={"times": {"day": 1}, "per_member": {"month": 1000}},
            cost_centre="sustainability",
        ),
        {"at": FRIDAY},
    ),
    Template(
        "delayed-delivery",
        "low-carbon",
        _rule(
            "delayed-delivery",
            "选择延迟配送",
            "Delayed delivery",
            "order.paid",
            _fixed(80),
            when=_all(("order.attributes.delivery", "eq", "delayed")),
            caps={"times": {"week": 3}},
            cost_centre="sustainability",
        ),
        _basket(attributes={"delivery": "delayed"}),
    ),
    Template(
        "referral-registered",
        "referral",
        _rule(
            "referral-registered",
            "邀请好友注册",
            "A friend registers",
            "referral.registered",
            _fixed(50),
            to="referrer",
            caps={"times": {"month": 20}},
        ),
        {"at": FRIDAY},
    ),
    Template(
        "referral-first-order",
        "referral",
        _rule(
            "referral-first-order",
            "邀请好友首单，双方有礼",
            "A friend's first order, both receive",
            "referral.first_order",
            _fixed(300),
            to="both",
            when=_all(("order.amount", "gte", "50")),
            points={"pending": {"until": "order.completed"}},
        ),
        _basket(),
    ),
)
GROUPS: Final = ("orders", "members", "activities", "low-carbon", "referral")


def fitted(body: Mapping[str, Any], tiers: Sequence[str]) -> dict[str, Any] | None:
    """The body with a tier of the brand's own in the place of an example's; None where it has no tiers."""
    conditions = (body.get("when") or {}).get("all") or ()
    if not any(each.get("fact") == "member.tier" for each in conditions):
        return dict(body)
    if not tiers:
        return None
    own = tiers[len(tiers) // 2]
    changed = [{**each, "value": own} if each.get("fact") == "member.tier" else each for each in conditions]
    return {**body, "when": {"all": changed}}


def template(key: str) -> Template | None:
    """The template of this key, or None."""
    return next((each for each in GALLERY if each.key == key), None)
