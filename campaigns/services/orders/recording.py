"""Recording an order: facts, rules, points, tier, order and events in one transaction, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from campaigns import facts, selectors
from campaigns.errors import OrderConflict
from campaigns.services import enrolling, referrals
from campaigns.services.orders import judging, returning, visits
from campaigns.services.orders.content import Content, MemberRef
from campaigns.services.orders.judging import Judged
from campaigns.services.orders.told import NOTHING, Told
from loyalty.lib import instants, money
from members.errors import MemberNotActive, MemberNotFound
from members.models import Member, Purchase
from points import services as points
from points.errors import ReferenceConflict
from points.postings import AccountState
from points.selectors import AccountView
from points.services import posting, tiers
from tenants.context import current_brand


def record_order(*, content: Content, now: datetime) -> Told:
    """Record an order and give what the published rules say; a repeat answers as the first time.

    One transaction and, as a rule, two statements. The member's points account is locked before facts and
    counters are read, so that of two parallel orders only one is the first. Returns that were parked for
    the order are applied.

    Raises MemberNotFound, MemberNotActive, OrderConflict (the number was used with other content).
    """
    with transaction.atomic(savepoint=False):
        if content.member is None:
            return _guest_order(content, now)
        known = visits.enter(content.member, content.order_id, now)
        if known is None:
            enrolled = MemberRef(_enrolled(content.member, content.order_id, now).id)
            known = visits.enter(enrolled, content.order_id, now)
        assert known is not None
        if isinstance(known, visits.Closed) or known.status != Member.Status.ACTIVE:
            raise MemberNotActive(member_id=str(known.id))
        if known.purchase_id is not None:
            return _repeated(known.purchase_id, content, known.id, known.account, now)
        return _first(content, known, now)


def _first(content: Content, known: visits.Known, now: datetime) -> Told:
    held, account = known.held, known.account
    if held is not None:
        held = tiers.settled(member_id=known.id, found=held, now=now, reference=content.order_id)
    program = held.program if held else None
    rules = selectors.published_rules(tiers=program.codes if program else (), known=known.revision)
    triggers = (judging.PAID, judging.COMPLETED) if content.completed_at else (judging.PAID,)
    judged: list[Judged] = []
    if not account.earn_frozen:
        member = facts.member_facts(
            known,
            rules=rules,
            triggers=triggers,
            at=content.ordered_at,
            tier=held.code if held else None,
            without_order=content.order_id,
            segments=known.segments,
        )
        judged = judging.judge(content.order(), member, rules, triggers)
    decided, entries = _decided(content, known.id, judged, now)
    written = _written(content, known.id, decided, held, now)
    judging.count(known.id, judged)
    judging.grant(known.id, judged, content.order_id, content.ordered_at, now)
    account = written.account or account
    if held is not None and decided.fact is not None:
        held = _raised(known.id, held, decided.fact, written.qualifying, now)
    if known.referrer_id is not None and decided.visible_bonus:
        referrals.note_first_order(
            member_id=known.id,
            order_id=content.order_id,
            ordered_at=content.ordered_at,
            rules=rules,
            now=now,
        )
    told_returns: Sequence[dict[str, Any]] = ()
    if known.has_parked:
        told_returns = returning.apply_parked(order_id=content.order_id, now=now)
        account = points.lock_account(member_id=known.id, now=now)
        held = tiers.held(member_id=known.id, now=now) if held else None
    return Told(
        order_id=content.order_id,
        member_id=known.id,
        status=_status(content),
        points=written.points,
        entries=entries,
        evaluations=[each.evaluation for each in judged],
        rules=rules,
        account=account,
        program=program,
        tier=held.code if held else None,
        returns=told_returns,
        notice="earning_frozen" if account.earn_frozen else None,
    )


def _decided(
    content: Content, member_id: UUID | None, judged: Sequence[Judged], now: datetime
) -> tuple[visits.Decided, list[dict[str, Any]]]:
    """What is to be written of an order, and its entries as they are told."""
    wanted = judging.postings(
        judged,
        order_id=content.order_id,
        ordered_at=content.ordered_at,
        completed_at=content.completed_at,
    )
    postings = posting.as_json(wanted)
    told = [
        judging.posting_json(each, now) | {"entry_id": plain["id"]}
        for each, plain in zip(wanted, postings, strict=True)
    ]
    evaluation: dict[str, Any] = judging.record(judged)
    if member_id is None:
        evaluation["guest"] = True
    if told:
        evaluation["entries"] = told
    lines = [line.line_id for line in content.lines]
    paid = judged[0].evaluation if judged else None
    decided = visits.Decided(
        evaluation=evaluation,
        visible_earn=paid is None or judging.sees(paid, lines, "earn"),
        visible_bonus=paid is None or judging.sees(paid, lines, "bonus"),
        entries=postings,
        fact=_fact(content, judged, lines),
        event={
            "order_id": content.order_id,
            "member_id": str(member_id) if member_id else None,
            "ordered_at": instants.text(content.ordered_at),
            "channel": content.channel,
            "store_id": content.store_id,
            "amount": money.plain(content.amount),
            "currency": content.currency,
        },
    )
    return decided, told


def _written(
    content: Content, member_id: UUID | None, decided: visits.Decided, held: tiers.Held | None, now: datetime
) -> visits.Written:
    try:
        written = visits.record(content, member_id, decided, held=held, now=now)
    except ReferenceConflict:
        written = None
    if written is None:
        # Another member's order of the same number was recorded while we waited.
        raise OrderConflict(order_id=content.order_id)
    return written


def _fact(content: Content, judged: Sequence[Judged], lines: Sequence[str]) -> tiers.Fact | None:
    """What the order counts for the tier; None for nothing."""
    if not judged:
        return None
    paid = judged[0].evaluation
    visible = judging.sees(paid, lines, "tier")
    fact = tiers.Fact(
        at=content.ordered_at,
        points=judging.qualifying_points(judged),
        spend=judging.money(paid.qualifying_amount) if visible else Decimal(0),
        visits=1 if visible else 0,
        source="order",
        reference=content.order_id,
    )
    return fact if fact.points or fact.spend or fact.visits else None


def _raised(
    member_id: UUID, held: tiers.Held, fact: tiers.Fact, qualifying: Decimal | None, now: datetime
) -> tiers.Held:
    if qualifying is None:
        qualifying = tiers.counted_visits(member_id=member_id, held=held, at=max(now, fact.at))
    return tiers.raised(member_id=member_id, held=held, fact=fact, qualifying=qualifying, now=now)


def _guest_order(content: Content, now: datetime) -> Told:
    known = Purchase.objects.filter(order_id=content.order_id).values_list("pk", flat=True).first()
    if known is not None:
        return _repeated(known, content, None, None, now)
    decided, _entries = _decided(content, None, [], now)
    _written(content, None, decided, None, now)
    told = returning.apply_parked(order_id=content.order_id, now=now)
    return Told(order_id=content.order_id, member_id=None, status=_status(content), returns=told)


def _repeated(
    purchase_id: UUID, content: Content, member_id: UUID | None, account: AccountState | None, now: datetime
) -> Told:
    """The first answer again, with the account as it is now. Raises OrderConflict for other content."""
    purchase = Purchase.objects.select_related("member").get(pk=purchase_id)
    if purchase.content_hash != content.digest() or not _same_member(purchase, member_id):
        raise OrderConflict(order_id=content.order_id)
    owner = purchase.member
    held = None
    if owner is not None:
        account = account or points.lock_account(member_id=owner.id, now=now)
        held = tiers.held(member_id=owner.id, now=now)
    return told_of(purchase, account=account, held=held)


def told_of(
    purchase: Purchase, *, account: AccountState | AccountView | None, held: tiers.Held | None
) -> Told:
    """What was told of an order when it was recorded, with the account and tier as they are now."""
    kept = purchase.evaluation
    return Told(
        order_id=purchase.order_id,
        member_id=purchase.member_id,
        status=purchase.status,
        points=kept.get("points", NOTHING),
        entries=kept.get("entries", ()),
        evaluations=list(judging.recorded(kept).values()),
        account=account,
        program=held.program if held else None,
        tier=held.code if held else None,
        created=False,
    )


def _same_member(purchase: Purchase, member_id: UUID | None) -> bool:
    if member_id is None:
        # A guest's, whoever claimed it since.
        return bool(purchase.evaluation.get("guest"))
    owner = purchase.member
    return owner is not None and member_id in (owner.id, owner.merged_into_id)


def _enrolled(ref: MemberRef, order_id: str, now: datetime) -> Member:
    """A new member for an unknown identity, where the brand allows it.

    Raises MemberNotFound, OrderConflict.
    """
    if not ref.keys or not current_brand().setting("enrol_by_order"):
        raise MemberNotFound
    if Purchase.objects.filter(order_id=order_id).exists():
        # Known under another member: nobody is enrolled for the sake of a refusal.
        raise OrderConflict(order_id=order_id)
    return enrolling.enrol(keys=ref.keys, source="order", now=now)[0]


def _status(content: Content) -> str:
    return str(Purchase.Status.COMPLETED if content.completed_at else Purchase.Status.RECORDED)
