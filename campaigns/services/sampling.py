"""What any draft would give for a sample: a basket or an event made up, or an order that was recorded.

The engine that runs is the one that records orders. Nothing is written, nothing is locked, and caps count as
unused, so that what is shown is what the rule says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from campaigns import facts, selectors
from campaigns.engine import (
    Event,
    Line,
    MemberFacts,
    Order,
    PastLine,
    PastOrder,
    RuleSet,
    SummaryHistory,
    UsedCounters,
    compile_rules,
    explain,
)
from campaigns.engine.facts import birthday_in
from campaigns.engine.types import ACTIVITY_PREFIX, CYCLE_DAYS, ORDER_TRIGGERS
from campaigns.errors import OrderNotFound
from campaigns.selectors import words
from campaigns.services import activitytags
from campaigns.services.orders import stored
from campaigns.services.orders.reading import Reader
from loyalty.lib.words import language
from members.models import Purchase
from points.services import tiers
from tenants.context import current_brand

MOST_LINES: Final = 20
MOST_ORDERS: Final = 1000
PRICE: Final = Decimal(10) ** 8
_FIELDS: Final = frozenset(
    {
        "order_id", "at", "lines", "channel", "store_id", "region", "tier", "nth_order", "days_since",
        "birthday", "member_tags", "streak", "attributes",
    }
)  # fmt: skip
_LINE: Final = frozenset({"category", "sku", "unit_price", "quantity", "tags"})
_ME: Final = str(UUID(int=1))
_FRIEND: Final = str(UUID(int=2))


@dataclass(frozen=True, slots=True)
class Sample:
    """Something that might happen. With `order_id` the order of this number; all else is then left alone."""

    at: datetime
    order_id: str = ""
    lines: tuple[Line, ...] = ()
    channel: str = ""
    store_id: str = ""
    region: str = ""
    tier: str | None = None
    nth_order: int = 1
    days_since: int = 1
    birthday: str = ""
    member_tags: frozenset[str] = frozenset()
    streak: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tried:
    """What the sample would earn: rule by rule with the reason, in all, and in all by today's rules."""

    verdicts: Sequence[Mapping[str, Any]]
    points: int
    before: int


def read_sample(data: Any, *, now: datetime) -> Sample:
    """The sample in `data`, JSON of a page. Raises Invalid with pointers."""
    body = Reader(data, "", _FIELDS)
    at = body.instant("at") or now
    lines = tuple(
        line
        for number, each in enumerate(body.items("lines", 0, MOST_LINES))
        if (line := _line(body.nested(each, f"lines/{number}", _LINE), number)) is not None
    )
    found = Sample(
        at=at,
        order_id=body.text("order_id", 100),
        lines=lines,
        channel=body.text("channel", 40),
        store_id=body.text("store_id", 64),
        region=body.text("region", 32),
        tier=body.text("tier", 64) or None,
        nth_order=_whole(body, "nth_order") or 1,
        days_since=_whole(body, "days_since") or 1,
        birthday=body.text("birthday", 8),
        member_tags=body.texts("member_tags", 50, 64),
        streak=_whole(body, "streak"),
        attributes=body.json("attributes", 4096),
    )
    body.raise_errors()
    return found


def try_out(*, body: Mapping[str, Any], sample: Sample, now: datetime) -> Tried:
    """What the sample would earn by the published rules with this (checked) body in the place of its rule.

    Raises OrderNotFound.
    """
    program = tiers.program()
    codes = program.codes if program else ()
    mine = selectors.rules_with_draft(body["code"], dict(body), tiers=codes)
    known = selectors.published_rules(tiers=codes)
    lowest = codes[0] if codes else None
    event, member = _of_sample(sample, str(body["trigger"]), mine, known, lowest, now)
    found = _judge(mine, event, member, lowest)
    return Tried(found[0], found[1], _judge(known, event, member, lowest)[1])


def alone(bodies: Sequence[Mapping[str, Any]], sample: Sample) -> Tried:
    """What the sample would earn if these bodies were all the brand's rules; no query."""
    codes = (sample.tier,) if sample.tier else ()
    rules = compile_rules([(body, 1) for body in bodies], selectors.brand_context(codes))
    event = _event(sample, str(bodies[-1]["trigger"]))
    verdicts, points = _judge(rules, event, _person(sample, None), None)
    return Tried(verdicts, points, 0)


def _of_sample(
    sample: Sample, trigger: str, mine: RuleSet, known: RuleSet, lowest: str | None, now: datetime
) -> tuple[Event, MemberFacts]:
    if not sample.order_id or trigger not in ORDER_TRIGGERS:
        return _event(sample, trigger), _person(sample, lowest)
    purchase = Purchase.objects.select_related("member").filter(order_id=sample.order_id).first()
    if purchase is None:
        raise OrderNotFound
    order = stored.order_of(purchase, stored.lines_of(purchase))
    if purchase.member is None:
        return Event.of_order(order, trigger), facts.stranger(now, lowest)
    held = tiers.peek(member_id=purchase.member.id, at=now)
    both = compile_rules(
        [(rule.body, rule.version) for rule in {r.code: r for r in (*known.rules, *mine.rules)}.values()],
        mine.context,
    )
    member = facts.member_facts(
        purchase.member,
        rules=both,
        triggers=(trigger,),
        at=order.ordered_at,
        tier=held.code if held else lowest,
        without_order=order.order_id,
    )
    return Event.of_order(order, trigger), member


def _event(sample: Sample, trigger: str) -> Event:
    order = Order(
        order_id="sample",
        ordered_at=sample.at,
        currency=current_brand().currency,
        lines=sample.lines,
        channel=sample.channel,
        store_id=sample.store_id,
        region=sample.region,
        attributes=sample.attributes,
    )
    if trigger in ORDER_TRIGGERS:
        return Event.of_order(order, trigger)
    kind = trigger.removeprefix(ACTIVITY_PREFIX)
    return Event(
        trigger=trigger,
        occurred_at=sample.at,
        reference="sample",
        order=order if trigger == "referral.first_order" else None,
        attributes=sample.attributes,
        streak=sample.streak or 1,
        streak_day=((sample.streak or 1) - 1) % CYCLE_DAYS + 1,
        tags=activitytags.named(kind=kind, attributes=sample.attributes) if kind != trigger else frozenset(),
    )


def _person(sample: Sample, lowest: str | None) -> MemberFacts:
    past = tuple(
        PastOrder(
            f"earlier-{n}", sample.at - timedelta(days=sample.days_since + n), (PastLine(Decimal(100)),)
        )
        for n in range(sample.nth_order - 2, -1, -1)
    )
    return MemberFacts(
        member_id=_ME,
        tier=sample.tier or lowest,
        tags=sample.member_tags,
        region=sample.region,
        enrolled_at=sample.at - timedelta(days=400),
        birthday=_birthday(sample),
        history=SummaryHistory(len(past), past[-1].ordered_at if past else None, past),
    )


def _birthday(sample: Sample) -> date | None:
    today = sample.at.astimezone(current_brand().tz).date()
    if sample.birthday == "today":
        return birthday_in(today, 1990)
    if sample.birthday == "week":
        monday = today - timedelta(days=today.weekday())
        return birthday_in(monday if monday != today else monday + timedelta(days=6), 1990)
    if sample.birthday == "month":
        return date(1990, today.month, 15 if today.day != 15 else 16)
    return None


def _judge(
    rules: RuleSet, event: Event, member: MemberFacts, lowest: str | None
) -> tuple[list[dict[str, Any]], int]:
    friend = MemberFacts(member_id=_FRIEND, tier=lowest, enrolled_at=member.enrolled_at)
    evaluation = rules.evaluate(event, replace(member, carry={}), counters=UsedCounters(), referrer=friend)
    bodies = {rule.code: rule.body for rule in rules.rules}
    return explain.explanation(evaluation, bodies, language(), words()), evaluation.points()


def _line(line: Reader | None, number: int) -> Line | None:
    if line is None:
        return None
    price = line.amount("unit_price", places=6, least=Decimal(0), most=PRICE, required=True)
    quantity = line.amount("quantity", places=6, above=Decimal(0), most=PRICE)
    if price is None:
        return None
    return Line(
        line_id=str(number + 1),
        sku=line.text("sku", 64),
        quantity=quantity if quantity is not None else Decimal(1),
        unit_price=price,
        category=line.text("category", 200),
        tags=line.texts("tags", 50, 64),
    )


def _whole(body: Reader, name: str) -> int | None:
    given = body.amount(name, places=0, least=Decimal(1), most=Decimal(MOST_ORDERS))
    return None if given is None else int(given)
