"""Real threads on the real Postgres: what the locks and keys of the ledger are for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from io import StringIO
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from loyalty.lib import clock, ids
from loyalty.lib.errors import Refusal
from members.models import Member
from points import services as points
from points.models import Account, Entry, Hold
from points.postings import ClawbackItem
from points.services.bulk import Journal
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.points.support import accrual, assert_sound, burnt, earn, numbers, taken
from tests.support import databases
from tests.support.brands import ANNA, BORIS

THREADS = 20


@pytest.fixture
def brand(committed_db: None) -> Iterator[Brand]:
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        yield acme


def at_once(brand: Brand, work: list[Callable[[], Any]], *, behind: UUID | None = None) -> list[Any]:
    """What each call returned or the code that refused it; the threads start together.

    `behind` is a member whose account is kept locked until every thread waits for somebody: so all are in
    the middle of their first call, however busy the machine is. One without an account gets it meanwhile.
    """
    threads = min(THREADS, len(work))
    gate = Barrier(threads)

    def run(share: list[Callable[[], Any]]) -> list[Any]:
        try:
            with clock.frozen(NOW), in_brand(brand):
                gate.wait(30)
                return [_answer(call) for call in share]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        with transaction.atomic():
            if behind is not None:
                points.open_account(member_id=behind, now=NOW)
                Account.objects.select_for_update().get(member_id=behind)
            running = [pool.submit(run, work[number::threads]) for number in range(threads)]
            if behind is not None:
                _all_wait(threads)
        return [answer for share in running for answer in share.result()]


def _all_wait(threads: int) -> None:
    """Return when so many sessions of this database wait for a lock."""
    with databases.superuser(connection.settings_dict["NAME"]) as server:
        for _look in range(3000):
            (waiting,) = server.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if waiting >= threads:
                return
    raise AssertionError(f"{waiting} of {threads} wait")


def _answer(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("spend", [burnt, taken])
def test_two_hundred_burns_of_a_balance_for_one(brand: Brand, now: datetime, spend: Callable) -> None:
    earn(ANNA, 10, "o", now=now)
    answers = at_once(
        brand, [lambda n=n: spend(ANNA, 10, f"b-{n}", now=now) for n in range(200)], behind=ANNA
    )
    assert Counter(a if isinstance(a, str) else "burned" for a in answers) == {
        "burned": 1,
        "insufficient_points": 199,
    }
    assert (numbers(ANNA), Entry.objects.exclude(kind="accrual").count()) == ((0, 0, 0, 0), 1)
    assert_sound()


def test_holds_of_a_balance_for_one(brand: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o", now=now)
    ends = now + timedelta(days=1)
    answers = at_once(
        brand,
        [
            lambda n=n: points.hold(member_id=ANNA, points=10, reference=f"h-{n}", expires_at=ends, now=now)
            for n in range(60)
        ],
        behind=ANNA,
    )
    assert answers.count("insufficient_points") == 59
    assert (numbers(ANNA), Hold.objects.count()) == ((0, 0, 10, 0), 1)
    assert_sound()


def test_credits_side_by_side_are_all_counted(brand: Brand, now: datetime) -> None:
    earn(ANNA, 1, "o", now=now)
    at_once(brand, [lambda n=n: earn(ANNA, 2, f"o-{n}", now=now) for n in range(100)], behind=ANNA)
    assert numbers(ANNA) == (201, 0, 0, 0)
    assert_sound()


def test_journals_side_by_side_are_all_counted(brand: Brand, now: datetime) -> None:
    earn(ANNA, 1, "o", now=now)

    def journal(number: int) -> Any:
        both = [accrual(2, f"o-{number}"), accrual(3, f"o-{number}", rule="more")]
        return points.post(member_id=ANNA, journal_id=ids.new(), entries=both, now=now)

    at_once(brand, [lambda n=n: journal(n) for n in range(100)])
    assert numbers(ANNA) == (501, 0, 0, 0)
    assert_sound()


def test_journals_of_two_currencies_do_not_wait_for_each_other_in_a_ring(brand: Brand, now: datetime) -> None:
    def journal(number: int) -> Any:
        both = [accrual(1, f"o-{number}"), accrual(1, f"o-{number}", rule="stars", currency="stars")]
        entries = both if number % 2 else both[::-1]
        return points.post(member_id=ANNA, journal_id=ids.new(), entries=entries, now=now)

    journal(-1)
    at_once(brand, [lambda n=n: journal(n) for n in range(200)])
    assert (numbers(ANNA), numbers(ANNA, "stars")) == ((201, 0, 0, 0), (201, 0, 0, 0))
    assert_sound()


def test_one_reference_a_hundred_times_has_one_effect(brand: Brand, now: datetime) -> None:
    earn(ANNA, 1000, "o", now=now)
    answers = at_once(brand, [lambda: points.burn(member_id=ANNA, points=7, reference="b", now=now)] * 100)
    assert Counter(a.replayed for a in answers) == {False: 1, True: 99}
    assert len({a.entry.entry_id for a in answers}) == 1
    orders = at_once(brand, [lambda: earn(BORIS, 9, "same", now=now)] * 100)
    assert Counter(a.replayed for a in orders) == {False: 1, True: 99}
    assert (numbers(ANNA)[0], numbers(BORIS)[0]) == (993, 9)
    assert_sound()


def test_one_reference_for_two_members_is_booked_for_one(brand: Brand, now: datetime) -> None:
    answers = at_once(
        brand,
        [lambda m=m: earn(m, 9, "same", now=now) for m in (ANNA, BORIS) * 20],
    )
    assert Counter(a if isinstance(a, str) else a.replayed for a in answers) == {
        False: 1, True: 19, "reference_conflict": 20,
    }  # fmt: skip
    assert Entry.objects.count() == 1


def test_a_hold_ends_once_however_many_end_it(brand: Brand, now: datetime) -> None:
    earn(ANNA, 100, "o", now=now)
    for number in range(10):
        held = points.hold(
            member_id=ANNA, points=10, reference=f"h-{number}", expires_at=now + timedelta(days=1), now=now
        )
        calls = [
            lambda h=held.hold_id: points.capture(hold_id=h, points=4, now=now),
            lambda h=held.hold_id: points.void(hold_id=h, now=now),
        ]
        answers = at_once(brand, calls * 5)
        assert len([a for a in answers if not isinstance(a, str) and not a.replayed]) == 1
    assert Hold.objects.filter(status="open").count() == 0
    captured = Entry.objects.filter(kind="capture").count()
    assert numbers(ANNA) == (100 - 4 * captured, 0, 0, 0)
    assert_sound()


def test_captures_of_many_holds_side_by_side_are_all_counted(brand: Brand, now: datetime) -> None:
    earn(ANNA, 100, "o", now=now)
    holds = [
        points.hold(
            member_id=ANNA, points=5, reference=f"h-{n}", expires_at=now + timedelta(minutes=5), now=now
        )
        for n in range(20)
    ]
    calls = [lambda h=h: points.capture(hold_id=h.hold_id, points=3, now=now) for h in holds]
    at_once(brand, calls, behind=ANNA)
    assert numbers(ANNA) == (40, 0, 0, 0)
    assert_sound()


def test_bulks_and_burns_side_by_side_are_all_counted(brand: Brand, now: datetime) -> None:
    earn(ANNA, 100, "o", now=now)
    calls: list[Callable[[], Any]] = [
        lambda n=n: points.burn(member_id=ANNA, points=5, reference=f"b-{n}", now=now) for n in range(10)
    ]
    calls += [
        lambda n=n: points.post_bulk(
            journals=[Journal(ANNA, ids.new(), [accrual(7, f"bulk-{n}")], {})], now=now
        )
        for n in range(10)
    ]
    at_once(brand, calls, behind=ANNA)
    assert numbers(ANNA) == (100 - 50 + 70, 0, 0, 0)
    assert_sound()


def test_reversals_in_parallel_never_give_back_more_than_was_taken(brand: Brand, now: datetime) -> None:
    order = earn(ANNA, 100, "o", now=now)
    burned = points.burn(member_id=ANNA, points=60, reference="b", now=now)
    calls: list[Callable[[], Any]] = [
        lambda n=n: points.reverse(entry_id=burned.entry.entry_id, points=10, reference=f"r-{n}", now=now)
        for n in range(20)
    ]
    calls += [
        lambda n=n: points.clawback(
            member_id=ANNA, journal_id=ids.new(), items=[ClawbackItem(order.entries[0].entry_id, 15)],
            source="return", reference=f"ret-{n}", now=now,
        )
        for n in range(20)
    ]  # fmt: skip
    answers = at_once(brand, calls)
    assert answers.count("reversal_exceeds_entry") == 14 + 14
    assert numbers(ANNA) == (10, 0, 0, 0)
    assert_sound()


@pytest.mark.whole
def test_the_bank(brand: Brand, now: datetime) -> None:
    """Fifty clients move points among ten hot accounts while the whole book is read."""
    people = [_person(number) for number in range(10)]
    for member_id in people:
        earn(member_id, 100, f"o-{member_id}", now=now)
    random.seed(7)
    brand.settings["transfer_monthly_limit"] = None
    moves = [(*random.sample(people, 2), random.randint(1, 60), f"t-{number}") for number in range(600)]

    def move(giver: UUID, taker: UUID, amount: int, reference: str) -> Any:
        return points.transfer(
            from_member_id=giver, to_member_id=taker, points=amount, reference=reference, now=now
        )

    def total() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(available + pending + held - debt), min(available) FROM points_account"
            )
            whole, least = cursor.fetchone()
            assert least >= 0
            return int(whole)

    work: list[Callable[[], Any]] = [lambda m=m: move(*m) for m in moves]
    for place in range(0, len(work), 6):
        work.insert(place, total)
    answers = at_once(brand, work)
    assert {a for a in answers if isinstance(a, int)} == {1000}
    assert {a for a in answers if isinstance(a, str)} <= {"insufficient_points"}
    assert total() == 1000
    assert_sound()


def test_first_entries_of_one_member_open_one_account(brand: Brand, now: datetime) -> None:
    member_id = _person(77)
    work = [lambda n=n: earn(member_id, 5, f"o-{n}", now=now) for n in range(40)]
    at_once(brand, work, behind=member_id)  # while somebody has just opened it, and nobody sees that yet
    account = Account.objects.get(member_id=member_id)
    assert (account.available, account.last_seq) == (200, 40)
    assert_sound()


def test_sweeps_side_by_side_expire_each_lot_once_and_pass_over_the_busy(brand: Brand, now: datetime) -> None:
    people = [_person(number) for number in range(30)]
    for member_id in people:
        earn(member_id, 10, f"o-{member_id}", now=now, expires_at=now + timedelta(days=1))
    later = now + timedelta(days=2)
    with closing(databases.superuser(connection.settings_dict["NAME"])) as other:
        other.autocommit = False
        other.execute("SELECT 1 FROM acme.points_account WHERE member_id = %s FOR UPDATE", [people[0]])
        counts = at_once(brand, [lambda: points.expire_due(now=later, limit=4)] * 20)
        assert sum(counts) == 29
        other.rollback()
    assert points.expire_due(now=later) == 1
    assert Entry.objects.filter(kind="expiry").count() == 30
    assert_sound()


def test_the_lock_is_held_to_the_end_of_the_transaction(brand: Brand, now: datetime) -> None:
    earn(ANNA, 10, "o", now=now)
    with closing(databases.superuser(connection.settings_dict["NAME"])) as other:
        other.execute("SET lock_timeout = '50ms'")
        with transaction.atomic():
            points.lock_account(member_id=ANNA, now=now)
            with pytest.raises(Exception, match="lock timeout"):
                other.execute(
                    "UPDATE acme.points_account SET updated_at = updated_at WHERE member_id = %s", [ANNA]
                )
        other.execute("UPDATE acme.points_account SET updated_at = updated_at WHERE member_id = %s", [ANNA])


def test_verify_ledger_is_green_while_work_goes_on(brand: Brand, now: datetime) -> None:
    def adjust(number: int) -> Any:
        amount = 10 if number % 3 else -10
        return points.adjust(
            member_id=ANNA, points=amount, reference=f"a-{number}", reason="r", actor="a", now=now
        )

    def verify() -> str:
        out = StringIO()
        connection.set_schema_to_public()
        call_command("verify_ledger", "--brand", "acme", stdout=out)
        connection.set_tenant(brand)
        return out.getvalue()

    work: list[Callable[[], Any]] = [lambda n=n: adjust(n) for n in range(1, 200)]
    reports = [a for a in at_once(brand, [verify, *work, verify]) if isinstance(a, str) and "acme" in a]
    for lines in (report.splitlines() for report in reports):
        assert lines[0] == "acme"
        assert all(" ok " in line for line in lines[1:])
        assert len(lines) > 9
    assert len(reports) == 2


def _person(number: int) -> UUID:
    member = Member.objects.create(
        id=ids.new(), name=f"person {number}", enrolled_at=NOW, referral_code=f"P{number:05d}"
    )
    return member.id
