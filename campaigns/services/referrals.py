"""Referrals: the friend's first order, what is taken back when it comes back, and who brought whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from campaigns.engine import RuleSet
from campaigns.models import Moment
from campaigns.services import moments
from members.models import Member, Purchase


def note_first_order(
    *, member_id: UUID, order_id: str, ordered_at: datetime, rules: RuleSet, now: datetime
) -> None:
    """Note that a referred member placed their first order, if it is the first and a rule waits for it.

    An order that compliance hides, or that came back whole, is none. The caller holds the lock on the
    member's account and has written the order.
    """
    if not rules.awaits(moments.FIRST_ORDER):
        return
    bought = Purchase.objects.filter(member_id=member_id, visible_bonus=True)
    if list(bought.values_list("order_id", flat=True)[:2]) != [order_id]:
        return
    _note(Member.objects.get(pk=member_id), order_id, ordered_at, now)


def order_came_back(*, order_id: str, member_id: UUID, now: datetime) -> None:
    """Have what a referral gave for this first order taken back from both, as soon as that is committed.

    What is left of the friend's orders may hold a first one: the earliest of them takes its place. One that
    waits to be judged is refused. The caller holds the lock on the account of the order's member, and has
    written that nothing of the order is left.
    """
    alive = Moment.objects.filter(
        trigger=moments.FIRST_ORDER,
        reference=order_id,
        status__in=[Moment.Status.WAITING, Moment.Status.GIVEN],
    )
    moment = alive.select_related("member").first()
    if moment is None:
        return
    if moment.status == Moment.Status.GIVEN:
        alive.update(status=Moment.Status.UNDOING, due_at=now)
        moments.soon(moment.pk, now)
    else:
        refused = Moment.Refused.ORDER_RETURNED
        alive.update(status=Moment.Status.REFUSED, refused_for=refused, due_at=None, settled_at=now)
    _note_next(moment.member, member_id, now)


def _note_next(friend: Member, member_id: UUID, now: datetime) -> None:
    """Note the earliest order that is left, of `member_id`: the friend, or whom they were merged into."""
    if not moments.rules_in_force().awaits(moments.FIRST_ORDER):
        return
    left = Purchase.objects.filter(member_id=member_id, visible_bonus=True)
    first = left.order_by("ordered_at", "order_id").first()
    if first is None or (first.evaluation.get("guest") and first.ordered_at < friend.enrolled_at):
        # A receipt from before the friend joined: they had bought before anybody brought them.
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
