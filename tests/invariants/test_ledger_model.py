"""The ledger against an independent model: any operation, in any order, compared after each step."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from campaigns.services.merging import merge_members
from loyalty.lib import ids
from points import services as points
from points.models import Entry
from points.postings import ClawbackItem
from tenants.context import current_brand
from tenants.models import Brand
from tests.invariants.sides import HOLDERS, Holder, Sides, ends_by
from tests.points import model, support
from tests.support.brands import ANNA, BORIS

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "10"))
STEPS = int(os.environ.get("LEDGER_STEPS", "25"))
AMOUNT = st.integers(1, 60)
WHO = st.sampled_from(HOLDERS)
HOURS = st.sampled_from([0, 1, 5, 24, 30, 24 * 8, 24 * 40])
POLICIES = st.sampled_from(
    [
        {"policy": "never"},
        {"policy": "fixed", "on": "2026-12-24"},
        {"policy": "days", "days": 0},
        {"policy": "days", "days": 2},
        {"policy": "months", "months": 1},
        {"policy": "end_of_month", "months": 0},
        {"policy": "end_of_year", "years": 0},
        {"policy": "inactivity", "months": 1},
    ]
)


class LedgerMachine(Sides):
    """Every operation of the ledger, in any order."""

    @initialize(rich=st.booleans())
    def open(self, rich: bool) -> None:
        for holder in self.accounts:
            points.open_account(member_id=holder.member, currency=holder.currency, now=self.now)
        for holder in self.accounts:
            if rich:
                self.give(holder, [50, 50], {"policy": "days", "days": 5}, None, 0)
                self.give(holder, [50], {"policy": "never"}, None, 0)
        self.compare()

    @rule(
        who=WHO,
        amounts=st.lists(AMOUNT, min_size=1, max_size=3),
        policy=POLICIES,
        waits=st.sampled_from([None, "days", "instant", "event"]),
        late=st.sampled_from([0, 0, 9]),
    )
    def accrue(
        self, who: Holder, amounts: list[int], policy: dict[str, Any], waits: str | None, late: int
    ) -> None:
        self.give(who, amounts, policy, waits, late)

    def give(
        self, who: Holder, amounts: list[int], policy: dict[str, Any], waits: str | None, late: int
    ) -> None:
        """One journal of several rules. `late`: the order is that many days old, and may come too late."""
        who = self.now_as(who)
        reference = self.reference()
        earned = self.now - timedelta(days=late)
        ends, idle = ends_by(policy, earned), policy["months"] if policy["policy"] == "inactivity" else None
        opens = {"days": self.now + timedelta(days=2), "instant": self.now + timedelta(hours=3)}.get(
            waits or ""
        )
        more = {
            "currency": who.currency,
            "effective_at": earned,
            "expires_at": ends,
            "inactivity_months": idle,
            "available_at": opens,
            "waits_for": "order.completed" if waits == "event" else None,
            "waits_ref": reference if waits == "event" else None,
        }
        journal = ids.new()
        account = self.accounts[who]
        written: list[model.Entry] = []

        def ideal() -> None:
            self.stopped(who, earn=True)
            for amount in amounts:
                entry = account.write("accrual", amount, journal=reference)
                lot = account.open(
                    entry,
                    amount,
                    born=self.count * 1000 + len(written),
                    pending=waits is not None,
                    opens=opens,
                    waits=reference if waits == "event" else None,
                    ends=ends,
                    idle_months=idle,
                )
                account.active = max(account.active or earned, earned)
                account.repay(lot)
                written.append(entry)

        def real() -> Any:
            entries = [support.accrual(a, reference, f"r{i}", **more) for i, a in enumerate(amounts)]
            return points.post(member_id=who.member, journal_id=journal, entries=entries, now=self.now)

        result = self.both(real, ideal, settles=[who])
        if result is not None:
            for entry, real_entry in zip(written, result.entries, strict=True):
                self.real_of[entry] = real_entry.entry_id

    @rule(who=WHO, amount=AMOUNT, again=st.booleans())
    def burn(self, who: Holder, amount: int, again: bool) -> None:
        who = self.now_as(who)
        reference = self.reference()
        account = self.accounts[who]
        written: list[model.Entry] = []

        def ideal() -> None:
            self.stopped(who, burn=True)
            written.append(account.burn("burn", amount, self.now))

        def real() -> Any:
            return points.burn(
                member_id=who.member, currency=who.currency, points=amount, reference=reference, now=self.now
            )

        result = self.both(real, ideal, settles=[who])
        if result is not None:
            self.real_of[written[0]] = result.entry.entry_id
            if again:
                repeated = real()
                assert repeated.replayed
                assert repeated.entry.entry_id == result.entry.entry_id
                self.compare(who)

    @rule(who=WHO, amount=st.integers(-40, 60).filter(bool))
    def adjust(self, who: Holder, amount: int) -> None:
        who = self.now_as(who)
        reference = self.reference()
        account = self.accounts[who]
        written: list[model.Entry] = []

        def ideal() -> None:
            if amount < 0:
                written.append(account.burn("adjustment", -amount, self.now))
                return
            written.append(account.write("adjustment", amount, journal=reference))
            account.repay(account.open(written[0], amount, born=self.count * 1000))

        def real() -> Any:
            return points.adjust(
                member_id=who.member, currency=who.currency, points=amount, reference=reference,
                reason="r", actor="a", now=self.now,
            )  # fmt: skip

        result = self.both(real, ideal, settles=[who])
        if result is not None:
            self.real_of[written[0]] = result.entry.entry_id

    @rule(who=WHO, amount=AMOUNT, hours=st.sampled_from([1, 24, 24 * 5]))
    def hold(self, who: Holder, amount: int, hours: int) -> None:
        who = self.now_as(who)
        reference = self.reference()
        account = self.accounts[who]
        ends = self.now + timedelta(hours=hours)
        placed: list[model.Hold] = []

        def ideal() -> None:
            self.stopped(who, burn=True)
            parts = account.take(amount)
            for lot, part in parts:
                lot.held += part
            placed.append(model.Hold(account, parts, ends, amount, self.now))
            account.holds.append(placed[0])

        def real() -> Any:
            return points.hold(
                member_id=who.member, currency=who.currency, points=amount, reference=reference,
                expires_at=ends, now=self.now,
            )  # fmt: skip

        result = self.both(real, ideal, settles=[who])
        if result is not None:
            self.ids[placed[0]] = result.hold_id  # type: ignore[index]

    def holds(self) -> list[model.Hold]:
        return [hold for account in self.accounts.values() for hold in account.holds]

    @precondition(lambda self: self.holds())
    @rule(data=st.data(), part=st.sampled_from([None, 1, 10, 100]))
    def capture(self, data: Any, part: int | None) -> None:
        hold = data.draw(st.sampled_from(self.holds()))
        if hold.status == "captured" and (part or hold.points) == hold.captured:
            return
        who = self.holder_of(hold.account)
        written: list[model.Entry] = []

        def ideal() -> None:
            if hold.status == "open":
                self.stopped(who, burn=True)
            written.append(hold.account.capture(hold, part or hold.points, self.now))

        result = self.both(
            lambda: points.capture(hold_id=self.ids[hold], points=part, now=self.now), ideal, settles=[who]
        )
        if result is not None:
            self.real_of[written[0]] = result.entry.entry_id

    @precondition(lambda self: any(hold.status == "open" for hold in self.holds()))
    @rule(data=st.data())
    def void(self, data: Any) -> None:
        hold = data.draw(st.sampled_from([hold for hold in self.holds() if hold.status == "open"]))
        who = self.holder_of(hold.account)

        def ideal() -> None:
            if hold.status != "open":
                raise model.Refused("hold_ended")
            hold.account.release(hold, self.now, "voided")

        self.both(lambda: points.void(hold_id=self.ids[hold], now=self.now), ideal, settles=[who])

    def debits(self) -> list[model.Entry]:
        return [entry for entry in self.ids if isinstance(entry, model.Entry) and entry.points < 0]

    @precondition(lambda self: self.debits())
    @rule(data=st.data(), part=st.one_of(st.none(), AMOUNT), grace=st.sampled_from([0, 3]))
    def give_back(self, data: Any, part: int | None, grace: int) -> None:
        origin = data.draw(st.sampled_from(self.debits()))
        who = self.holder_of(origin.account)
        reference = self.reference()
        current_brand().settings["restore_grace_days"] = grace
        until = None
        if grace:
            local = self.now.astimezone(model.TZ).replace(hour=0, minute=0, second=0, microsecond=0)
            until = local + timedelta(days=grace + 1)
        amount = -origin.points - origin.undone if part is None else part
        self.both(
            lambda: points.reverse(entry_id=self.ids[origin], points=part, reference=reference, now=self.now),
            lambda: origin.account.give_back(origin, amount, self.now, until),
            settles=[who, self.now_as(who)],
        )

    @precondition(lambda self: self.credits())
    @rule(data=st.data(), parts=st.lists(AMOUNT, min_size=1, max_size=3), all_=st.booleans())
    def claw_back(self, data: Any, parts: list[int], all_: bool) -> None:
        """Parts of the entries of one journal, or all that is left of one entry by reversing it."""
        first = data.draw(st.sampled_from(self.credits()))
        origins = [e for e in self.credits() if e.journal == first.journal][: len(parts)]
        items = list(zip(origins, parts, strict=False))
        who = self.now_as(self.holder_of(first.account))
        reference = self.reference()
        if all_:
            items = [(first, first.points - first.undone)]

        def real() -> Any:
            if all_:
                return points.reverse(entry_id=self.real_of[first], reference=reference, now=self.now)
            wanted = [ClawbackItem(self.real_of[o], p, rule=f"r{i}") for i, (o, p) in enumerate(items)]
            return points.clawback(
                member_id=who.member, journal_id=ids.new(), items=wanted, source="return",
                reference=reference, now=self.now,
            )  # fmt: skip

        def ideal() -> None:
            if not items[0][1]:
                raise model.Refused("reversal_exceeds_entry")
            self.accounts[who].claw(items)

        self.both(real, ideal, settles=[who])

    def pending(self) -> list[model.Entry]:
        lots = [lot for account in self.accounts.values() for lot in account.lots]
        return [lot.entry for lot in lots if lot.pending and lot.free]

    @precondition(lambda self: self.pending())
    @rule(data=st.data(), cancel=st.booleans())
    def decide_pending(self, data: Any, cancel: bool) -> None:
        """What one entry keeps pending is made available, or taken back, by hand."""
        entry = data.draw(st.sampled_from(self.pending()))
        account = entry.account.home or entry.account
        reference = self.reference()

        def ideal() -> None:
            lots = [lot for lot in account.lots if lot.entry is entry and lot.pending and lot.free]
            if not lots:
                raise model.Refused("not_pending")
            if cancel:
                account.claw([(entry, sum(lot.free for lot in lots))])
            for lot in lots:
                lot.pending = False
                account.repay(lot)

        def real() -> Any:
            if cancel:
                return points.cancel_pending(entry_id=self.real_of[entry], reference=reference, now=self.now)
            return points.activate_entry(entry_id=self.real_of[entry], now=self.now)

        self.both(real, ideal, settles=[self.holder_of(account)])

    @rule(member=st.sampled_from([ANNA, BORIS]), perhaps=st.integers(0, 5))
    def merge(self, member: UUID, perhaps: int) -> None:
        """Both become one, once, and not too early: what follows goes to the one who stays."""
        into = BORIS if member == ANNA else ANNA
        if perhaps or any(account.home for account in self.accounts.values()):
            return
        pairs = [(old, Holder(into, old.currency)) for old in HOLDERS if old.member == member]

        def ideal() -> None:
            for old, new in pairs:
                source, target = self.accounts[old], self.accounts[new]
                target.active = max(filter(None, (target.active, source.active)), default=None)
                source.move(target)
                source.home = target
                target.holds.sort(key=lambda hold: self.ids[hold])  # type: ignore[index]
            both = self.frozen.get(member, (False, False)), self.frozen.get(into, (False, False))
            self.frozen[into] = both[0][0] or both[1][0], both[0][1] or both[1][1]

        def real() -> Any:
            return merge_members(member_id=member, into_id=into, actor="model", now=self.now)

        self.both(real, ideal, settles=[holder for pair in pairs for holder in pair])

    @rule(giver=st.sampled_from(HOLDERS[:2]), amount=AMOUNT)
    def transfer(self, giver: Holder, amount: int) -> None:
        taker = HOLDERS[1] if giver == HOLDERS[0] else HOLDERS[0]
        if self.now_as(giver) == self.now_as(taker):
            return
        reference = self.reference()
        source, target = self.accounts[giver], self.accounts[taker]

        def ideal() -> None:
            self.stopped(giver, burn=True)
            self.stopped(taker, earn=True)
            parts = [(lot, part, source.end(lot)) for lot, part in source.take(amount)]
            source.write("transfer", -amount)
            entry = target.write("transfer", amount)
            for number, (_lot, part, end) in enumerate(parts):
                target.repay(
                    target.open(
                        entry, part, born=self.count * 1000 + number, ends=None if end == model.NEVER else end
                    )
                )

        def real() -> Any:
            return points.transfer(
                from_member_id=giver.member, to_member_id=taker.member, points=amount,
                reference=reference, now=self.now,
            )  # fmt: skip

        self.both(real, ideal, settles=[giver, taker])

    @rule(data=st.data())
    def complete(self, data: Any) -> None:
        waiting = sorted({lot.waits for a in self.accounts.values() for lot in a.lots if lot.waits})
        if not waiting:
            return
        which = data.draw(st.sampled_from(waiting))
        for account in self.accounts.values():
            account.settle(self.now)
            for lot in account.lots:
                if lot.waits == which and lot.pending and lot.free:
                    lot.pending = False
                    account.repay(lot)
        points.activate(waits_for="order.completed", waits_ref=which, now=self.now)
        self.compare()

    @rule(member=st.sampled_from([ANNA, BORIS]), earn=st.booleans(), burn=st.booleans())
    def freeze(self, member: UUID, earn: bool, burn: bool) -> None:
        self.frozen[member] = earn, burn
        points.freeze(member_id=member, earn=earn, burn=burn, reason="r", now=self.now)
        self.compare()

    @rule()
    def thaw(self) -> None:
        for member in self.frozen:
            points.unfreeze(member_id=member, now=self.now)
        self.frozen = {}
        self.compare()

    @rule(hours=HOURS, sweep=st.booleans())
    def wait(self, hours: int, sweep: bool) -> None:
        self.now += timedelta(hours=hours)
        if sweep:
            points.expire_due(now=self.now)
        self.compare(*(HOLDERS if sweep else ()))


def test_the_ledger_does_what_the_model_does(in_acme: Brand) -> None:
    """Any order of operations leaves the same numbers, lots and entries, and sound books."""
    before = dict(in_acme.settings)
    try:
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                report_multiple_bugs=False,
                print_blob=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        in_acme.settings = before
    assert Entry.objects.count() == 0
