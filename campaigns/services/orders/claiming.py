"""A guest order that becomes a member's: judged and booked as if it had come with the member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns import facts, selectors
from campaigns.services import referrals
from campaigns.services.orders import judging, rejudging, stored, visits
from campaigns.services.orders.judging import Judged
from campaigns.services.orders.told import NOTHING
from loyalty.lib import ids, instants, money
from loyalty.outbox import services as outbox
from members.models import Purchase, PurchaseLine
from members.services import purchases
from points import services as points
from points.services import tiers


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the rules gave: as judged whole, and what of it the order keeps without what came back."""

    whole: Sequence[Judged]
    kept: Sequence[Judged]
    held: tiers.Held | None

    @property
    def differ(self) -> bool:
        return self.whole is not self.kept


def give_to_member(*, purchase: Purchase, known: visits.Known, now: datetime) -> Mapping[str, int]:
    """Let a guest order be the member's, and give what the published rules say; returns its points.

    Facts, caps and lifetimes are as at `ordered_at`, as of an order that comes late; only which of the
    member's orders it is (the first, the third) follows from all there are by now. It is judged whole and
    then without what came back, so that a return before the claim and one after it come to the same. The
    caller entered the member's account (`visits.enter`) and locked the order after it, which has no member.
    """
    lines = stored.lines_of(purchase)
    verdict = _judged(purchase, lines, known, now)
    judging.count(known.id, verdict.whole)
    judging.grant(known.id, verdict.kept, purchase.order_id, purchase.ordered_at, now)
    fact = _fact(purchase, lines, verdict.kept)
    evaluation = _record(verdict, fact)
    journal_id = _post(purchase, known, verdict.kept, evaluation, now)
    paid, left = verdict.whole[0].evaluation, stored.remaining(lines)
    purchases.change(
        purchase,
        member_id=known.id,
        evaluation=evaluation,
        journal_id=journal_id,
        visible_earn=judging.sees(paid, left, "earn"),
        visible_bonus=judging.sees(paid, left, "bonus"),
    )
    if fact.points or fact.spend or fact.visits:
        tiers.qualify(member_id=known.id, held=verdict.held, fact=fact, now=now)
    # A receipt from before the member joined is no order of somebody who was brought.
    if known.referrer_id is not None and purchase.visible_bonus and purchase.ordered_at >= known.enrolled_at:
        referrals.note_first_order(
            member_id=known.id,
            order_id=purchase.order_id,
            ordered_at=purchase.ordered_at,
            rules=verdict.whole[0].rules,
            now=now,
        )
    given: Mapping[str, int] = evaluation.get("points", NOTHING)
    _tell(purchase, given, now)
    return given


def _judged(
    purchase: Purchase, lines: Sequence[PurchaseLine], known: visits.Known, now: datetime
) -> _Verdict:
    held = known.held
    if held is not None:
        held = tiers.settled(member_id=known.id, found=held, now=now, reference=purchase.order_id)
    rules = selectors.published_rules(tiers=held.program.codes if held else (), known=known.revision)
    triggers = (judging.PAID, judging.COMPLETED) if purchase.completed_at else (judging.PAID,)
    member = facts.member_facts(
        known,
        rules=rules,
        triggers=triggers,
        at=purchase.ordered_at,
        tier=held.code if held else None,
        without_order=purchase.order_id,
        segments=known.segments,
        # The member chooses the order in which receipts are claimed: each would be the first of them.
        count_later=True,
    )
    order = stored.order_of(purchase, lines)
    whole = judging.judge(order, member, rules, triggers)
    if not any(line.returned for line in lines):
        return _Verdict(whole, whole, held)
    left = stored.remaining(lines)
    return _Verdict(whole, [rejudging.without_returned(each, order, left) for each in whole], held)


def _fact(purchase: Purchase, lines: Sequence[PurchaseLine], kept: Sequence[Judged]) -> tiers.Fact:
    """What the order counts for the tier, by what is left of it."""
    paid = kept[0].evaluation
    seen = rejudging.tier_lines(paid, lines)
    return tiers.Fact(
        at=purchase.ordered_at,
        points=judging.qualifying_points(kept),
        spend=rejudging.spend_left(paid, seen) if seen else Decimal(0),
        visits=1 if any(line.quantity > line.returned for line in seen) else 0,
        source="order",
        reference=purchase.order_id,
    )


def _record(verdict: _Verdict, fact: tiers.Fact) -> dict[str, Any]:
    """What is kept with the order. It came from a guest: the till that sent it so may send it again."""
    record: dict[str, Any] = {**judging.record(verdict.whole), "guest": True}
    if verdict.differ:
        record["kept"] = {
            each.trigger: {result.rule: result.points for result in each.evaluation.results}
            for each in verdict.kept
        }
        record["counted"] = {"points": fact.points, "spend": str(fact.spend), "visits": fact.visits}
    return record


def _post(
    purchase: Purchase,
    known: visits.Known,
    kept: Sequence[Judged],
    evaluation: dict[str, Any],
    now: datetime,
) -> Any:
    """Book what is kept, and note it in the order's record; the journal, or None where nothing was given."""
    wanted = judging.postings(
        kept,
        order_id=purchase.order_id,
        ordered_at=purchase.ordered_at,
        completed_at=purchase.completed_at,
    )
    if not wanted:
        return None
    journal_id = ids.new()
    posted = points.post(
        member_id=known.id,
        journal_id=journal_id,
        entries=wanted,
        now=now,
        event_data={"source": judging.SOURCES[judging.PAID], "reference": purchase.order_id},
    )
    evaluation["entries"] = judging.entries_json(posted.entries, wanted, now)
    evaluation["points"] = judging.summary(posted.entries)
    return journal_id


def _tell(purchase: Purchase, given: Mapping[str, int], now: datetime) -> None:
    outbox.publish(
        type="order.claimed",
        payload={
            "order_id": purchase.order_id,
            "member_id": str(purchase.member_id),
            "ordered_at": instants.text(purchase.ordered_at),
            "channel": purchase.channel,
            "store_id": purchase.store_id,
            "amount": money.plain(purchase.amount),
            "currency": purchase.currency,
            "points": dict(given),
        },
        member_id=purchase.member_id,
        occurred_at=now,
    )
