"""From an evaluation of the rules to the ledger's postings, and what is kept of it with the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from campaigns import facts as memberfacts
from campaigns.engine import Counters, Evaluation, Event, MemberFacts, Order, RuleResult, RuleSet
from campaigns.engine.exact import plain
from campaigns.services import counters, gifts
from loyalty.lib import instants
from points import expiry
from points.postings import EntryResult, Posting, SystemAccount
from tenants.context import current_brand

PAID: Final = "order.paid"
COMPLETED: Final = "order.completed"
# The source of the ledger entries of each trigger: a rule may change its trigger, so they are told apart.
SOURCES: Final = {PAID: "order", COMPLETED: "order.completed"}
MICRO: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Judged:
    """The rules' verdict on one order under one trigger."""

    trigger: str
    evaluation: Evaluation
    rules: RuleSet


def judge(
    order: Order, member: MemberFacts, rules: RuleSet, triggers: Iterable[str], *, preview: bool = False
) -> list[Judged]:
    """Evaluate the order under each trigger, with the tier and facts of `member`.

    Unless it is a preview the caller holds the member's lock, and totals are taken.
    """
    judged: list[Judged] = []
    for trigger in triggers:
        event = Event.of_order(order, trigger)
        keys = rules.counter_keys(event, member)
        used: Counters = counters.ReadCounters(keys) if preview else counters.StoredCounters(keys)
        evaluation = rules.evaluate(event, member, counters=used)
        member = replace(member, carry={**member.carry, **evaluation.carry_out})
        judged.append(Judged(trigger, evaluation, rules))
    return judged


def count(member_id: UUID, judged: Sequence[Judged]) -> None:
    """Add what was given to the cap counters, and keep what flooring cut."""
    for each in judged:
        counters.add(each.evaluation.counters)
        if each.evaluation.carry_out:
            memberfacts.store_carry(member_id, each.evaluation.carry_out)


def grant(
    member_id: UUID, judged: Sequence[Judged], order_id: str, ordered_at: datetime, now: datetime
) -> None:
    """Record what was granted besides points."""
    for each in judged:
        gifts.give(
            each.evaluation.grants,
            member_id=member_id,
            source=SOURCES[each.trigger],
            reference=order_id,
            at=ordered_at,
            now=now,
        )


def postings(
    judged: Sequence[Judged], *, order_id: str, ordered_at: datetime, completed_at: datetime | None
) -> list[Posting]:
    """One ledger entry for each rule that gave points."""
    return [
        _posting(result, SOURCES[each.trigger], order_id, ordered_at, completed_at)
        for each in judged
        for result in each.evaluation.winners
    ]


def event_postings(
    results: Iterable[RuleResult],
    source: str,
    reference: str,
    at: datetime,
    completed_at: datetime | None = None,
) -> list[Posting]:
    """One ledger entry for each of these results that gives points, for something that happened at `at`.

    `completed_at` is that of the order behind it, where there is one.
    """
    return [_posting(each, source, reference, at, completed_at) for each in results if each.points > 0]


def read_record(kept: Mapping[str, Any]) -> Evaluation:
    """An evaluation as it was kept."""
    return Evaluation.from_record(kept)


def correction_postings(
    judged: Judged,
    more: Mapping[str, int],
    *,
    order_id: str,
    revision: int,
    ordered_at: datetime,
    completed_at: datetime | None,
) -> list[Posting]:
    """One ledger entry for each rule that a correction gives more to: `more` points by rule."""
    source = f"{SOURCES[judged.trigger]}.revision"
    return [
        _posting(result, source, order_id, ordered_at, completed_at)._replace(
            points=more[result.rule], reference=f"{order_id}#{revision}"
        )
        for result in judged.evaluation.winners
        if more.get(result.rule, 0) > 0
    ]


def _posting(
    result: RuleResult, source: str, order_id: str, ordered_at: datetime, completed_at: datetime | None
) -> Posting:
    brand = current_brand()
    policy = result.expiry or brand.setting("expiry")
    available_at, waits_for = result.available_at, result.waits_for
    if waits_for == COMPLETED and completed_at is not None:
        available_at, waits_for = completed_at, None
    return Posting(
        kind="accrual",
        points=result.points,
        direction=1,
        system_account=SystemAccount.ISSUANCE,
        source=source,
        reference=order_id,
        rule=result.rule,
        rule_version=result.version,
        currency=result.currency,
        effective_at=ordered_at,
        available_at=available_at,
        waits_for=waits_for,
        waits_ref=order_id if waits_for else None,
        expires_at=expiry.expires_at(policy, ordered_at, brand.tz),
        inactivity_months=expiry.inactivity_months(policy),
        cost_centre=result.cost_centre,
        explanation={"effect": result.effect, "basis": plain(result.basis), "lines": list(result.lines)},
    )


def entries_json(
    entries: Sequence[EntryResult], postings: Sequence[Posting], now: datetime
) -> list[dict[str, Any]]:
    """The entries as the API tells them and as they are kept for repeats, in the order of the postings."""
    written = {(entry.rule, entry.currency): entry for entry in entries}
    return [
        posting_json(posting, now) | {"entry_id": str(written[posting.rule, posting.currency].entry_id)}
        for posting in postings
    ]


def posting_json(posting: Posting, now: datetime) -> dict[str, Any]:
    """An entry that is or would be written."""
    told: dict[str, Any] = {
        "entry_id": None,
        "points": posting.points,
        "points_currency": posting.currency,
        "rule": posting.rule,
        "version": posting.rule_version,
        "available_at": None if posting.waits_for else instants.text(posting.available_at or now),
        "expires_at": instants.text(posting.expires_at) if posting.expires_at else None,
    }
    if posting.waits_for:
        told["waits_for"] = posting.waits_for
    return told


def summary(entries: Sequence[EntryResult], currency: str = "points") -> dict[str, int]:
    """Points of one currency: all that was given, the part that is not yet available, what repaid debt."""
    own = [entry for entry in entries if entry.currency == currency]
    return {
        "accrued": sum(entry.points for entry in own),
        "pending": sum(entry.points for entry in own if entry.pending),
        "debt_repaid": sum(entry.debt_repaid for entry in own),
    }


def qualifying_points(judged: Sequence[Judged], currency: str = "points") -> int:
    """What counts for the tier where tiers go by points."""
    return sum(counting(each.evaluation.winners, currency) for each in judged)


def counting(results: Iterable[RuleResult], currency: str = "points") -> int:
    """How much of these results counts for the tier."""
    return sum(result.qualifying for result in results if result.currency == currency and result.points > 0)


def money(amount: Fraction) -> Decimal:
    """An exact amount of money as it is stored: six digits after the point, the rest cut."""
    return (Decimal(amount.numerator * 10**6 // amount.denominator) * MICRO).quantize(MICRO)


def sees(evaluation: Evaluation, lines: Iterable[str], act: str) -> bool:
    """Whether any of these lines exists for an act (`earn`, `bonus`, `tier`)."""
    return any(act not in evaluation.blocked.get(line_id, ()) for line_id in lines)


def record(judged: Sequence[Judged]) -> dict[str, Any]:
    """What is kept of the verdicts, by trigger, so that a return can judge anew."""
    return {each.trigger: each.evaluation.to_record() for each in judged}


def recorded(evaluation: Mapping[str, Any]) -> dict[str, Evaluation]:
    """The evaluations kept with an order, by trigger."""
    return {
        trigger: Evaluation.from_record(evaluation[trigger])
        for trigger in (PAID, COMPLETED)
        if trigger in evaluation
    }
