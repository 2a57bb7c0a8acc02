"""Correcting an order: judged anew by the rules of its first recording, and booked as the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import facts, framing, selectors
from campaigns.engine import CounterKey, Evaluation, Event, MemberFacts, RuleSet
from campaigns.errors import OrderCancelled, OrderConflict, RevisionOutdated
from campaigns.services import counters, referrals
from campaigns.services.orders import judging, recording, rejudging, returning, stored
from campaigns.services.orders.completing import find
from campaigns.services.orders.content import Content, line_json
from campaigns.services.orders.judging import Judged
from campaigns.services.orders.told import Told
from loyalty.lib import ids, money
from loyalty.lib.errors import FieldError, Invalid
from loyalty.outbox import services as outbox
from mall import services as mall
from members import services as members
from members.models import Purchase, PurchaseLine
from members.services import purchases
from points import services as points
from points.services import tiers
from tenants.context import current_brand


@dataclass(slots=True)
class _Difference:
    """What a correction gives and takes, and what the order keeps after it."""

    judged: list[Judged] = field(default_factory=list)
    granted: list[Judged] = field(default_factory=list)
    keeps: dict[str, dict[str, int]] = field(default_factory=dict)
    more: dict[str, dict[str, int]] = field(default_factory=dict)
    used: dict[str, dict[str, Any]] = field(default_factory=dict)
    qualifying: int = 0


@dataclass(frozen=True, slots=True)
class _OwnUse:
    """What the order has counted under the caps since it was recorded, by rule, kind and period; and totals.

    It only grows: a correction gives no cap back, or what it leaves free could be used twice.
    """

    counted: dict[tuple[str, str, str], int]
    totals: dict[str, int]

    def of(self, key: CounterKey) -> int:
        """The order's own part of a counter."""
        return self.counted.get((key.rule, key.kind, key.period), 0)

    def count(self, key: CounterKey, used: int) -> int:
        """Note what it uses now; what the counter has to grow by."""
        own = self.of(key)
        self.counted[key.rule, key.kind, key.period] = max(own, used)
        return max(0, used - own)

    def to_record(self) -> dict[str, Any]:
        """JSON to keep with the order for the next correction."""
        return {
            "counted": [[*names, used] for names, used in sorted(self.counted.items())],
            "totals": self.totals,
        }


class _OwnUseForgotten(counters.StoredCounters):
    """Cap counters as if the order had not been recorded before."""

    def __init__(self, keys: frozenset[CounterKey], own: _OwnUse):
        super().__init__(keys)
        self._own = own

    def used(self, key: CounterKey) -> int:
        """What others have used."""
        return max(0, super().used(key) - self._own.of(key))

    def take_total(self, rule: str, wanted: int, limit: int) -> int:
        """What the order has of the total already, and what more of it is to be had."""
        own = self._own.totals.get(rule, 0)
        if wanted <= own:
            return wanted
        given = own + super().take_total(rule, wanted - own, limit)
        self._own.totals[rule] = given
        return given


def correct_order(*, order_id: str, content: Content, revision: int, now: datetime) -> Told:
    """Correct an order and book the difference; the same revision again answers as it stands.

    The rule versions, tier and tags are those of the first recording. What came back stays returned. Caps
    that were used are not given back; later orders whose bonus counted this one stay as they are.

    Raises OrderNotFound, OrderConflict (the revision was used with other content), RevisionOutdated,
    OrderCancelled, Invalid (another member, a quantity below what came back).
    """
    with transaction.atomic(savepoint=False):
        purchase, held = returning.enter(find(order_id), now)
        _check_member(purchase, content, now)
        if revision == purchase.revision:
            if purchase.content_hash != content.digest():
                raise OrderConflict(order_id=order_id)
            return _told(purchase, held, now, {})
        if revision < purchase.revision:
            raise RevisionOutdated(order_id=order_id, revision=purchase.revision)
        if purchase.status == Purchase.Status.CANCELLED:
            raise OrderCancelled(order_id=order_id)
        lines = stored.lines_of(purchase)
        _check_content(purchase, lines, content)
        before = _tier_numbers(purchase, lines)
        difference = _judge(purchase, content, lines, held, now)
        _regrant(purchase, content, difference, now)
        kept, booked = _book(purchase, content, difference, revision, now)
        was_at = purchase.ordered_at
        _rewrite(purchase, content, kept, revision)
        held = _requalify(purchase, difference, before, was_at, held, now)
        if purchase.member_id is not None:
            referrals.order_changed(
                purchase=purchase, lines=stored.lines_of(purchase), now=now, corrected=True
            )
        _tell(purchase, booked, now)
        return _told(purchase, held, now, booked)


def _check_member(purchase: Purchase, content: Content, now: datetime) -> None:
    fixed = Invalid.at(
        "/member", "fixed", _("A correction keeps the member; cancel the order and record another.")
    )
    if content.member is None and purchase.evaluation.get("guest"):
        # The till goes on calling it a guest's, whoever claimed it since.
        return
    if content.member is None or purchase.member is None:
        raise fixed
    found, _created = members.resolve_or_enrol(
        member_id=content.member.member_id, keys=content.member.keys, may_enrol=False, source="order", now=now
    )
    if found.id not in (purchase.member_id, purchase.member.merged_into_id):
        raise fixed


def _check_content(purchase: Purchase, lines: Sequence[PurchaseLine], content: Content) -> None:
    errors: list[FieldError] = []
    if content.completed_at != purchase.completed_at and content.completed_at is not None:
        errors.append(FieldError("/completed_at", "fixed", _("An order is completed by a call of its own.")))
    given = {line.line_id: (index, line) for index, line in enumerate(content.lines)}
    for line in lines:
        if not line.returned:
            continue
        index, new = given.get(line.line_id, (None, None))
        if new is None:
            detail = _("Line %(line)s came back in part and must stay.") % {"line": line.line_id}
            errors.append(FieldError("/lines", "returned_line", detail))
        elif new.quantity < line.returned:
            detail = _("%(returned)s of it came back already.") % {"returned": money.plain(line.returned, 0)}
            errors.append(FieldError(f"/lines/{index}/quantity", "less_than_returned", detail))
    if errors:
        raise Invalid(errors)


def _judge(
    purchase: Purchase,
    content: Content,
    lines: Sequence[PurchaseLine],
    held: tiers.Held | None,
    now: datetime,
) -> _Difference:
    """The verdict on the corrected order under each trigger it was judged by, and how it differs."""
    difference = _Difference()
    returned = {line.line_id: line.returned for line in lines}
    left = {
        line.line_id: line.quantity - returned.get(line.line_id, Decimal(0))
        for line in content.lines
        if line.quantity > returned.get(line.line_id, Decimal(0))
    }
    old_order, order = stored.order_of(purchase, lines), content.order()
    for trigger, evaluation in judging.recorded(purchase.evaluation).items():
        versions = {(result.rule, result.version) for result in evaluation.results}
        frames = framing.corrected(evaluation.results, current_brand().tz)
        rules = selectors.recorded_rules(sorted(versions), tiers=evaluation.tiers, frames=frames)
        known = _facts_of_then(purchase, evaluation, rules, content.ordered_at, held)
        own = _own_use(purchase, evaluation, rules, Event.of_order(old_order, trigger), known)
        judged = _evaluate(rules, Event.of_order(order, trigger), known, own)
        difference.used[trigger] = own.to_record()
        counted = judged.evaluation.results
        if any(returned.values()):
            results = rules.reevaluate(judged.evaluation, order, left)
            keeps = {each.rule: each.points for each in results}
            qualifying = sum(each.qualifying for each in results if each.currency == "points")
            granted = rejudging.without_returned(judged, order, left)
        else:
            granted = judged
            keeps = {each.rule: each.points for each in counted if each.reason is None}
            qualifying = judging.qualifying_points([judged])
        kept_before = purchase.evaluation.get("kept", {}).get(trigger)
        before = kept_before or {each.rule: each.points for each in evaluation.winners}
        difference.judged.append(judged)
        difference.granted.append(granted)
        difference.keeps[trigger] = keeps
        difference.more[trigger] = {
            rule: keeps.get(rule, 0) - before.get(rule, 0) for rule in sorted({*keeps, *before})
        }
        difference.qualifying += qualifying
    return difference


def _facts_of_then(
    purchase: Purchase, evaluation: Evaluation, rules: RuleSet, at: datetime, held: tiers.Held | None
) -> MemberFacts:
    """Facts of time and history as at the order; tier, tags and segments as they were recorded."""
    assert purchase.member is not None
    then: Mapping[str, Any] = evaluation.facts.get("earn", {})
    known = facts.member_facts(
        purchase.member,
        rules=rules,
        triggers=(evaluation.trigger,),
        at=at,
        tier=then.get("member.tier", held.code if held else None),
        without_order=purchase.order_id,
    )
    return replace(
        known,
        tags=then.get("member.tags", known.tags),
        segments=then.get("member.segments", known.segments),
        carry=evaluation.carry_in,
    )


def _own_use(
    purchase: Purchase, earlier: Evaluation, rules: RuleSet, recorded: Event, known: MemberFacts
) -> _OwnUse:
    """What earlier corrections wrote down, or what the first recording counted."""
    kept = purchase.evaluation.get("used", {}).get(earlier.trigger)
    if kept is not None:
        return _OwnUse(
            {(rule, kind, period): used for rule, kind, period, used in kept["counted"]},
            dict(kept["totals"]),
        )
    given = {result.rule: result.points for result in (*earlier.winners, *earlier.grants)}
    counted = {
        (key.rule, key.kind, key.period): given[key.rule] if key.kind == "points" else 1
        for key in rules.counter_keys(recorded, known)
        if key.rule in given
    }
    return _OwnUse(counted, given)


def _evaluate(rules: RuleSet, event: Event, known: MemberFacts, own: _OwnUse) -> Judged:
    used = _OwnUseForgotten(rules.counter_keys(event, known), own)
    evaluation = rules.evaluate(event, known, counters=used)
    counters.add({key: own.count(key, count) for key, count in evaluation.counters.items()})
    return Judged(event.trigger, evaluation, rules)


def _book(
    purchase: Purchase, content: Content, difference: _Difference, revision: int, now: datetime
) -> tuple[dict[str, Any], dict[str, int]]:
    """Post what the correction gives and take back what it takes; the order's new record, and the sums."""
    kept = dict(purchase.evaluation)
    book = rejudging.EntryBook(kept)
    raised = {trigger: list(entries) for trigger, entries in kept.get("raised", {}).items()}
    given = {"accrued": 0, "pending": 0, "debt_repaid": 0}
    for judged in difference.judged:
        more = difference.more[judged.trigger]
        for rule, points_more in more.items():
            book.take(judged.trigger, rule, -points_more)
        wanted = judging.correction_postings(
            judged,
            more,
            order_id=purchase.order_id,
            revision=revision,
            ordered_at=content.ordered_at,
            completed_at=purchase.completed_at,
        )
        if wanted and purchase.member_id is not None:
            posted = points.post(
                member_id=purchase.member_id,
                journal_id=ids.new(),
                entries=wanted,
                now=now,
                event_data={"source": "order.revision", "reference": f"{purchase.order_id}#{revision}"},
            )
            raised.setdefault(judged.trigger, []).extend(judging.entries_json(posted.entries, wanted, now))
            summary = judging.summary(posted.entries)
            given = {name: given[name] + summary[name] for name in given}
        kept[judged.trigger] = judged.evaluation.to_record()
    number = f"{purchase.order_id}#{revision}"
    taken, debt = returning.claw(purchase, book.items, returning.REVISION, number, now)
    back = -sum(entry["points"] for entry in taken if entry["points_currency"] == "points")
    kept |= {"kept": difference.keeps, "clawed": book.clawed, "raised": raised, "used": difference.used}
    if difference.judged:
        kept["points"] = _summary(kept, given, back)
    return kept, {**given, "taken_back": back, "debt": debt}


def _regrant(purchase: Purchase, content: Content, difference: _Difference, now: datetime) -> None:
    """Take back what the corrected order does not grant any more, and give what it grants now."""
    if purchase.member_id is None:
        return
    before = judging.recorded(purchase.evaluation)
    for judged in difference.granted:
        granted = {each.rule for each in judged.evaluation.grants}
        mall.take_back(
            source=judging.SOURCES[judged.trigger],
            reference=purchase.order_id,
            rules={each.rule for each in before[judged.trigger].grants} - granted,
            now=now,
        )
    judging.grant(purchase.member_id, difference.granted, purchase.order_id, content.ordered_at, now)


def _summary(kept: Mapping[str, Any], given: Mapping[str, int], back: int) -> dict[str, int]:
    """The order's points after the correction: what was given for it in all, less what was taken back."""
    first = kept.get("points", {"accrued": 0, "pending": 0, "debt_repaid": 0})
    return {
        "accrued": first["accrued"] + given["accrued"] - back,
        "pending": min(first["pending"] + given["pending"], first["accrued"] + given["accrued"] - back),
        "debt_repaid": first["debt_repaid"] + given["debt_repaid"],
    }


def _rewrite(purchase: Purchase, content: Content, kept: dict[str, Any], revision: int) -> None:
    purchases.rewrite(
        purchase,
        lines=[line_json(line) for line in content.lines],
        values={
            "ordered_at": content.ordered_at,
            "channel": content.channel,
            "store_id": content.store_id,
            "region": content.region,
            "amount": content.amount,
            "attributes": dict(content.attributes),
            "payments": [{"method": m, "amount": money.plain(a)} for m, a in content.payments],
            "content_hash": content.digest(),
            "evaluation": kept,
            "revision": revision,
        },
    )


def _tier_numbers(purchase: Purchase, lines: Sequence[PurchaseLine]) -> tuple[int, Decimal, int]:
    evaluations = judging.recorded(purchase.evaluation)
    paid = evaluations.get(judging.PAID)
    seen = rejudging.tier_lines(paid, lines) if paid else []
    return rejudging.counted(purchase.evaluation, evaluations, seen)


def _requalify(
    purchase: Purchase,
    difference: _Difference,
    before: tuple[int, Decimal, int],
    was_at: datetime,
    held: tiers.Held | None,
    now: datetime,
) -> tiers.Held | None:
    """Take off what the order counted for the tier, and count what it counts now, each on its own day."""
    if not difference.judged or purchase.member_id is None:
        return held
    lines = stored.lines_of(purchase)
    paid = difference.judged[0].evaluation
    seen = rejudging.tier_lines(paid, lines)
    spend = rejudging.spend_left(paid, seen)
    visits = 1 if any(line.quantity > line.returned for line in seen) else 0
    purchases.change(
        purchase,
        evaluation={
            **purchase.evaluation,
            "counted": {"points": difference.qualifying, "spend": str(spend), "visits": visits},
        },
        visible_earn=any(
            judging.sees(paid, [ln.line_id], "earn") for ln in lines if ln.quantity > ln.returned
        ),
        visible_bonus=any(
            judging.sees(paid, [ln.line_id], "bonus") for ln in lines if ln.quantity > ln.returned
        ),
    )
    now_counts = (difference.qualifying, spend, visits)
    if now_counts == before and was_at == purchase.ordered_at:
        return held
    reference = f"{purchase.order_id}#{purchase.revision}"
    source = "order.revision"
    off = tiers.Fact(was_at, -before[0], -before[1], -before[2], source, f"{reference}-")
    new = tiers.Fact(purchase.ordered_at, *now_counts, source, reference)
    return tiers.replace_fact(member_id=purchase.member_id, held=held, off=off, new=new, now=now)


def _told(purchase: Purchase, held: tiers.Held | None, now: datetime, booked: Mapping[str, int]) -> Told:
    account = None
    if purchase.member_id is not None:
        account = points.lock_account(member_id=purchase.member_id, now=now)
    told = recording.told_of(purchase, account=account, held=held)
    raised = [entry for entries in purchase.evaluation.get("raised", {}).values() for entry in entries]
    return replace(told, entries=[*told.entries, *raised], booked=dict(booked), revision=purchase.revision)


def _tell(purchase: Purchase, booked: Mapping[str, int], now: datetime) -> None:
    outbox.publish(
        type="order.corrected",
        payload={
            "order_id": purchase.order_id,
            "member_id": str(purchase.member_id) if purchase.member_id else None,
            "revision": purchase.revision,
            "points": dict(booked),
        },
        member_id=purchase.member_id,
        occurred_at=now,
    )
