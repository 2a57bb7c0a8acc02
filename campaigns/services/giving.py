"""What the rules give for something that happened: to the member, and to whoever referred them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from campaigns import facts
from campaigns.engine import Evaluation, Event, MemberFacts, RuleResult, RuleSet
from campaigns.services import counters, gifts
from campaigns.services.orders import judging
from loyalty.lib import ids
from mall import services as mall
from members.models import Member
from points import selectors as ledger
from points import services as points
from points.postings import AccountState, ClawbackItem
from points.services import tiers

REFERRER: Final = "referrer"


@dataclass(frozen=True, slots=True)
class Party:
    """A member under the lock on their account, with what they hold."""

    member: Member
    account: AccountState
    held: tiers.Held | None


@dataclass(frozen=True, slots=True)
class Side:
    """What one member was given: `counted` of it for the tier."""

    account: AccountState
    journal_id: UUID | None = None
    entries: tuple[dict[str, Any], ...] = ()
    points: Mapping[str, int] = field(default_factory=dict)
    counted: int = 0

    def record(self) -> dict[str, Any]:
        """As it is kept for repeats; nothing where nothing was given."""
        return {"entries": list(self.entries), "points": dict(self.points)} if self.entries else {}

    def kept(self) -> dict[str, Any]:
        """As it is kept to be taken back from this member."""
        return {"member_id": str(self.account.member_id), "counted": self.counted, **self.record()}


@dataclass(frozen=True, slots=True)
class Given:
    """What came of an event: the verdict, and each side of it."""

    evaluation: Evaluation
    own: Side
    theirs: Side | None = None


def give(
    *,
    event: Event,
    party: Party,
    rules: RuleSet,
    source: str,
    now: datetime,
    referrer: Party | None = None,
    completed_at: datetime | None = None,
) -> Given:
    """Judge an event without lines of its own and post what the rules give, one entry for each rule.

    The referrer's entries have the source `<source>.referrer`. Who may not earn gets nothing and uses up no
    cap. The caller holds the locks on both accounts, and calls this once for an event.
    """
    known = _facts(party, rules, event)
    known_referrer = _facts(referrer, rules, event) if referrer is not None else None
    used = counters.StoredCounters(rules.counter_keys(event, known, referrer=known_referrer))
    parties = [party] if referrer is None else [party, referrer]
    frozen = {str(each.member.pk) for each in parties if each.account.earn_frozen}
    evaluation = rules.evaluate(event, known, counters=used, referrer=known_referrer, idle=frozen)
    counters.add({key: n for key, n in evaluation.counters.items() if key.member_id not in frozen})
    own = [each for each in evaluation.results if each.receiver != REFERRER]
    side = _side(own, party, event, source, completed_at, now)
    if referrer is None:
        return Given(evaluation, side)
    theirs = [each for each in evaluation.results if each.receiver == REFERRER]
    other = _side(theirs, referrer, event, f"{source}.{REFERRER}", completed_at, now)
    return Given(evaluation, side, other)


def _facts(party: Party, rules: RuleSet, event: Event) -> MemberFacts:
    return facts.member_facts(
        party.member,
        rules=rules,
        triggers=(event.trigger,),
        at=event.occurred_at,
        tier=party.held.code if party.held else None,
        without_order=event.order.order_id if event.order else "",
    )


def _side(
    results: Sequence[RuleResult],
    party: Party,
    event: Event,
    source: str,
    completed_at: datetime | None,
    now: datetime,
) -> Side:
    wanted = judging.event_postings(results, source, event.reference, event.occurred_at, completed_at)
    if party.account.earn_frozen:
        return Side(party.account)
    gifts.give(
        results,
        member_id=party.member.pk,
        source=source,
        reference=event.reference,
        at=event.occurred_at,
        now=now,
    )
    if not wanted:
        return Side(party.account)
    journal_id = ids.new()
    posted = points.post(
        member_id=party.member.pk,
        journal_id=journal_id,
        entries=wanted,
        now=now,
        event_data={"source": source, "reference": event.reference},
    )
    count = judging.counting(results)
    if count:
        fact = tiers.Fact(event.occurred_at, count, Decimal(0), 0, source, event.reference)
        tiers.qualify(member_id=party.member.pk, held=party.held, fact=fact, now=now)
    return Side(
        posted.accounts.get("points", party.account),
        journal_id,
        tuple(judging.entries_json(posted.entries, wanted, now)),
        judging.summary(posted.entries),
        count,
    )


def take_back(
    *,
    member_id: UUID,
    entries: Sequence[Mapping[str, Any]],
    counted: int,
    grants: Collection[str],
    given_as: str,
    source: str,
    reference: str,
    at: datetime,
    now: datetime,
) -> int:
    """Take back what was given for something that happened at `at`: points, what counted for the tier, and
    what `grants`, rules by code, gave besides. Returns the points.

    What was reversed by hand meanwhile is gone already. `given_as` is the source that it was given under,
    `source` the one that it is taken back under. The caller holds the lock on the member's account.
    """
    by_id = {UUID(each["entry_id"]): each for each in entries}
    left = {entry_id: n for entry_id, n in ledger.left_of_entries(list(by_id)).items() if n > 0}
    if left:
        points.clawback(
            member_id=member_id,
            journal_id=ids.new(),
            items=[ClawbackItem(entry_id, n, by_id[entry_id]["rule"]) for entry_id, n in left.items()],
            source=source,
            reference=reference,
            now=now,
            event_data={"source": source, "reference": reference},
        )
    if counted:
        fact = tiers.Fact(at, -counted, Decimal(0), 0, source, reference)
        held = tiers.held(member_id=member_id, now=now, reference=reference)
        tiers.disqualify(member_id=member_id, held=held, fact=fact, now=now)
    mall.take_back(source=given_as, reference=reference, rules=grants, now=now)
    return sum(left.values())
