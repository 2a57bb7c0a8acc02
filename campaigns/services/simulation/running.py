"""One pass over the recorded orders of a period: each judged by both rule sets, nothing written.

Caps and what rounding carries are kept in memory, from zero, in the order in which orders were processed.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from campaigns import framing, selectors
from campaigns.engine import CounterKey, Event, MemberFacts, RuleSet, compile_rules
from campaigns.facts import together
from campaigns.services.orders import judging
from campaigns.services.simulation import reading, report
from campaigns.services.simulation.past import Pasts, PastView
from campaigns.services.simulation.reading import Bought, Judgement
from campaigns.services.simulation.report import Body, Numbers, Outcome
from campaigns.services.simulation.scenario import Scenario
from campaigns.services.simulation.tally import Priced, Seen, Tally
from tenants.context import current_brand

TRIGGERS: Final = (judging.PAID, judging.COMPLETED)
Note = Callable[[int, Mapping[str, int]], None]


@dataclass(slots=True)
class Counters:
    """Cap counters that exist only here."""

    counted: dict[CounterKey, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)

    def used(self, key: CounterKey) -> int:
        """What was counted under the key since the beginning of the period."""
        return self.counted.get(key, 0)

    def take_total(self, rule: str, wanted: int, limit: int) -> int:
        """Take up to `wanted` points of the rule's total."""
        used = self.totals.get(rule, 0)
        granted = max(0, min(wanted, limit - used))
        self.totals[rule] = used + granted
        return granted

    def add(self, counts: Mapping[CounterKey, int]) -> None:
        """Add what an evaluation counted."""
        for key, count in counts.items():
            self.counted[key] = self.counted.get(key, 0) + count


@dataclass(slots=True)
class Side:
    """One of the two rule sets, with what it has used and given so far."""

    rules: RuleSet
    tally: Tally
    counters: Counters = field(default_factory=Counters)
    carry: dict[str, dict[str, Fraction]] = field(default_factory=dict)

    def judge(self, event: Event, member: MemberFacts, judged: Judgement) -> Any:
        """The set's verdict on one event, with its own caps and carry."""
        if self.rules.context.rounding == "carry":
            # What was carried in when the first order of the period was recorded begins the row.
            carried = self.carry.setdefault(member.member_id, dict(judged.carry_in))
            member = replace(member, carry=carried)
        found = self.rules.evaluate(event, member, counters=self.counters, known=judged.known)
        if found.counters:
            self.counters.add(found.counters)
        if found.carry_out:
            self.carry[member.member_id] = {**member.carry, **found.carry_out}
        return found


def run(scenario: Scenario, *, priced: Priced, until: datetime, note: Note) -> dict[str, Any]:
    """Simulate, and tell the outcome as JSON. `until` leaves out orders that were recorded later.

    `note` is told every thousand orders how many are done; what it raises ends the simulation.
    """
    return _Run(scenario, priced, until).all(note)


class _Run:
    def __init__(self, scenario: Scenario, priced: Priced, until: datetime) -> None:
        brand = current_brand()
        self.scenario, self.priced, self.until, self.tz = scenario, priced, until, brand.tz
        self.codes = selectors.tier_codes()
        context = selectors.brand_context(self.codes)
        self.published: list[tuple[Body, int]] = list(selectors.published_bodies())
        self.drafted = report.with_drafts(self.published, scenario)
        # A draft is tried on orders of the past, so its own campaign's time is left out of account.
        around = framing.frames(self.published, brand.tz)
        own = {draft["code"] for draft in scenario.drafts}
        tried = {code: frame for code, frame in around.items() if code not in own}
        self.today, self.draft = (
            Side(compile_rules(bodies, context, frames), Tally(brand, scenario.end, priced))
            for bodies, frames in ((self.published, around), (self.drafted, tried))
        )
        both = (*self.published, *self.drafted)
        self.triggers = {body["trigger"] for body, _version in both} & set(TRIGGERS)
        sides = (self.today.rules, self.draft.rules)
        self.pasts = Pasts(
            scenario.start,
            together([rules.history_needs(t, scenario.start) for rules in sides for t in TRIGGERS]),
        )
        self.numbers = Numbers()
        self.members: set[Any] = set()
        self._later: list[tuple[datetime, int, Bought]] = []

    def all(self, note: Note) -> dict[str, Any]:
        began, done = time.monotonic(), 0
        for portion in self._portions():
            self.pasts.meet(portion)
            for bought in portion:
                self._pass(bought)
            done += len(portion)
            note(done, {"judged": self.numbers.judged})
        self._complete_until(None)
        self.numbers.members = len(self.members)
        return report.told(
            Outcome(
                scenario=self.scenario,
                priced=self.priced,
                published=self.published,
                drafted=self.drafted,
                today=self.today.tally,
                draft=self.draft.tally,
                numbers=self.numbers,
                seconds=time.monotonic() - began,
            )
        )

    def _portions(self) -> Iterator[list[Bought]]:
        return reading.portions(self.scenario.start, self.scenario.end, self.until)

    def _pass(self, bought: Bought) -> None:
        self.numbers.orders += 1
        self._complete_until(bought.recorded_at)
        if bought.member_id is None:
            self.numbers.guests += 1
            return
        if judging.PAID in bought.judged:
            self.numbers.judged += 1
            self._judge(bought, judging.PAID)
            if reading.completes_with_paying(bought):
                self._judge(bought, judging.COMPLETED)
        self.pasts.add(bought)
        if judging.COMPLETED in self.triggers and bought.completed_later:
            at = max(bought.recorded_at, bought.completed_at or bought.recorded_at)
            heapq.heappush(self._later, (at, self.numbers.orders, bought))

    def _complete_until(self, at: datetime | None) -> None:
        """Judge completions that came before the next order, as they did then."""
        while self._later and (at is None or self._later[0][0] <= at):
            bought = heapq.heappop(self._later)[2]
            if judging.COMPLETED in bought.judged:
                self._judge(bought, judging.COMPLETED)

    def _judge(self, bought: Bought, trigger: str) -> None:
        judged, order = bought.judged[trigger], bought.order
        seen = self._seen(bought, judged)
        if seen is not None:
            self._note(bought, trigger, judged)
        if trigger not in self.triggers:
            return
        event = Event.of_order(order, trigger)
        member = self._member(bought, judged, trigger)
        for side in (self.today, self.draft):
            verdict = side.judge(event, member, judged)
            if seen is not None:
                side.tally.add(seen, verdict)

    def _note(self, bought: Bought, trigger: str, judged: Judgement) -> None:
        self.numbers.given += judged.given
        if trigger == judging.PAID:
            self.numbers.counted += 1
            self.numbers.lines += len(bought.order.lines)
            self.members.add(bought.member_id)

    def _tier(self, bought: Bought, judged: Judgement) -> str | None:
        known = judged.known.of("earn")
        if "member.tier" in known:
            tier: str | None = known["member.tier"]
            return tier
        assert bought.member_id is not None
        lowest = self.codes[0] if self.codes else None
        return self.pasts.of(bought.member_id).tier_at(bought.recorded_at, lowest)

    def _seen(self, bought: Bought, judged: Judgement) -> Seen | None:
        order, tier = bought.order, self._tier(bought, judged) or ""
        if not self.scenario.counts(order.store_id, order.channel, tier):
            return None
        return Seen(bought, tier, order.ordered_at.astimezone(self.tz).date().isoformat())

    def _member(self, bought: Bought, judged: Judgement, trigger: str) -> MemberFacts:
        assert bought.member_id is not None
        past = self.pasts.of(bought.member_id)
        passed = trigger == judging.COMPLETED and bought.completed_later
        processed_at = bought.recorded_at
        if passed and bought.completed_at is not None:
            processed_at = max(processed_at, bought.completed_at)
        return MemberFacts(
            member_id=judged.member_id,
            tier=self._tier(bought, judged),
            tags=past.tags,
            segments=past.segments,
            region=past.region,
            enrolled_at=past.enrolled_at,
            birthday=past.birthday,
            children=past.children,
            benefits=past.benefits_at(processed_at, bought.order.order_id),
            history=PastView(past, bought.visible if passed else (False, False)),
        )
