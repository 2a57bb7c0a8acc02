"""Moments of a member that rules give points for: enrolment, birthday, anniversary, and referrals.

Each is a due row, written with what caused it and judged soon after, at the latest by the next tick. Only
moments that a published rule waits for are written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from campaigns import locks, selectors
from campaigns.engine import Evaluation, Event, RuleSet
from campaigns.models import Moment
from campaigns.services import duerows, giving, referralchecks
from campaigns.services.orders import stored
from loyalty.lib import compliance
from members.models import Member, Purchase
from points import services as points
from points.services import tiers

ENROLLED: Final = "member.enrolled"
REGISTERED: Final = "referral.registered"
FIRST_ORDER: Final = "referral.first_order"
UNDONE: Final = "referral.undone"


@dataclass(frozen=True, slots=True)
class _Parties:
    """Who takes part in a moment, under the locks on their accounts; merges are followed."""

    member: Member
    referrer: Member | None


def note(
    *, trigger: str, reference: str, member: Member, occurred_at: datetime, now: datetime
) -> Moment | None:
    """Write a moment down as due now; None if it is known. The caller asks for it to be judged."""
    moment = Moment(
        trigger=trigger,
        reference=reference,
        member_id=member.pk,
        referrer_id=member.referrer_id if trigger.startswith("referral.") else None,
        occurred_at=occurred_at,
        due_at=now,
    )
    Moment.objects.bulk_create([moment], ignore_conflicts=True)
    return moment if Moment.objects.filter(pk=moment.pk).exists() else None


def rules_in_force() -> RuleSet:
    """The published rules, for what is judged without an order."""
    return selectors.published_rules(tiers=selectors.tier_codes())


def soon(moment_id: UUID, now: datetime) -> None:
    """Judge a moment when the transaction has been committed. If that is cut off, the next tick does it."""
    transaction.on_commit(partial(_try, moment_id, now), robust=True)


def follows_commit() -> bool:
    """Whether a moment is judged as soon as the current transaction is committed, so that more may change."""
    return any(
        isinstance(function, partial) and function.func is _try
        for _savepoints, function, _robust in transaction.get_connection().run_on_commit
    )


def settle_due(*, now: datetime, limit: int = 200) -> int:
    """Judge up to `limit` moments that are due; returns how many were looked at. What fails waits longer."""
    due = Moment.objects.filter(due_at__lte=now).order_by("due_at").values_list("pk", flat=True)[:limit]
    found = list(due)
    for moment_id in found:
        _try(moment_id, now)
    return len(found)


def settle(*, moment_id: UUID, now: datetime) -> bool:
    """Judge one moment, or take back what it gave; False if that was done before or is being done.

    One transaction, under the locks on the accounts of all who take part. A moment that does not count (a
    member who closed the account, a referral of oneself) is refused, with the reason kept.
    """
    with transaction.atomic():
        parties = _enter(Moment.objects.get(pk=moment_id), now)
        moment = locks.open_moment(moment_id)
        if moment is None:
            return False
        if moment.status == Moment.Status.UNDOING:
            _take_back(moment, now)
        else:
            _judge(moment, parties, now)
        return True


def _try(moment_id: UUID, now: datetime) -> bool:
    work = partial(settle, moment_id=moment_id, now=now)
    return duerows.turn(Moment, moment_id, work, now=now, failed="moment_failed")


def _enter(moment: Moment, now: datetime) -> _Parties:
    """Lock the accounts of all who take part, in the order of their keys; who has none gets one."""
    wanted = [moment.member_id] if moment.referrer_id is None else [moment.member_id, moment.referrer_id]
    while True:
        members = _current(wanted)
        taking_part = sorted({each.pk for each in members.values()})
        for member_id in taking_part:
            points.open_account(member_id=member_id, now=now)
        points.lock_members(member_ids=taking_part)
        # Either may have been merged while we waited.
        if {each.pk for each in _current(wanted).values()} == set(taking_part):
            referrer = members[moment.referrer_id] if moment.referrer_id else None
            return _Parties(members[moment.member_id], referrer)


def _current(member_ids: Sequence[UUID]) -> dict[UUID, Member]:
    found = Member.objects.select_related("merged_into").filter(pk__in=member_ids)
    return {each.pk: each.merged_into or each for each in found}


def _judge(moment: Moment, parties: _Parties, now: datetime) -> None:
    purchase = None
    if moment.trigger == FIRST_ORDER:
        purchase = Purchase.objects.filter(order_id=moment.reference).first()
    refused = referralchecks.refused(moment.trigger, parties.member, parties.referrer, purchase)
    if refused:
        _settled(moment, Moment.Status.REFUSED, now, refused_for=refused)
        return
    party = _party(parties.member, now)
    referrer = _party(parties.referrer, now) if parties.referrer else None
    rules = rules_in_force()
    given = giving.give(
        event=_event(moment, purchase, parties.member),
        party=party,
        referrer=referrer,
        rules=rules,
        source=moment.trigger,
        now=now,
        completed_at=purchase.completed_at if purchase else None,
    )
    evaluation: dict[str, Any] = {"moment": given.evaluation.to_record(), "member": given.own.kept()}
    if given.theirs is not None:
        evaluation["referrer"] = given.theirs.kept()
    _settled(moment, Moment.Status.GIVEN, now, evaluation=evaluation)


def _party(member: Member, now: datetime) -> giving.Party:
    account = points.lock_account(member_id=member.pk, now=now)
    return giving.Party(member, account, tiers.held(member_id=member.pk, now=now))


def _event(moment: Moment, purchase: Purchase | None, member: Member) -> Event:
    order = stored.order_of(purchase, stored.lines_of(purchase)) if purchase else None
    invited = moment.trigger.startswith("referral.") and compliance.is_wechat(member.source)
    tags = frozenset({compliance.WECHAT_SHARE_TAG}) if invited else frozenset()
    return Event(moment.trigger, moment.occurred_at, moment.reference, order=order, tags=tags)


def _settled(moment: Moment, status: Moment.Status, now: datetime, **changes: Any) -> None:
    moment.status, moment.due_at, moment.settled_at = status, None, now
    for name, value in changes.items():
        setattr(moment, name, value)
    moment.save(update_fields=["status", "due_at", "settled_at", *changes])


def _take_back(moment: Moment, now: datetime) -> None:
    """Take back what a referral gave, from both; what was reversed by hand meanwhile is gone already."""
    evaluation = Evaluation.from_record(moment.evaluation["moment"])
    taken = {}
    for who, suffix in (("member", ""), (giving.REFERRER, f".{giving.REFERRER}")):
        given = moment.evaluation.get(who)
        if given:
            member = Member.objects.select_related("merged_into").get(pk=given["member_id"])
            own = [each for each in evaluation.grants if (each.receiver == giving.REFERRER) is bool(suffix)]
            taken[who] = giving.take_back(
                member_id=(member.merged_into or member).pk,
                entries=given.get("entries", ()),
                counted=given["counted"],
                grants=[each.rule for each in own],
                given_as=f"{moment.trigger}{suffix}",
                source=f"{UNDONE}{suffix}",
                reference=moment.reference,
                at=moment.occurred_at,
                now=now,
            )
    _settled(moment, Moment.Status.UNDONE, now, evaluation={**moment.evaluation, "taken_back": taken})
