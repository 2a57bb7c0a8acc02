"""What marketing did in the demo's year: a rule that two people improved, and campaigns past and to come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from campaigns.services import campaigns, rules, submissions
from campaigns.services.campaigns import exchange
from campaigns.services.campaigns.content import Content

Do = Callable[[datetime], object]
PRODUCE: Final = "fresh-produce"
BASKET: Final = "big-basket"
TWICE: Final[dict[str, Any]] = {
    "name": {"zh-hans": "果蔬双倍", "en": "Double on fruit and vegetables"},
    "effect": {"type": "per_amount", "points": "2", "per": "1"},
}
CAPPED: Final[dict[str, Any]] = {"caps": {"per_order": 200}}


def of_year(*, now: datetime, tz: ZoneInfo, marketing: str, owner: str) -> Iterator[tuple[datetime, Do]]:
    """Every step with its time. `marketing` and `owner` are who takes them."""
    today = now.astimezone(tz).date()

    def at(days: int, hour: int = 10, minute: int = 0) -> datetime:
        return datetime.combine(today + timedelta(days=days), time(hour, minute), tz)

    yield from _rule(at, marketing, owner)
    for content, factor, made, approved in _campaigns(at, today):
        yield at(made), _creating(content, factor, marketing)
        if approved is not None:
            yield at(made, 10, 5), _submitting(content.code, marketing)
            yield at(approved, 15), _approving(content.code, owner)


def _rule(at: Callable[..., datetime], marketing: str, owner: str) -> Iterator[tuple[datetime, Do]]:
    """A better rate, which the owner approves; a cap, turned down and then approved; another that waits."""
    for days, changes, note, reason in (
        (-200, TWICE, "夏季主推果蔬", ""),
        (-61, {"caps": {"per_order": 500}}, "限制大额订单", "上限过高，请改为 200"),
        (-60, CAPPED, "限制大额订单", ""),
    ):
        yield at(days), _drafting(PRODUCE, changes)
        yield at(days, 10, 10), _putting_forward(PRODUCE, marketing, note)
        yield at(days, 16), _deciding(PRODUCE, owner, reason)
    better = {"effect": {"type": "per_amount", "points": "15", "per": "100", "whole": True}}
    name = {"name": {"zh-hans": "每满 100 送 15", "en": "15 for every full 100"}}
    yield at(-1, 9), _drafting(BASKET, {**better, **name})
    yield at(-1, 9, 5), _putting_forward(BASKET, marketing, "年末提升客单价")


def _campaigns(
    at: Callable[..., datetime], today: date
) -> Iterator[tuple[Content, str | None, int, int | None]]:
    """Content, multiplier, the day on which it was made, and that of its approval."""
    double = {"zh-hans": "全场双倍鲜豆，还剩几天", "en": "Double beans on everything, a few days left"}
    yield (
        Content(
            code="autumn-double",
            name={"zh-hans": "秋季双倍积分", "en": "Autumn double points"},
            kind="double_points",
            starts_at=at(-6, 0),  # after the order of the README's tour
            ends_at=at(4, 0),
            announcement=double,
            cost_centre="marketing",
            control_percent=20,
            budget_points=5_000,
        ),
        "2",
        -27,
        -26,
    )
    yield (
        Content(
            code="member-day",
            name={"zh-hans": "每月 8 日会员日", "en": "Member day on the 8th"},
            kind="member_day",
            starts_at=at(-100, 0),
            ends_at=at(370, 0),
            rrule="FREQ=MONTHLY;BYMONTHDAY=8",
            budget_points=30_000,
        ),
        "1.5",
        -105,
        -104,
    )
    saturday = 6 + (5 - (today + timedelta(days=6)).weekday()) % 7
    yield (
        Content(
            code="exchange-day",
            name={"zh-hans": "兑换日", "en": "Exchange day"},
            kind="exchange_day",
            starts_at=at(saturday, 0),
            ends_at=at(saturday + 1, 0),
            discount=exchange.stored({"percent": 20}),
            budget_points=20_000,
        ),
        None,
        -6,
        -5,
    )
    yield (
        Content(
            code="year-end",
            name={"zh-hans": "年末加倍周", "en": "Year-end week"},
            kind="double_points",
            starts_at=at(saturday + 9, 0),
            ends_at=at(saturday + 16, 0),
            budget_points=8_000,
        ),
        "2",
        -2,
        None,
    )


def _drafting(code: str, changes: Mapping[str, Any]) -> Do:
    return lambda at: rules.update_draft(code=code, changes=dict(changes), now=at)


def _putting_forward(code: str, actor: str, note: str) -> Do:
    return lambda at: submissions.submit(code=code, actor=actor, now=at, note=note)


def _deciding(code: str, actor: str, reason: str) -> Do:
    if reason:
        return lambda at: submissions.reject(code=code, actor=actor, now=at, reason=reason)
    return lambda at: submissions.approve(code=code, actor=actor, now=at)


def _creating(content: Content, factor: str | None, actor: str) -> Do:
    return lambda at: campaigns.create(content=content, multiplier=factor, actor=actor, now=at)


def _submitting(code: str, actor: str) -> Do:
    return lambda at: campaigns.submit(code=code, actor=actor, now=at)


def _approving(code: str, actor: str) -> Do:
    return lambda at: campaigns.approve(code=code, actor=actor, now=at)
