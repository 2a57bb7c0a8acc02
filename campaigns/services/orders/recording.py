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
from campaigns.services.orders import judging, returning, stored
from campaigns.services.orders.content import Content, MemberRef, line_json
from campaigns.services.orders.judging import Judged
from campaigns.services.orders.told import NOTHING, Told
from loyalty.lib import ids, instants, money
from loyalty.outbox import services as outbox
from members import services as members
from members.errors import MemberNotActive, MemberNotFound
from members.models import Member, Purchase
from members.services import purchases
from points import services as points
from points.errors import ReferenceConflict
from points.postings import AccountState
from points.selectors import AccountView
from points.services import tiers
from tenants.context import current_brand


def record_order(*, content: Content, now: datetime) -> Told:
    """Record an order and give what the published rules say; a repeat answers as the first time.

    One transaction. The member's points account is locked before facts and counters are read, so that of
    two parallel orders only one is the first. Returns that were parked for the order are applied.

    Raises MemberNotFound, MemberNotActive, OrderConflict (the number was used with other content).
    """
    with transaction.atomic(savepoint=False):
        if content.member is None:
            return _guest_order(content, now)
        member = _resolve(content.member, content.order_id, now)
        account, standing = _lock(member.id, content.order_id, now)
        while standing.merged_into is not None:
            # The member was merged while we waited for the lock.
            member = members.get(standing.merged_into)
            account, standing = _lock(member.id, content.order_id, now)
        if standing.status != Member.Status.ACTIVE:
            raise MemberNotActive(member_id=str(member.id))
        if standing.purchase_id is not None:
            return _repeated(standing.purchase_id, content, member.id, account, now)
        return _first(content, member, account, standing, now)


def _first(
    content: Content, member: Member, account: AccountState, standing: stored.Standing, now: datetime
) -> Told:
    held = tiers.held(member_id=member.id, now=now, reference=content.order_id)
    program = held.program if held else None
    rules = selectors.published_rules(tiers=program.codes if program else (), known=standing.revision)
    order = content.order()
    triggers = (judging.PAID, judging.COMPLETED) if content.completed_at else (judging.PAID,)
    judged: list[Judged] = []
    if not account.earn_frozen:
        known = facts.member_facts(
            member,
            rules=rules,
            triggers=triggers,
            at=content.ordered_at,
            tier=held.code if held else None,
            without_order=content.order_id,
        )
        judged = judging.judge(order, known, rules, triggers)
    journal_id = ids.new()
    entries, summary, account = _post(content, member.id, judged, account, journal_id, now)
    judging.count(member.id, judged)
    _store(content, member.id, judged, entries, summary, journal_id, now)
    held = _qualify(content, member.id, judged, held, now)
    publish_recorded(content, member.id, summary, now)
    told_returns: Sequence[dict[str, Any]] = ()
    if standing.has_parked:
        told_returns = returning.apply_parked(order_id=content.order_id, now=now)
        account = points.lock_account(member_id=member.id, now=now)
        held = tiers.held(member_id=member.id, now=now) if held else None
    return Told(
        order_id=content.order_id,
        member_id=member.id,
        status=_status(content),
        points=summary,
        entries=entries,
        evaluations=[each.evaluation for each in judged],
        rules=rules,
        account=account,
        program=program,
        tier=held.code if held else None,
        returns=told_returns,
        notice="earning_frozen" if account.earn_frozen else None,
    )


def _post(
    content: Content,
    member_id: UUID,
    judged: Sequence[Judged],
    account: AccountState,
    journal_id: UUID,
    now: datetime,
) -> tuple[list[dict[str, Any]], dict[str, int], AccountState]:
    wanted = judging.postings(
        judged,
        order_id=content.order_id,
        ordered_at=content.ordered_at,
        completed_at=content.completed_at,
    )
    if not wanted:
        return [], dict(NOTHING), account
    try:
        result = points.post(
            member_id=member_id,
            journal_id=journal_id,
            entries=wanted,
            now=now,
            event_data={"source": "order", "reference": content.order_id},
        )
    except ReferenceConflict:
        # Another member's order of the same number was recorded while we waited.
        raise OrderConflict(order_id=content.order_id) from None
    told = judging.entries_json(result.entries, wanted, now)
    return told, judging.summary(result.entries), result.accounts.get("points", account)


def _store(
    content: Content,
    member_id: UUID | None,
    judged: Sequence[Judged],
    entries: Sequence[dict[str, Any]],
    summary: dict[str, int],
    journal_id: UUID | None,
    now: datetime,
) -> None:
    evaluation: dict[str, Any] = judging.record(judged)
    if member_id is None:
        evaluation["guest"] = True
    if entries:
        evaluation |= {"entries": list(entries), "points": summary}
    lines = [line.line_id for line in content.lines]
    paid = judged[0].evaluation if judged else None
    stored_now = purchases.record(
        purchase_id=ids.new(),
        order=purchases.NewPurchase(
            order_id=content.order_id,
            member_id=member_id,
            ordered_at=content.ordered_at,
            completed_at=content.completed_at,
            currency=content.currency,
            amount=content.amount,
            content_hash=content.digest(),
            lines=[line_json(line) for line in content.lines],
            channel=content.channel,
            store_id=content.store_id,
            region=content.region,
            attributes=content.attributes,
            payments=[{"method": m, "amount": money.plain(a)} for m, a in content.payments],
            evaluation=evaluation,
            journal_id=journal_id if entries else None,
            visible_earn=paid is None or judging.sees(paid, lines, "earn"),
            visible_bonus=paid is None or judging.sees(paid, lines, "bonus"),
        ),
        now=now,
    )
    if not stored_now:
        raise OrderConflict(order_id=content.order_id)


def _qualify(
    content: Content, member_id: UUID, judged: Sequence[Judged], held: tiers.Held | None, now: datetime
) -> tiers.Held | None:
    if not judged:
        return held
    paid = judged[0].evaluation
    visible = judging.sees(paid, [line.line_id for line in content.lines], "tier")
    fact = tiers.Fact(
        at=content.ordered_at,
        points=judging.qualifying_points(judged),
        spend=judging.money(paid.qualifying_amount) if visible else Decimal(0),
        visits=1 if visible else 0,
        source="order",
        reference=content.order_id,
    )
    if not (fact.points or fact.spend or fact.visits):
        return held
    return tiers.qualify(member_id=member_id, held=held, fact=fact, now=now)


def publish_recorded(
    content: Content, member_id: UUID | None, summary: dict[str, int], now: datetime
) -> None:
    """Tell that an order was recorded."""
    outbox.publish(
        type="order.recorded",
        payload={
            "order_id": content.order_id,
            "member_id": str(member_id) if member_id else None,
            "ordered_at": instants.text(content.ordered_at),
            "channel": content.channel,
            "store_id": content.store_id,
            "amount": money.plain(content.amount),
            "currency": content.currency,
            "points": summary,
        },
        member_id=member_id,
        occurred_at=now,
    )


def _guest_order(content: Content, now: datetime) -> Told:
    known = Purchase.objects.filter(order_id=content.order_id).values_list("pk", flat=True).first()
    if known is not None:
        return _repeated(known, content, None, None, now)
    _store(content, None, [], [], dict(NOTHING), None, now)
    publish_recorded(content, None, dict(NOTHING), now)
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
    if member_id is None or purchase.evaluation.get("guest"):
        return member_id is None and bool(purchase.evaluation.get("guest"))
    owner = purchase.member
    return owner is not None and member_id in (owner.id, owner.merged_into_id)


def _lock(member_id: UUID, order_id: str, now: datetime) -> tuple[AccountState, stored.Standing]:
    account = points.lock_account(member_id=member_id, now=now)
    return account, stored.standing(member_id, order_id)


def _resolve(ref: MemberRef, order_id: str, now: datetime) -> Member:
    try:
        return members.resolve_or_enrol(
            member_id=ref.member_id, keys=ref.keys, may_enrol=False, source="order", now=now
        )[0]
    except MemberNotFound:
        if not ref.keys or not current_brand().setting("enrol_by_order"):
            raise
    if Purchase.objects.filter(order_id=order_id).exists():
        # Known under another member: nobody is enrolled for the sake of a refusal.
        raise OrderConflict(order_id=order_id)
    return members.enrol(keys=ref.keys, source="order", now=now)[0]


def _status(content: Content) -> str:
    return str(Purchase.Status.COMPLETED if content.completed_at else Purchase.Status.RECORDED)
