"""The ledger against an independent model: any operation, in any order, compared after each step."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loyalty.lib import ids
from loyalty.lib.errors import Refusal
from points import selectors
from points import services as points
from points.models import Entry, Lot
from points.postings import ClawbackItem
from tenants.context import current_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.points import model, support
from tests.support.brands import ANNA, BORIS

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "20"))
STEPS = int(os.environ.get("LEDGER_STEPS", "25"))
AMOUNT = st.integers(1, 60)
WHO = st.sampled_from([ANNA, BORIS])
HOURS = st.sampled_from([0, 1, 5, 24, 30, 24 * 8, 24 * 40])


class LedgerMachine(RuleBasedStateMachine):
    """Both sides do the same; they must answer the same and look the same afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.count = 0
        self.ids: dict[int, Any] = {}
        self.accounts = {member: model.Account(NOW) for member in (ANNA, BORIS)}
        self.savepoint = transaction.savepoint()

    def teardown(self) -> None:
        support.assert_sound()
        transaction.savepoint_rollback(self.savepoint)

    # --- plumbing

    def reference(self) -> str:
        self.count += 1
        return f"ref-{self.count}"

    def both(self, real: Any, ideal: Any, *, settles: list[Any]) -> Any:
        """Run both sides; the same refusal code or the same numbers. Returns the real side's result."""
        for member in settles:
            self.accounts[member].settle(self.now)
        refused = told = None
        try:
            ideal()
        except model.Refused as error:
            refused = str(error)
        try:
            with transaction.atomic():
                result = real()
        except Refusal as error:
            told = error.code
            for member in settles:
                points.settle(member_id=member, now=self.now)
            result = None
        assert told == refused
        self.compare()
        return result

    def compare(self) -> None:
        for member, account in self.accounts.items():
            view = selectors.account_view(member, self.now)
            account.settle(self.now)
            assert (view.available, view.pending, view.held, view.debt) == account.numbers()
            assert (
                support.book(member)
                == [(entry.kind, entry.points, entry.balance) for entry in account.entries][
                    : len(support.book(member))
                ]
            )

    def credits(self) -> list[model.Entry]:
        return [
            entry
            for account in self.accounts.values()
            for entry in account.entries
            if entry.points > 0 and entry.kind in ("accrual", "adjustment") and entry in self.real_of
        ]

    @property
    def real_of(self) -> dict[model.Entry, Any]:
        return self.ids  # type: ignore[return-value]

    # --- operations

    @initialize()
    def open(self) -> None:
        for member in self.accounts:
            points.open_account(member_id=member, now=self.now)

    @rule(
        member=WHO,
        amounts=st.lists(AMOUNT, min_size=1, max_size=3),
        lives=st.sampled_from([None, 1, 3, 30, -1]),
        waits=st.sampled_from([None, "days", "event"]),
        idle=st.sampled_from([None, None, 1]),
    )
    def accrue(
        self, member: Any, amounts: list[int], lives: int | None, waits: str | None, idle: int | None
    ) -> None:
        reference = self.reference()
        ends = None if idle or lives is None else self.now + timedelta(days=lives)
        opens = self.now + timedelta(days=2) if waits == "days" else None
        more = {
            "expires_at": ends,
            "inactivity_months": idle,
            "available_at": opens,
            "waits_for": "order.completed" if waits == "event" else None,
            "waits_ref": reference if waits == "event" else None,
        }
        journal = ids.new()
        account = self.accounts[member]
        written: list[model.Entry] = []

        def ideal() -> None:
            for amount in amounts:
                entry = account.write("accrual", amount, journal=reference)
                lot = account.open(
                    entry,
                    amount,
                    born=self.count * 10 + len(written),
                    pending=waits is not None,
                    opens=opens,
                    waits=reference if waits == "event" else None,
                    ends=ends,
                    idle_months=idle,
                )
                account.active = max(account.active, self.now)
                account.repay(lot)
                written.append(entry)

        def real() -> Any:
            entries = [support.accrual(a, reference, f"r{i}", **more) for i, a in enumerate(amounts)]
            return points.post(member_id=member, journal_id=journal, entries=entries, now=self.now)

        result = self.both(real, ideal, settles=[member])
        for entry, real_entry in zip(written, result.entries, strict=True):
            self.real_of[entry] = real_entry.entry_id

    @rule(member=WHO, amount=AMOUNT, again=st.booleans())
    def burn(self, member: Any, amount: int, again: bool) -> None:
        reference = self.reference()
        account = self.accounts[member]
        written: list[model.Entry] = []

        def real() -> Any:
            return points.burn(member_id=member, points=amount, reference=reference, now=self.now)

        result = self.both(
            real, lambda: written.append(account.burn("burn", amount, self.now)), settles=[member]
        )
        if result is not None:
            self.real_of[written[0]] = result.entry.entry_id
            if again:
                repeated = real()
                assert repeated.replayed
                assert repeated.entry.entry_id == result.entry.entry_id
                self.compare()

    @rule(member=WHO, amount=st.integers(-40, 60).filter(bool))
    def adjust(self, member: Any, amount: int) -> None:
        reference = self.reference()
        account = self.accounts[member]
        written: list[model.Entry] = []

        def ideal() -> None:
            if amount < 0:
                written.append(account.burn("adjustment", -amount, self.now))
                return
            written.append(account.write("adjustment", amount, journal=reference))
            account.repay(account.open(written[0], amount, born=self.count * 10))

        def real() -> Any:
            return points.adjust(
                member_id=member, points=amount, reference=reference, reason="r", actor="a", now=self.now
            )

        result = self.both(real, ideal, settles=[member])
        if result is not None:
            self.real_of[written[0]] = result.entry.entry_id

    @rule(member=WHO, amount=AMOUNT, hours=st.sampled_from([1, 24, 24 * 5]))
    def hold(self, member: Any, amount: int, hours: int) -> None:
        reference = self.reference()
        account = self.accounts[member]
        ends = self.now + timedelta(hours=hours)
        placed: list[model.Hold] = []

        def ideal() -> None:
            parts = account.take(amount)
            for lot, part in parts:
                lot.held += part
            placed.append(model.Hold(account, parts, ends))
            account.holds.append(placed[0])

        def real() -> Any:
            return points.hold(
                member_id=member, points=amount, reference=reference, expires_at=ends, now=self.now
            )

        result = self.both(real, ideal, settles=[member])
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
        member = next(m for m, account in self.accounts.items() if account is hold.account)
        written: list[model.Entry] = []
        result = self.both(
            lambda: points.capture(hold_id=self.ids[hold], points=part, now=self.now),
            lambda: written.append(hold.account.capture(hold, part or hold.points, self.now)),
            settles=[member],
        )
        if result is not None:
            self.real_of[written[0]] = result.entry.entry_id

    @precondition(lambda self: any(hold.status == "open" for hold in self.holds()))
    @rule(data=st.data())
    def void(self, data: Any) -> None:
        hold = data.draw(st.sampled_from([hold for hold in self.holds() if hold.status == "open"]))
        member = next(m for m, account in self.accounts.items() if account is hold.account)

        def ideal() -> None:
            if hold.status != "open":
                raise model.Refused("hold_ended")
            hold.account.release(hold, self.now, "voided")

        self.both(lambda: points.void(hold_id=self.ids[hold], now=self.now), ideal, settles=[member])

    def debits(self) -> list[model.Entry]:
        return [entry for entry in self.ids if isinstance(entry, model.Entry) and entry.points < 0]

    @precondition(lambda self: self.debits())
    @rule(data=st.data(), part=st.one_of(st.none(), AMOUNT), grace=st.sampled_from([0, 3]))
    def give_back(self, data: Any, part: int | None, grace: int) -> None:
        origin = data.draw(st.sampled_from(self.debits()))
        member = next(m for m, account in self.accounts.items() if account is origin.account)
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
            settles=[member],
        )

    @precondition(lambda self: self.credits())
    @rule(data=st.data(), parts=st.lists(AMOUNT, min_size=1, max_size=3))
    def claw_back(self, data: Any, parts: list[int]) -> None:
        first = data.draw(st.sampled_from(self.credits()))
        origins = [e for e in self.credits() if e.journal == first.journal][: len(parts)]
        items = list(zip(origins, parts, strict=False))
        member = next(m for m, account in self.accounts.items() if account is first.account)
        reference = self.reference()

        def real() -> Any:
            wanted = [ClawbackItem(self.real_of[o], p, rule=f"r{i}") for i, (o, p) in enumerate(items)]
            return points.clawback(
                member_id=member, journal_id=ids.new(), items=wanted, source="return",
                reference=reference, now=self.now,
            )  # fmt: skip

        self.both(real, lambda: first.account.claw(items), settles=[member])

    @rule(giver=WHO, amount=AMOUNT)
    def transfer(self, giver: Any, amount: int) -> None:
        taker = BORIS if giver == ANNA else ANNA
        reference = self.reference()
        source, target = self.accounts[giver], self.accounts[taker]

        def ideal() -> None:
            parts = [(lot, part, source.end(lot)) for lot, part in source.take(amount)]
            source.write("transfer", -amount)
            entry = target.write("transfer", amount)
            for number, (_lot, part, end) in enumerate(parts):
                target.repay(
                    target.open(
                        entry, part, born=self.count * 10 + number, ends=None if end == model.NEVER else end
                    )
                )

        def real() -> Any:
            return points.transfer(
                from_member_id=giver, to_member_id=taker, points=amount, reference=reference, now=self.now
            )

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

    @rule(hours=HOURS, sweep=st.booleans())
    def wait(self, hours: int, sweep: bool) -> None:
        self.now += timedelta(hours=hours)
        if sweep:
            points.expire_due(now=self.now)
            for account in self.accounts.values():
                account.settle(self.now)
            for member, account in self.accounts.items():
                assert support.numbers(member) == account.numbers()
                assert support.book(member) == [(e.kind, e.points, e.balance) for e in account.entries]
                stored = Lot.objects.filter(account__member_id=member).order_by("id")
                assert [(lot.free, lot.held) for lot in stored] == [
                    (lot.free, lot.held) for lot in account.lots
                ]
        self.compare()


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
