"""What the rules see of one event: the visible lines and the facts, for each act of compliance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from campaigns.engine.exact import product, scaled, simplify, unscaled
from campaigns.engine.facts import (
    MemberReader,
    MemberView,
    activity_fact,
    birthday_in,
    order_fact,
)
from campaigns.engine.types import (
    ORDER_TRIGGERS,
    BrandContext,
    Event,
    Exact,
    Known,
    Line,
    MemberFacts,
    Order,
    PastLine,
    PastOrder,
)
from campaigns.engine.windows import Contribution, Visible, Window

VIEWS: Final = ("earn", "bonus")
JUDGED: Final = ("earn", "bonus", "tier")
VIRTUAL: Final = ""  # the line_id of the line that stands for an event without an order


@dataclass(slots=True)
class LineView:
    """One line: what conditions ask for (``category`` with a closing slash), and the scaled numbers that
    effects work on."""

    index: int
    line_id: str
    category: str
    sku: str
    brand: str
    product_line: str
    tags: frozenset[str]
    unit_price: Exact
    quantity: Exact
    amount: Exact
    earning: Exact
    counts_for_tier: bool = True


@dataclass(slots=True)
class Scene:
    """Everything one receiver's rules are judged by, by view where compliance makes a difference.

    ``lines`` are what effects work on and ``hidden`` those that compliance took away; ``bought`` are the
    visible lines of the order, if any. ``recorded`` is the part of ``facts`` that a return keeps.
    """

    event: Event
    member_id: str
    day: date
    local: datetime
    segments: frozenset[str]
    blocked: Mapping[str, Mapping[str, str]]
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, tuple[LineView, ...]] = field(default_factory=dict)
    hidden: dict[str, tuple[LineView, ...]] = field(default_factory=dict)
    bought: dict[str, tuple[LineView, ...]] = field(default_factory=dict)
    windows: dict[str, tuple[Contribution, ...]] = field(default_factory=dict)
    all_count_for_tier: bool = True
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def named(self, act: str, lines: Sequence[LineView]) -> tuple[str, ...]:
        """The ids of lines; those of all lines, which most rules win, are gathered once."""
        if lines is not self.lines[act]:
            return tuple([line.line_id for line in lines if line.line_id])
        names = self.names.get(act)
        if names is None:
            names = self.names[act] = tuple([line.line_id for line in lines if line.line_id])
        return names


@dataclass(frozen=True, slots=True)
class Needs:
    """The facts and windows that a set of rules reads, so that nothing else is computed; and the views
    that the brand's compliance matrix tells apart."""

    views: tuple[str, ...]
    order: tuple[str, ...]
    activity: tuple[str, ...]
    member: tuple[str, ...]
    windows: tuple[Window, ...]
    member_readers: tuple[tuple[str, MemberReader], ...]


def adult(birthday: date | None, day: date) -> bool | None:
    """Whether someone is 18 on the day; None when the birthday is unknown."""
    return None if birthday is None else birthday_in(birthday, birthday.year + 18) <= day


def _blocked_acts(tags: Collection[str], context: BrandContext, is_adult: bool | None) -> dict[str, str]:
    if not tags or not context.compliance.touches(tags):
        return {}
    acts = {act: context.compliance.blocked(tags, act, adult=is_adult) for act in JUDGED}
    return {act: tag for act, tag in acts.items() if tag is not None}


def blocked_lines(order: Order, context: BrandContext, is_adult: bool | None) -> dict[str, dict[str, str]]:
    """For each line that compliance blocks: the acts, and the tag that blocks each."""
    judged = [
        (line.line_id, _blocked_acts(line.tags, context, is_adult)) for line in order.lines if line.tags
    ]
    return {line_id: acts for line_id, acts in judged if acts}


def line_views(
    order: Order, blocked: Mapping[str, Mapping[str, str]], remaining: Mapping[str, Decimal] | None = None
) -> list[LineView]:
    """The lines as effects see them: returned quantities taken off, discounts prorated by quantity, and
    what was paid with points, coupons or gift cards taken off in proportion."""
    amounts = [_amount(line) for line in order.lines]
    share = _earning_share(order, amounts) if order.unearned else None
    views: list[LineView] = []
    for index, (line, bought) in enumerate(zip(order.lines, amounts, strict=True)):
        quantity, amount = line.quantity, bought
        if remaining is not None:
            quantity = remaining.get(line.line_id, Decimal(0))
            if quantity <= 0:
                continue
            amount = simplify(bought * Fraction(quantity) / Fraction(line.quantity))
        views.append(
            LineView(
                index,
                line.line_id,
                line.category.strip("/") + "/",
                line.sku,
                line.brand,
                line.product_line,
                line.tags,
                scaled(line.unit_price),
                scaled(quantity),
                amount,
                amount if share is None else simplify(amount * share),
                not blocked or "tier" not in blocked.get(line.line_id, ()),
            )
        )
    return views


def _amount(line: Line) -> Exact:
    gross = product(scaled(line.quantity), scaled(line.unit_price))
    return gross - scaled(line.discount) if line.discount else gross


def _earning_share(order: Order, amounts: Iterable[Exact]) -> Fraction:
    total = sum(amounts)
    if total <= 0:
        return Fraction(1)
    return min(Fraction(1), max(Fraction(0), 1 - Fraction(scaled(order.unearned)) / total))


def _virtual_line(blocked: Mapping[str, Mapping[str, str]]) -> LineView:
    allowed = "tier" not in blocked.get(VIRTUAL, ())
    return LineView(0, VIRTUAL, "/", "", "", "", frozenset(), 0, 0, 0, 0, allowed)


def _visible(
    views: Iterable[LineView], blocked: Mapping[str, Mapping[str, str]], act: str
) -> tuple[LineView, ...]:
    return tuple(view for view in views if act not in blocked.get(view.line_id, ()))


def set_scene(
    event: Event,
    member_id: str,
    segments: frozenset[str],
    blocked: Mapping[str, Mapping[str, str]],
    context: BrandContext,
    remaining: Mapping[str, Decimal] | None = None,
) -> Scene:
    """The lines of the event by view, still without facts. On a trigger without an order one virtual
    line without an amount stands for the event; an order that it carries is there for facts alone."""
    bought = line_views(event.order, blocked, remaining) if event.order else []
    views = bought if event.trigger in ORDER_TRIGGERS else [_virtual_line(blocked)]
    local = event.occurred_at.astimezone(context.timezone)
    scene = Scene(event, member_id, local.date(), local, segments, blocked)
    if not blocked:
        all_bought = tuple(bought)
        all_lines = all_bought if views is bought else tuple(views)
        scene.bought, scene.lines = dict.fromkeys(VIEWS, all_bought), dict.fromkeys(VIEWS, all_lines)
        scene.hidden = dict.fromkeys(VIEWS, ())
        return scene
    for act in VIEWS:
        scene.bought[act] = _visible(bought, blocked, act)
        scene.lines[act] = scene.bought[act] if views is bought else _visible(views, blocked, act)
        scene.hidden[act] = tuple(view for view in views if act in blocked.get(view.line_id, ()))
    scene.all_count_for_tier = all(view.counts_for_tier for view in views)
    return scene


def add_event_facts(scene: Scene, act: str, facts: dict[str, Any], needs: Needs) -> None:
    """Add the ``order.*`` and ``activity.*`` facts of a view."""
    if needs.order:
        seen = scene.bought[act]
        for name in needs.order:
            if name == "order.amount":
                bought = None if scene.event.order is None else simplify(sum([each.amount for each in seen]))
                facts[name] = bought
            else:
                facts[name] = order_fact(scene.event, name, len(seen))
    for name in needs.activity:
        facts[name] = activity_fact(scene.event, name)


def add_window(
    scene: Scene, act: str, facts: dict[str, Any], window: Window, past: tuple[Contribution, ...], tz: tzinfo
) -> None:
    """Add a windowed fact: what other orders contributed, and the order at hand as the view sees it."""
    order = scene.event.order
    own = None
    if order is not None and scene.bought[act]:
        lines = tuple(
            PastLine(amount=unscaled(view.amount), category=view.category) for view in scene.bought[act]
        )
        own = window.contribution(PastOrder(order.order_id, order.ordered_at, lines), tz, None)
    scene.windows[f"{act}|{window.key}"] = past
    facts[window.key] = window.value(past if own is None else (*past, own))


def live_scene(
    event: Event, member: MemberFacts, context: BrandContext, needs: Needs, known: Known | None = None
) -> Scene:
    """The scene of an event as it happens: facts are read off the member, the order and the history; or, as
    far as they are ``known``, off what was recorded when it happened."""
    if known is not None:
        return _known_scene(event, member, context, needs, known)
    tz, at, order = context.timezone, event.occurred_at, event.order
    today = at.astimezone(tz).date()
    is_adult = None if member.birthday is None else adult(member.birthday, today)
    blocked = blocked_lines(order, context, is_adult) if order else {}
    virtual = _blocked_acts(event.tags, context, is_adult)
    if virtual:
        blocked[VIRTUAL] = virtual
    scene = set_scene(event, member.member_id, member.segments, blocked, context)
    for act in needs.views:
        view = MemberView(member, at, tz, today, act)
        facts: dict[str, Any] = {name: read(view) for name, read in needs.member_readers}
        scene.recorded[act] = dict(facts)
        add_event_facts(scene, act, facts, needs)
        for window in needs.windows:
            past = window.collect(
                member.history, at, tz, sees(context, act, is_adult), order.order_id if order else None
            )
            add_window(scene, act, facts, window, past, tz)
        scene.facts[act] = facts
    scene.facts.setdefault("bonus", scene.facts["earn"])
    return scene


def _known_scene(
    event: Event, member: MemberFacts, context: BrandContext, needs: Needs, known: Known
) -> Scene:
    tz, at, order = context.timezone, event.occurred_at, event.order
    today = at.astimezone(tz).date()
    is_adult = None if member.birthday is None else adult(member.birthday, today)
    segments = frozenset(known.of("earn").get("member.segments", member.segments))
    scene = set_scene(event, member.member_id, segments, known.blocked, context)
    for act in needs.views:
        view, recorded = MemberView(member, at, tz, today, act), known.of(act)
        facts: dict[str, Any] = {
            name: recorded[name] if name in recorded else read(view) for name, read in needs.member_readers
        }
        add_event_facts(scene, act, facts, needs)
        for window in needs.windows:
            past = known.window(act, window.key)
            if past is None:
                seen = sees(context, act, is_adult)
                past = window.collect(member.history, at, tz, seen, order.order_id if order else None)
            add_window(scene, act, facts, window, past, tz)
        scene.facts[act] = facts
    scene.facts.setdefault("bonus", scene.facts["earn"])
    return scene


def sees(context: BrandContext, act: str, is_adult: bool | None) -> Visible:
    """Whether lines with such tags exist for an act."""
    return lambda tags: context.compliance.blocked(tags, act, adult=is_adult) is None
