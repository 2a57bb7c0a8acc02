"""Referrals: the friend's first order, what is taken back when it comes back, and who brought whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from campaigns import framing, selectors
from campaigns.engine import Evaluation, RuleSet
from campaigns.models import Moment
from campaigns.services import moments
from campaigns.services.orders import stored
from members.models import Member, Purchase, PurchaseLine
from tenants.context import current_brand


def note_first_order(
    *, member_id: UUID, order_id: str, ordered_at: datetime, rules: RuleSet, now: datetime
) -> None:
    """Note that a referred member placed their first order, if it is the first and a rule waits for it.

    An order that compliance hides, or that came back whole, is none; nor is one from a day before they joined
    (brand time): they had bought before anybody brought them. The caller holds the lock on the member's
    account and has written the order.
    """
    if not rules.awaits(moments.FIRST_ORDER):
        return
    bought = Purchase.objects.filter(member_id=member_id, visible_bonus=True)
    if list(bought.values_list("order_id", flat=True)[:2]) != [order_id]:
        return
    friend = Member.objects.get(pk=member_id)
    if not _before_joining(friend, ordered_at):
        _note(friend, order_id, ordered_at, now)


def order_came_back(*, order_id: str, member_id: UUID, now: datetime) -> None:
    """Have what a referral gave for this first order taken back from both, as soon as that is committed.

    What is left of the friend's orders may hold a first one: the earliest of them takes its place. One that
    waits to be judged is refused. The caller holds the lock on the account of the order's member, and has
    written that nothing of the order is left.
    """
    alive = _alive(order_id)
    moment = alive.select_related("member").first()
    if moment is None:
        return
    if moment.status == Moment.Status.GIVEN:
        _undo(moment, now)
    else:
        refused = Moment.Refused.ORDER_RETURNED
        alive.update(status=Moment.Status.REFUSED, refused_for=refused, due_at=None, settled_at=now)
    _note_next(moment.member, member_id, now)


def order_changed(
    *, purchase: Purchase, lines: Sequence[PurchaseLine], now: datetime, corrected: bool
) -> None:
    """After a part of a first order came back, or it was corrected: have what a referral gave for it taken
    back from both where none of the rules that gave it holds for what is left, and have a corrected order
    that gave nothing judged again.

    The order stays the first: no other takes its place. The caller holds the lock on its member's account.
    """
    moment = _alive(purchase.order_id).filter(status=Moment.Status.GIVEN).first()
    if moment is None:
        return
    judged = Evaluation.from_record(moment.evaluation["moment"])
    given = [each for each in judged.results if each.reason is None]
    if given:
        if not _holds(judged, purchase, lines):
            _undo(moment, now)
    elif corrected:
        moment.status, moment.due_at, moment.settled_at = Moment.Status.WAITING, now, None
        moment.evaluation = {}
        moment.save(update_fields=["status", "due_at", "settled_at", "evaluation"])
        moments.soon(moment.pk, now)


def _alive(order_id: str) -> QuerySet[Moment]:
    return Moment.objects.filter(
        trigger=moments.FIRST_ORDER,
        reference=order_id,
        status__in=[Moment.Status.WAITING, Moment.Status.GIVEN],
    )


def _undo(moment: Moment, now: datetime) -> None:
    moment.status, moment.due_at = Moment.Status.UNDOING, now
    moment.save(update_fields=["status", "due_at"])
    moments.soon(moment.pk, now)


def _holds(judged: Evaluation, purchase: Purchase, lines: Sequence[PurchaseLine]) -> bool:
    """Whether any of the rules that gave something still would, for what is left of the order."""
    versions = {(result.rule, result.version) for result in judged.results}
    rules = selectors.recorded_rules(
        sorted(versions), tiers=judged.tiers, frames=framing.recorded(judged.results)
    )
    kept = rules.reevaluate(judged, stored.order_of(purchase, lines), stored.remaining(lines))
    return any(each.grant_kept for each in kept)


def _before_joining(friend: Member, ordered_at: datetime) -> bool:
    """Whether it was bought on a day before they joined. Who joins at the till brings that very receipt."""
    tz = current_brand().tz
    return ordered_at.astimezone(tz).date() < friend.enrolled_at.astimezone(tz).date()


def _note_next(friend: Member, member_id: UUID, now: datetime) -> None:
    """Note the earliest order that is left, of `member_id`: the friend, or whom they were merged into."""
    if not moments.rules_in_force().awaits(moments.FIRST_ORDER):
        return
    left = Purchase.objects.filter(member_id=member_id, visible_bonus=True)
    first = left.order_by("ordered_at", "order_id").first()
    if first is None or _before_joining(friend, first.ordered_at):
        return
    if first.evaluation.get("guest") and first.ordered_at < friend.enrolled_at:
        # What they claimed of the same day was bought before anybody brought them, too.
        return
    _note(friend, first.order_id, first.ordered_at, now)


def _note(friend: Member, order_id: str, ordered_at: datetime, now: datetime) -> None:
    noted = moments.note(
        trigger=moments.FIRST_ORDER, reference=order_id, member=friend, occurred_at=ordered_at, now=now
    )
    if noted is not None:
        moments.soon(noted.pk, now)


@dataclass(frozen=True, slots=True)
class Friend:
    """Somebody a member brought: `registered`, `ordered` (a first order), `rewarded`, or `refused`."""

    member: Member
    state: str


def friends(*, member_id: UUID, limit: int = 50) -> tuple[int, int, list[Friend]]:
    """How many friends a member brought, for how many of them they earned, and the newest of them."""
    brought = Member.objects.filter(referrer_id=member_id)
    newest = list(brought.order_by("-enrolled_at", "-id")[:limit])
    told = Moment.objects.filter(referrer_id=member_id, trigger__startswith="referral.")
    states: dict[UUID, str] = {}
    for friend, trigger, status, evaluation in told.filter(member__in=newest).values_list(
        "member_id", "trigger", "status", "evaluation"
    ):
        states[friend] = _stronger(states.get(friend, "registered"), _state(trigger, status, evaluation))
    rewarded = told.filter(status=Moment.Status.GIVEN, evaluation__referrer__has_key="entries")
    counts = brought.count(), rewarded.values("member_id").distinct().count()
    return *counts, [Friend(each, states.get(each.pk, "registered")) for each in newest]


def _state(trigger: str, status: str, evaluation: Mapping[str, Any]) -> str:
    if status == Moment.Status.REFUSED:
        return "refused"
    if status == Moment.Status.GIVEN and evaluation.get("referrer", {}).get("entries"):
        return "rewarded"
    alive = status in (Moment.Status.WAITING, Moment.Status.GIVEN)
    return "ordered" if trigger == moments.FIRST_ORDER and alive else "registered"


def _stronger(one: str, other: str) -> str:
    order = ("registered", "refused", "ordered", "rewarded")
    return max(one, other, key=order.index)
