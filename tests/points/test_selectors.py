"""Balances at another instant: the future projected, the past reconstructed, and both without a trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from loyalty.lib import ids
from points import selectors
from points import services as points
from points.postings import ClawbackItem
from tenants.models import Brand
from tests.points.support import accrual, earn
from tests.support.brands import ANNA

pytestmark = pytest.mark.django_db


def at(when: datetime) -> tuple[int, int, int, int]:
    view = selectors.account_view(ANNA, when)
    return view.available, view.pending, view.held, view.debt


def test_the_future_is_projected_and_nothing_is_written(
    in_acme: Brand, now: datetime, row_counts: Callable
) -> None:
    day = timedelta(days=1)
    earn(ANNA, 10, "a", now=now, expires_at=now + 5 * day)
    earn(ANNA, 20, "b", now=now, available_at=now + 3 * day, expires_at=now + 9 * day)
    earn(ANNA, 40, "c", now=now, waits_for="order.completed", waits_ref="c")
    points.hold(member_id=ANNA, points=4, reference="h", expires_at=now + 7 * day, now=now)
    before = row_counts()
    assert at(now) == (6, 60, 4, 0)
    assert at(now + 3 * day) == (26, 40, 4, 0)
    assert at(now + 5 * day) == (20, 40, 4, 0)
    assert at(now + 7 * day) == (20, 40, 0, 0)  # the held four ran out with their lot
    assert at(now + 9 * day) == (0, 40, 0, 0)
    assert row_counts() == before
    assert selectors.account_view(ANNA, now).expiring == [(now + 5 * day, 6), (now + 9 * day, 20)]


def test_the_projection_is_what_settling_then_does(in_acme: Brand, now: datetime) -> None:
    day = timedelta(days=1)
    first = earn(ANNA, 30, "a", now=now)
    points.burn(member_id=ANNA, points=25, reference="b", now=now)
    points.reverse(entry_id=first.entries[0].entry_id, reference="r", now=now)  # owes 25
    earn(ANNA, 20, "c", now=now, available_at=now + day, expires_at=now + 10 * day)
    earn(ANNA, 20, "d", now=now, available_at=now + 2 * day, expires_at=now + 10 * day)
    assert [at(now + n * day) for n in (0, 1, 2, 10)] == [
        (0, 40, 0, 25), (0, 20, 0, 5), (15, 0, 0, 0), (0, 0, 0, 0),
    ]  # fmt: skip
    for n in (1, 2, 10):
        projected = at(now + n * day)
        points.settle(member_id=ANNA, now=now + n * day)
        assert at(now + n * day) == projected


def test_the_past_is_told_as_it_was(in_acme: Brand, now: datetime) -> None:
    hour = timedelta(hours=1)
    seen: list[tuple[datetime, tuple[int, int, int, int]]] = []

    def note(moment: datetime) -> None:
        seen.append((moment, at(moment)))

    order = points.post(
        member_id=ANNA,
        journal_id=ids.new(),
        entries=[
            accrual(30, "a", expires_at=now + 100 * hour),
            accrual(20, "a", "later", available_at=now + 8 * hour),
            accrual(7, "a", "event", waits_for="order.completed", waits_ref="a"),
        ],
        now=now,
    )
    note(now)
    points.burn(member_id=ANNA, points=12, reference="b", now=now + hour)
    note(now + hour)
    held = points.hold(
        member_id=ANNA, points=10, reference="h", expires_at=now + 50 * hour, now=now + 2 * hour
    )
    note(now + 2 * hour)
    points.capture(hold_id=held.hold_id, points=4, now=now + 3 * hour)
    note(now + 3 * hour)
    points.clawback(
        member_id=ANNA,
        journal_id=ids.new(),
        items=[ClawbackItem(order.entries[0].entry_id, 30)],
        source="return",
        reference="r",
        now=now + 4 * hour,
    )
    note(now + 4 * hour)
    earn(ANNA, 5, "c", now=now + 5 * hour)
    note(now + 5 * hour)
    note(now + 8 * hour)
    points.activate(waits_for="order.completed", waits_ref="a", now=now + 9 * hour)
    note(now + 9 * hour)
    points.settle(member_id=ANNA, now=now + 200 * hour)
    assert [at(moment) for moment, _numbers in seen] == [numbers for _moment, numbers in seen]
    assert at(now - hour) == (0, 0, 0, 0)


def test_the_past_of_a_lot_that_was_given_grace_twice(in_acme: Brand, now: datetime) -> None:
    in_acme.settings["restore_grace_days"] = 3
    day = timedelta(days=1)
    earn(ANNA, 50, "o", now=now, expires_at=now + 5 * day)
    first, second = (
        points.burn(member_id=ANNA, points=count, reference=f"b-{count}", now=now + day).entry.entry_id
        for count in (6, 7)
    )
    points.reverse(entry_id=first, reference="r-1", now=now + 10 * day)
    points.burn(member_id=ANNA, points=2, reference="b-2", now=now + 11 * day)
    points.reverse(entry_id=second, reference="r-2", now=now + 20 * day)

    def held(days: float) -> tuple[int, list[int]]:
        view = selectors.account_view(ANNA, now + days * day)
        return view.available, [count for _at, count in view.expiring]

    assert [held(number) for number in (2, 6, 10, 12, 15, 20, 24)] == [
        (37, [37]),  # until its own end
        (0, []),
        (6, [6]),  # given back, with days of grace that are over by the second time
        (4, [4]),
        (0, []),
        (7, [7]),
        (0, []),
    ]


def test_entries_are_found_by_their_reference(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 30, "S01-0007", now=now)
    points.burn(member_id=ANNA, points=12, reference="S01-0007", now=now)
    assert [e.kind for e in selectors.entries_by_reference("S01-0007")] == ["accrual", "burn"]
    assert [e.kind for e in selectors.entries_by_reference("S01-0007", source="burn")] == ["burn"]


def test_a_long_history_is_paged_by_the_index(
    in_acme: Brand, now: datetime, django_assert_num_queries: Callable
) -> None:
    for n in range(30):
        earn(ANNA, n + 1, f"o-{n}", now=now)
    rows, order = selectors.entries_of(ANNA)
    assert order == ("-seq",)
    with django_assert_num_queries(3):  # entries with account, lots, consumptions
        assert len([selectors.lot_trace(row) for row in rows.order_by(*order)[:20]]) == 20
